package memcache

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/gateway"
)

// Every command that stores a large value answers and stores as memcached does, and gives all memory back: the engine has
// room for few of them.
func TestLargeValuesInPlace(t *testing.T) {
	plane, err := control.NewPlane(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Engine: local.New(local.Options{BytesMax: 8 << 20}), Plane: plane, Open: true})
	ours, theirs := dial(t, listen(t, New(Options{Gateway: g}))), dial(t, memcached(t, "-I", "4m"))
	for i, line := range []string{
		"set k 7 0 %d", "set new 7 100 %d", "set k 0 -1 %d", "add k 7 0 %d", "add new 7 0 %d", "replace k 7 0 %d", "replace new 7 0 %d",
		"cas k 7 0 %d 1", "cas new 7 0 %d 1", "append k 7 0 %d", "prepend k 7 0 %d", "append new 0 0 %d", "set k 7 0 %d noreply",
		"ms k %d", "ms k %d F7 T100", "ms new %d ME k O1", "ms k %d ME", "ms k %d MR", "ms new %d MR", "ms k %d MA", "ms k %d MP", "ms new %d C1",
		"ms k %d C1", "ms k %d C1 I", "ms k %d q", "ms b2Rk %d b k", "ms k %d MX",
	} {
		for _, size := range []int{blockBytesMin - 1, blockBytesMin, 1_000_000, 3_000_000} {
			value := strings.Repeat(fmt.Sprint(i, size, " "), size)[:size]
			store := fmt.Sprintf(line, size) + "\r\n" + value + "\r\n"
			for _, ending := range []string{store, store[:len(store)-2] + "x\r\n"} {
				for _, request := range []string{"delete k\r\ndelete new\r\ndelete odd\r\nset k 1 0 3\r\nold\r\n", ending, "get k new odd\r\n", "mg k f s\r\nmg odd f s\r\n"} {
					if got, want := ours.do(request), theirs.do(request); got != want {
						t.Fatalf("after %q of %d bytes: %.60q answers\n%.200q, %d bytes, memcached\n%.200q, %d bytes", line, size, request, got, len(got), want, len(want))
					}
				}
			}
		}
	}
}
