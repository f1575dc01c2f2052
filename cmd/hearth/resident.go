package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settled is how long after its start a server is taken to have it behind it.
const settled = 250 * time.Millisecond

// forgetStart gives back the pages of the binary that the start has touched, most of them only by the kernel's reading
// around a fault. They count as resident memory of the process; what is used again comes from the system's cache.
// Nothing is lost: only mappings of the file that nobody can write to are given back.
func forgetStart() {
	path, err := os.Executable()
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var start, end uintptr
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &start, &end, &access); err != nil {
			continue
		}
		if strings.HasSuffix(lines.Text(), path) && (access == "r-xp" || access == "r--p") {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED)
		}
	}
}
