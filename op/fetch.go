package op

// Fetch is a GetTTL by somebody who loads the item where it is missing, or where it has less than Grace to live: the
// gateway lets one caller load at a time, which is told so with a Lease, and has the others wait. Engines see a GetTTL.
// Times are in milliseconds.
type Fetch struct {
	GetTTL
	Wait  int64 // how long to wait for somebody else's load; 0 is to ask for the item only
	Load  int64 // how long a load may take before the next one may try
	Grace int64 // what is left of an item's life when it is to be loaded again; who does not load gets what is there
}
