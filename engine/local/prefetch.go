//go:build amd64 || arm64

package local

import "unsafe"

// prefetch asks the processor for the line of memory at p, and does not wait for it.
//
//go:noescape
func prefetch(p unsafe.Pointer)
