package enginetest

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/engine"
	"github.com/hearthcache/hearth/op"
)

// Update makes scripts take the answers of the engine under test as the expected ones.
func update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// scripts runs op/testdata/<file>.txt for every command. A script is lines: a command as Format spells it, then, after
// "= ", what it answers as Describe spells it; "wait N" lets N milliseconds pass; "invalidate TAG" does that; "reset" goes to an empty space; lines
// that begin with # are for people.
func scripts(t *testing.T, o Options, e engine.Engine) {
	dir := filepath.Join(moduleRoot(t), "op", "testdata")
	p := &scriptPlayer{Options: o, engine: e, spaces: &spaceSource{last: 1 << 4}}
	for _, c := range Commands() {
		name := reflect.TypeOf(c).Elem().Name()
		file := filepath.Join(dir, snake(name)+".txt")
		if o.Lacks[c.Spec().Name] {
			continue
		}
		t.Run(name, func(t *testing.T) { p.file(t, file) })
	}
}

type scriptPlayer struct {
	Options
	engine engine.Engine
	spaces *spaceSource
	space  hearth.Space
}

func (p *scriptPlayer) file(t *testing.T, path string) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("every command has a script: %v", err)
	}
	var out bytes.Buffer
	p.space = p.spaces.next()
	said, n := "", 0
	lines := bufio.NewScanner(bytes.NewReader(src))
	for lines.Scan() {
		n++
		line := lines.Text()
		want, answer := strings.CutPrefix(line, "= ")
		switch {
		case answer && update():
			continue
		case answer:
			if said != want {
				t.Errorf("%s:%d: got\n= %s\nwant\n%s", filepath.Base(path), n, said, line)
			}
			continue
		}
		fmt.Fprintln(&out, line)
		if said, err = p.line(strings.TrimSpace(line)); err != nil {
			t.Fatalf("%s:%d: %v", filepath.Base(path), n, err)
		}
		if said != "" {
			fmt.Fprintln(&out, "= "+said)
		}
	}
	if update() {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// line runs one line and returns what the command answered.
func (p *scriptPlayer) line(line string) (string, error) {
	wait, ok := strings.CutPrefix(line, "wait ")
	switch {
	case line == "" || line[0] == '#':
		return "", nil
	case line == "reset":
		p.space = p.spaces.next()
		return "", nil
	case ok:
		millis, err := strconv.ParseInt(wait, 10, 64)
		p.pass(millis)
		return "", err
	}
	if tag, ok := strings.CutPrefix(line, "invalidate "); ok {
		return "", p.engine.(engine.Tagger).Invalidate(context.Background(), p.space, []byte(tag))
	}
	o, err := Parse(line)
	if err != nil {
		return "", err
	}
	var r op.Reply
	defer r.Reset()
	err = p.engine.Do(context.Background(), p.space, o, &r)
	switch o.(type) {
	case *op.ItemTTL, *op.MetaGet, *op.GetTTL:
		r.Int = toSecond(r.Int)
	}
	return Describe(o, &r, err), nil
}

// toSecond rounds what is left of a time to live up, so that a machine's clock may go on meanwhile.
func toSecond(millis int64) int64 {
	if millis <= 0 {
		return millis
	}
	return (millis + 999) / 1000 * 1000
}

func (p *scriptPlayer) pass(millis int64) {
	if p.Clock != nil {
		p.Clock.Advance(millis)
		return
	}
	time.Sleep(time.Duration(millis) * time.Millisecond)
}

// snake is the name of a command's file.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		lower := i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z'
		if c >= 'A' && c <= 'Z' && lower {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

func moduleRoot(t *testing.T) string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("there is no go.mod above the test")
	return ""
}
