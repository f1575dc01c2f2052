// Package fleet starts and stops Valkey or Redis servers and clusters of them on this machine's loopback, for trying
// hearth's fleet and for tests. It knows nothing of hearth itself.
package fleet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is one server process.
type Server struct {
	Addr string // host:port on loopback

	program string
	dir     string
	args    []string
	detach  bool
	began   func(*Server)
	held    io.Closer // keeps the port while the server is down
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the process has gone
}

// startTimeout bounds how long a server or a cluster may take to answer.
const startTimeout = time.Minute

// Program returns the server's program that is installed here: Valkey's, else Redis's.
func Program() (string, error) {
	for _, name := range []string{"valkey-server", "redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither valkey-server nor redis-server is installed (Debian: apt-get install redis-server)")
}

// Start starts a server on a free port of loopback, without persistence, with the given further arguments, and waits
// until it answers. Its files go into dir.
func Start(dir string, args ...string) (*Server, error) { return start(dir, false, nil, args) }

func start(dir string, detach bool, began func(*Server), args []string) (*Server, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	for range 5 {
		port, held, err := reserve()
		if err != nil {
			return nil, err
		}
		s := &Server{Addr: loopback(port), program: program, dir: dir, detach: detach, began: began, held: held}
		s.args = append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "",
			"--appendonly", "no", "--daemonize", "no", "--logfile", filepath.Join(dir, "log-"+strconv.Itoa(port))}, args...)
		if err = s.run(); err == nil {
			return s, nil
		}
		_ = held.Close()
		// Somebody else may have taken the port meanwhile.
		if !strings.Contains(s.log(), "Address already in use") {
			return nil, err
		}
	}
	return nil, errors.New("every port was taken by somebody else before the server had it")
}

func (s *Server) run() error {
	s.cmd = exec.Command(s.program, s.args...)
	s.cmd.Dir = s.dir // from the first moment, for who looks for servers by their folder
	// Of a session of its own, it does not hear what the terminal tells this process.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: s.detach}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if s.began != nil {
		s.began(s)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(exited)
	}(s.cmd)
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-exited:
			return fmt.Errorf("%s ended at once: %s", s.program, s.log())
		default:
		}
		// A server of somebody else's that has the port answers too; this process ends then.
		if info, err := s.Command("INFO", "server"); err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r", s.Pid())) {
			return nil
		}
	}
	s.Stop()
	return fmt.Errorf("%s on %s does not answer: %s", s.program, s.Addr, s.log())
}

// log returns the end of what the server wrote.
func (s *Server) log() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	b, _ := os.ReadFile(filepath.Join(s.dir, "log-"+port))
	return string(b[max(0, len(b)-500):])
}

// Command says one command and returns the first line of the answer, or all of a bulk string.
func (s *Server) Command(args ...string) (string, error) {
	lines, err := s.list(args...)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	return lines[0], nil
}

// list says one command and returns the elements of the answer, which are lines or bulk strings, or the answer alone.
func (s *Server) list(args ...string) ([]string, error) {
	c, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	msg := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		msg += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write([]byte(msg)); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	first, err := element(r)
	count, isList := strings.CutPrefix(first, "*")
	if err != nil || !isList {
		return []string{first}, err
	}
	n, _ := strconv.Atoi(count)
	out := make([]string, max(n, 0))
	for i := range out {
		if out[i], err = element(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// element reads a line, or what a bulk string holds.
func element(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case strings.HasPrefix(line, "-"):
		return "", errors.New(line[1:])
	case !strings.HasPrefix(line, "$"):
		return line, nil
	}
	n, _ := strconv.Atoi(line[1:])
	if n < 0 {
		return "", nil
	}
	b := make([]byte, n+2)
	_, err = io.ReadFull(r, b)
	return string(b[:n]), err
}

// Kill ends the process at once, as a crash would.
func (s *Server) Kill() { s.end(os.Kill) }

// Stop ends the process in order, and kills it when it does not end.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.exited:
	case <-time.After(3 * time.Second):
		s.end(os.Kill)
	}
}

func (s *Server) end(sig os.Signal) {
	_ = s.cmd.Process.Signal(sig)
	<-s.exited
}

// Restart starts a killed or stopped server again on its port.
func (s *Server) Restart() error { return s.run() }

// Pid returns the process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }
