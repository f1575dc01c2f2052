package resp

// Bounds against clients that want too much, by accident or not. docs/resp.md says what happens at each.
const (
	blockBytesMin  = 64 << 10 // a value of so many bytes is read into a Block
	gatherBytesMin = 16 << 10 // a half request of so many bytes is gathered by its connection
	gatherBytesMax = 64 << 20 // one request, but for a value that has a Block
	trashBytes     = 64 << 10 // read at once of what is thrown away
	optionsBytes   = 256      // of what may come behind a large value in a request
	argBytes       = 64       // what an argument takes beside its bytes: its position, and what refers to it while its command runs
	argsTurnMax    = 8 << 10  // a command of more arguments is not run by its loop, and only a few such commands at a time
	queuedMax      = 1 << 18  // commands of one transaction
	queuedArgsMax  = 1 << 20  // arguments of all of them
	queuedBytesMax = 64 << 20 // bytes of those
	queuedBytes    = 512      // what a queued command takes beside its arguments, until EXEC has answered it
	queuedArgBytes = 24       // and what each of those takes beside its bytes
	queuedGrain    = 16 << 10 // a transaction's memory is counted in such pieces, and the first is free
	watchedMax     = 1 << 16  // keys that a connection watches
	watchedBytes   = 256      // what a watched key takes beside two copies of it
	clientBytesMax = 1 << 10  // what a client calls itself, or its library
	namesMax       = 1 << 8   // commands that COMMAND INFO and COMMAND DOCS are asked for
	argsKept       = 1 << 10  // arguments that a connection has room for between requests
)
