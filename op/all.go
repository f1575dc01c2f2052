package op

// The numbers of the commands. A new command takes a line here and one in All.
const (
	idGet ID = iota
	idSet
	idDelete
	idCount
)

// Count is the number of commands, for arrays indexed by ID.
const Count = int(idCount)

// All lists every command's spec by its ID.
var All = [Count]*Spec{
	idGet:    &getSpec,
	idSet:    &setSpec,
	idDelete: &deleteSpec,
}
