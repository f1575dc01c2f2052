package valkey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/hearthcache/hearth/respwire"
)

// library is the server-side functions. Its name and those of its functions carry a version made of its text, so that
// gateways of two versions can share servers while one replaces the other.
type library struct {
	source string
	suffix string
}

func newLibrary(source string) library {
	sum := sha256.Sum256([]byte(source))
	l := library{suffix: "_" + hex.EncodeToString(sum[:4])}
	libraryName := regexp.MustCompile(`^#!lua name=\w+`)
	functionName := regexp.MustCompile(`(register_function\s*[({]\s*(?:function_name\s*=\s*)?['"])(\w+)(['"])`)
	source = libraryName.ReplaceAllString(source, "${0}"+l.suffix)
	l.source = functionName.ReplaceAllString(source, "${1}${2}"+l.suffix+"${3}")
	return l
}

// load gives the library to the server that answers for key. Somebody else may have done so meanwhile.
func (l library) load(ctx context.Context, c *connected, key string) error {
	cmd := c.B().Arbitrary("FUNCTION", "LOAD", l.source).Build()
	err := c.Do(ctx, cmd.SetSlot(key)).Error()
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

// isCall reports whether a command calls a function.
func isCall(args [][]byte) bool { return len(args) > 1 && string(args[0]) == "FCALL" }

func anyCall(b *respwire.Batch) bool {
	for i := range b.Len() {
		if isCall(b.At(i)) {
			return true
		}
	}
	return false
}

// anyMissing reports whether a reply says that the library is not loaded.
func anyMissing(vs []respwire.Value) bool {
	for _, v := range vs {
		if isFunctionMissing(v) {
			return true
		}
	}
	return false
}
