package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hearth is a server under measurement.
type hearth struct {
	cmd        *exec.Cmd
	http, resp string
}

func start(binary string) (*hearth, error) {
	h := &hearth{}
	for _, a := range []*string{&h.http, &h.resp} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*a = l.Addr().String()
		l.Close()
	}
	h.cmd = exec.Command(binary, "serve", "--listen", h.http, "--resp", h.resp, "--memcache", "off", "--admin", "off", "--max-memory", memory)
	h.cmd.Stderr = os.Stderr
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		if r, err := http.Get("http://" + h.http + "/readyz"); err == nil {
			r.Body.Close()
			return h, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.stop()
	return nil, errors.New("hearth did not become ready")
}

func (h *hearth) stop() {
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	_ = h.cmd.Wait()
}

func (h *hearth) create(body string) error {
	r, err := http.Post("http://"+h.http+"/admin/caches", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusCreated {
		b, _ := io.ReadAll(r.Body)
		return fmt.Errorf("creating a cache: %s %s", r.Status, b)
	}
	return nil
}

// processor returns the processor time that the server has used, to the hundredth of a second; 0 where it has gone.
func (h *hearth) processor() time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.cmd.Process.Pid))
	_, after, _ := strings.Cut(string(b), ") ") // the name in brackets may hold anything
	f := strings.Fields(after)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
