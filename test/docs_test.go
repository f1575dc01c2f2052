package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDocs runs what the pages of docs/ tell people to type, and holds what it prints against what they show. Each page
// has a network of its own, in which the default ports are free. CONTRIBUTING.md says how a page is written.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("there are no pages: %v", err)
	}
	isolate := isolation(t)
	for _, path := range append(pages, "../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := stepsOf(string(text))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if len(steps) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			s := openShell(t, isolate)
			for _, st := range steps {
				if err := s.run(t, st); err != nil {
					t.Fatalf("%s:%d: %v", path, st.line, err)
				}
			}
		})
	}
}

// isolation returns the command that gives another one a network and processes of its own, which end with it.
func isolation(t *testing.T) []string {
	t.Helper()
	for _, more := range [][]string{nil, {"-U", "-r"}} {
		args := append([]string{"unshare", "-n", "-p", "-f", "--kill-child"}, more...)
		if exec.Command(args[0], append(args[1:], "ip", "link", "set", "lo", "up")...).Run() == nil {
			return args
		}
	}
	t.Skip("needs root or user namespaces: a network of its own")
	return nil
}

// step is something that a page tells people to run.
type step struct {
	line    int
	lang    string // sh for a command, or that of a program
	text    string
	output  []string // what it prints, as the page shows it
	compare bool     // whether the page shows it
}

var languages = map[string]string{"js": "page.mjs", "python": "page.py", "go": "page.go"}

// stepsOf returns what is to be run of a page: of a block ```console each command after "$ ", with the lines after it as
// what it prints; a block ```sh as a whole; and a block such as ```js run, ```python run or ```go run as a program, with
// the block ```output after it as what it prints.
func stepsOf(text string) (steps []step, err error) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		info, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			continue
		}
		start, end := i+1, i+1
		for end < len(lines) && lines[end] != "```" {
			end++
		}
		if end == len(lines) {
			return nil, fmt.Errorf("line %d: the block does not end", i+1)
		}
		body := lines[start:end]
		lang, runs := strings.CutSuffix(info, " run")
		switch {
		case info == "console":
			steps = append(steps, commandsOf(body, start+1)...)
		case info == "sh":
			steps = append(steps, step{line: start, lang: "sh", text: strings.Join(body, "\n")})
		case runs && languages[lang] == "":
			return nil, fmt.Errorf("line %d: nothing runs %q", i+1, lang)
		case runs:
			steps = append(steps, step{line: start, lang: lang, text: strings.Join(body, "\n")})
		case info == "output" && len(steps) > 0:
			last := &steps[len(steps)-1]
			last.output, last.compare = body, true
		case info == "output":
			return nil, fmt.Errorf("line %d: output of nothing", i+1)
		}
		i = end
	}
	return steps, nil
}

// commandsOf returns the commands of a console: a line that begins with "> " goes on with the command above it.
func commandsOf(lines []string, number int) (steps []step) {
	for i, l := range lines {
		command, isCommand := strings.CutPrefix(l, "$ ")
		if isCommand {
			steps = append(steps, step{line: number + i, lang: "sh", text: command, compare: true})
			continue
		}
		if len(steps) == 0 {
			continue
		}
		last := &steps[len(steps)-1]
		if more, ok := strings.CutPrefix(l, "> "); ok && len(last.output) == 0 {
			last.text += "\n" + more
			continue
		}
		last.output = append(last.output, l)
	}
	return steps
}

// shell is where one page's steps are run, one after another, in an empty folder.
type shell struct {
	dir string
	in  io.Writer
	out *bufio.Reader
	n   int
}

// The shell runs each step from a file, in itself, so that variables and jobs stay, and then says how it ended. A server
// that is started in the background is waited for: the next step finds it listening.
const shellStart = `
ip link set lo up
listening() { awk '$4 == "0A"' /proc/net/tcp /proc/net/tcp6 | wc -l; }
step() { . "$1"; }
background() {
	local before=$(listening) last=0 now=0
	. "$1" >>background.log 2>&1
	for _ in $(seq 400); do
		last=$now now=$(listening)
		((now > before && now == last)) && return 0
		sleep 0.05
	done
	cat background.log
	return 1
}
`

