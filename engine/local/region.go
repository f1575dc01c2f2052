package local

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// region is a stretch of address space outside the Go heap. Only pages that were touched cost memory.
type region struct {
	base unsafe.Pointer
	size int64
	mem  []byte
}

// reserve asks the system for size bytes of address space, and for less where it gives no more.
func reserve(size int64) (region, error) {
	for {
		mem, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
		if err == nil {
			return region{base: unsafe.Pointer(unsafe.SliceData(mem)), size: size, mem: mem}, nil
		}
		if size /= 2; size < groupBytes {
			return region{}, err
		}
	}
}

// at returns the address of an offset.
func (r *region) at(off uint64) unsafe.Pointer { return unsafe.Add(r.base, off) }

// bytes returns n bytes from off on.
func (r *region) bytes(off uint64, n int) []byte { return unsafe.Slice((*byte)(r.at(off)), n) }

// giveBack returns the pages of a stretch to the system; the addresses stay.
func (r *region) giveBack(off uint64, n int64) {
	// The advice cannot fail on a mapping of ours; if it did, the pages would merely stay.
	_ = unix.Madvise(r.bytes(off, int(n)), unix.MADV_DONTNEED)
}

func (r *region) unmap() {
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
		r.mem = nil
	}
}

func pagesUp(n int64) int64 { return (n + pageBytes - 1) &^ (pageBytes - 1) }
