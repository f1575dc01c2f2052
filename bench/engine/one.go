package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/op"
)

// Memory and pauses are measured in a process of their own for each row, so that none inherits another's heap.

// rss returns the resident bytes of this process.
func rss() float64 {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			k, _ := strconv.ParseFloat(f[1], 64)
			return k * 1024
		}
	}
	return 0
}

// again runs this program for one measurement and returns what it printed.
func again(what ...any) string {
	arg := strings.TrimSuffix(fmt.Sprintln(what...), "\n")
	cmd := exec.Command(os.Args[0], "-one", arg)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Sprintf("failed: %v", err)
	}
	return string(bytes.TrimSpace(out))
}

// runOne is one measurement in this process: its name, then its arguments.
func runOne(arg string) {
	f := strings.Fields(arg)
	num := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	switch f[0] {
	case "memory":
		oneMemory(f[1], num(2), num(3))
	case "pauses":
		onePauses(f[1], num(2))
	case "eviction":
		oneEviction(f[1])
	case "small":
		oneSmall(num(1), num(2))
	}
}

func memory(names []string) {
	fmt.Print("Bytes of memory per item beyond key and value, by RSS after a fill and a forced release\n\n")
	fmt.Print("| items | value |")
	for _, name := range names {
		fmt.Printf(" %s |", name)
	}
	fmt.Print("\n|---|---|" + strings.Repeat("---|", len(names)) + "\n")
	row := func(n, value int, names []string) {
		fmt.Printf("| %d | %d |", n, value)
		for _, name := range names {
			fmt.Printf(" %s |", again("memory", name, n, value))
		}
		fmt.Println()
	}
	for n := 1; n <= 8; n++ {
		if n == 5 {
			row(n*1_000_000, 100, names)
			continue
		}
		row(n*1_000_000, 100, names[:1])
	}
	row(1_000_000, 1000, names)
	fmt.Println()
}

func oneMemory(name string, n, value int) {
	s := open(name, int64(n)*int64(keyLen+value+80)*4/3, n)
	runtime.GC()
	debug.FreeOSMemory()
	before := rss()
	w := s.worker()
	k, v := make([]byte, keyLen), make([]byte, value)
	for i := range n {
		w.set(keyOf(k, uint64(i)), v)
	}
	s.wait()
	runtime.GC()
	debug.FreeOSMemory()
	per := (rss() - before) / float64(n)
	fmt.Printf("%.1f", per-float64(keyLen+value))
	runtime.KeepAlive(s)
}

func eviction(names []string) {
	fmt.Print("A set that evicts, in a store of 256 MiB filled three times over\n\n| store | ns per set |\n|---|---|\n")
	for _, name := range names {
		fmt.Printf("| %s | %s |\n", name, again("eviction", name))
	}
	fmt.Println()
}

func oneEviction(name string) {
	const bytesMax = 256 << 20
	n := bytesMax / (keyLen + valueLen)
	s := open(name, bytesMax, n)
	w := s.worker()
	k, v := make([]byte, keyLen), make([]byte, valueLen)
	for i := range 2 * n {
		w.set(keyOf(k, uint64(i)), v)
	}
	s.wait()
	start := time.Now()
	for i := range n {
		w.set(keyOf(k, uint64(2*n+i)), v)
	}
	s.wait()
	fmt.Printf("%.0f", float64(time.Since(start).Nanoseconds())/float64(n))
}

func smallCaches() {
	fmt.Print("Ten thousand small caches: bytes of memory for each, by RSS\n\n| items of 20 + 100 bytes in each | bytes |\n|---|---|\n")
	for _, n := range []int{0, 1, 10, 100} {
		fmt.Printf("| %d | %s |\n", n, again("small", 10_000, n))
	}
	fmt.Println()
}

func oneSmall(caches, items int) {
	e := local.New(local.Options{BytesMax: 1 << 30})
	runtime.GC()
	debug.FreeOSMemory()
	before := rss()
	var r op.Reply
	k, v := make([]byte, keyLen), make([]byte, valueLen)
	for c := range caches {
		s := hearth.Space(c + 1)
		e.Bound(s, 0, 0, 1)
		for i := range items {
			r.Reset()
			if err := e.Do(context.Background(), s, &op.Set{K: keyOf(k, uint64(i)), Value: v}, &r); err != nil {
				panic(err)
			}
		}
	}
	runtime.GC()
	debug.FreeOSMemory()
	fmt.Printf("%.0f", (rss()-before)/float64(caches))
	runtime.KeepAlive(e)
}