func openShell(t *testing.T, isolate []string) *shell {
	t.Helper()
	s := &shell{dir: t.TempDir()}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(here, "node", "node_modules"), filepath.Join(s.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	cmd := exec.CommandContext(ctx, isolate[0], append(isolate[1:], "bash", "--norc")...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HEARTH_CONFIG=", "HOME="+s.dir,
		"PATH="+filepath.Dir(binary)+":"+filepath.Join(here, "../.cache/python/bin")+":"+os.Getenv("PATH"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		in.Close()
		cancel()
		_ = cmd.Wait()
		r.Close()
	})
	s.in, s.out = in, bufio.NewReader(r)
	fmt.Fprint(s.in, shellStart)
	return s
}

// run runs a step and compares what it prints.
func (s *shell) run(t *testing.T, st step) error {
	t.Helper()
	text := st.text
	if st.lang != "sh" {
		var err error
		if text, err = s.program(t, st); err != nil {
			return err
		}
	}
	s.n++
	file := filepath.Join(s.dir, "."+strconv.Itoa(s.n)+".sh")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		return err
	}
	how := "step"
	if strings.HasSuffix(text, "&") {
		how = "background"
	}
	fmt.Fprintf(s.in, "%s %s </dev/null; printf '\\n\\001%%s\\n' $?\n", how, file)
	printed, code, err := s.answer()
	switch {
	case err != nil:
		return fmt.Errorf("%s: the shell ended: %w; it printed\n%s", text, err, printed)
	case code != "0":
		return fmt.Errorf("%s\nended with %s; it printed\n%s", text, code, printed)
	case st.compare && !shows(st.output, printed):
		return fmt.Errorf("%s\nprinted\n%s\nand the page shows\n%s", text, printed, strings.Join(st.output, "\n"))
	}
	return nil
}

// program puts a program where its packages are found, and returns the command that runs it.
func (s *shell) program(t *testing.T, st step) (command string, err error) {
	file := filepath.Join(s.dir, languages[st.lang])
	if err := os.WriteFile(file, []byte(st.text), 0o600); err != nil {
		return "", err
	}
	switch st.lang {
	case "js":
		return "node " + file, nil
	case "python":
		return "python " + file, nil
	}
	// Built here, in the module that has the packages.
	built := filepath.Join(s.dir, "page")
	dir, err := os.MkdirTemp(".", "testdata-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(st.text), 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", built, "./"+dir).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return built, nil
}

// answer returns what a step printed, and how it ended.
func (s *shell) answer() (printed, code string, err error) {
	var b strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if code, ok := strings.CutPrefix(line, "\x01"); ok {
			return strings.TrimRight(b.String(), "\n"), strings.TrimSpace(code), nil
		}
		b.WriteString(line)
		if err != nil {
			return b.String(), "", err
		}
	}
}

// shows reports whether a page shows what was printed: … stands for any text within a line or, alone, for any lines.
func shows(lines []string, printed string) bool {
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	pattern := "^"
	for _, l := range lines {
		if l == "…" {
			pattern += "(.*\n)*?"
			continue
		}
		pattern += strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(l, " ")), "…", ".*") + "\n"
	}
	text := strings.Split(printed, "\n")
	for i := range text {
		text[i] = strings.TrimRight(text[i], " \r")
	}
	printed = strings.TrimRight(strings.Join(text, "\n"), "\n")
	if printed != "" {
		printed += "\n"
	}
	return regexp.MustCompile(pattern + "$").MatchString(printed)
}

func TestShows(t *testing.T) {
	check := func(page, printed string, want bool) {
		t.Helper()
		var lines []string
		if page != "" {
			lines = strings.Split(page, "\n")
		}
		if got := shows(lines, printed); got != want {
			t.Errorf("%q shows %q: %v", page, printed, got)
		}
	}

	check("", "", true)
	check("", "x", false)
	check("x", "", false)
	check("a.c", "abc", false)
	check("ttl=…; hit", "ttl=59; hit\n", true)
	check("ttl=…; hit", "ttl=59; miss", false)
	check("a\n…\nz", "a\nb\nc\nz", true)
	check("a\n…\nz", "a\nz", true)
	check("a\n…", "b", false)
	check("a  ", "a\r\n", true)
}
