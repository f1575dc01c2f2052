package door

// Bounds of what a connection may hold and of what is kept between turns.
const (
	// InputBytesMax is how much input a session may leave for later; a connection beyond it ends.
	InputBytesMax = 1 << 20
	// QueueBytesMax is how much may be queued for a peer before its input is left unread, unless the Server says
	// otherwise.
	QueueBytesMax = 1 << 20
	// QueueBytesLow is how much may be queued instead while the peers of all connections have taken less than half of what an
	// Answers budget allows.
	QueueBytesLow = 64 << 10
	// AnswerBytesMax is the memory of copied answers that peers have not taken, in a process, beyond QueueBytesLow for each
	// connection, unless a Budget says otherwise.
	AnswerBytesMax = 256 << 20
	// ConnectionsMax is how many connections a process holds unless Limits say otherwise.
	ConnectionsMax = 65536
	// RequestBytesMax is the memory that requests of a process may take while they are not done, beyond a little for each
	// connection, unless a Budget says otherwise.
	RequestBytesMax = 256 << 20
	// RequestBytesMin is how much of that a process leaves them whose items have little memory.
	RequestBytesMin = 64 << 20

	readBytes       = 64 << 10 // one read
	readsPerTurn    = 4        // before other connections have theirs
	turnMicros      = 250      // of running requests, too
	requestsPerLook = 8        // between two looks at the clock
	inputBytesKept  = 512      // of the buffer for left input of an idle connection
	writerBytesKept = 256 << 10
	segmentBytes    = 16 << 10 // what is larger has a place of its own in the queue
	recordBytes     = 16 << 10 // what a TLS record holds (RFC 8446, 5.1)

	stallMillis     = 60_000   // a peer may take nothing for so long
	partingMillis   = 1_000    // a peer may take so long to notice that the connection has ended
	handshakeMillis = 10_000   // and so long for a TLS handshake
	headerMillis    = 10_000   // and for the first bytes, or the header of an HTTP/1.1 request
	idleMillis      = 120_000  // an HTTP/1.1 connection may be idle so long
	guestMillis     = 30_000   // and for signing in, unless the Server says otherwise
	bodyIdleMillis  = 30_000   // the body of an HTTP/1.1 request may bring nothing for so long
	headerBytesMax  = 64 << 10 // of an HTTP/1.1 request
	tickMillis      = 200      // how often patience is looked at, while there is a reason to
	missesMax       = 8        // polls that find nothing before a loop sleeps without polling
	sleepsMax       = 64       // sleeps without polling before it polls again
	yieldMillis     = 8        // a loop that sleeps again and again lets other goroutines have their turn so often
	wokenKept       = 4096     // places in a loop's list of woken connections
	drainMillis     = 10_000   // what is under way may take so long when the server stops, unless it says otherwise
)
