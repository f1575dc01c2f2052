package op

import _ "embed" // the library's text

// Library is the server-side functions that Send calls with Batch.Function, as FUNCTION LOAD takes it. Its first line
// is "#!lua name=hearth"; engine/valkey adds a version to the names of the library and of its functions.
//
//go:embed functions.lua
var Library string
