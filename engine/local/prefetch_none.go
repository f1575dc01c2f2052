//go:build !amd64 && !arm64

package local

import "unsafe"

// prefetch does nothing where we do not know how.
func prefetch(unsafe.Pointer) {}
