package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hearthcache/hearth/fleet"
)

// fleetState is the file of a fleet's folder: what runs.
type fleetState struct {
	Processes []*process `json:"processes"`

	dir string
}

// process is a process of a fleet. Its start tells it from a later process of the same number.
type process struct {
	Name    string            `json:"name"`
	Pid     int               `json:"pid"`
	Started string            `json:"started,omitempty"`
	Ports   map[string]string `json:"ports"`
	Answers bool              `json:"answers,omitempty"`
}

const fleetFile = "fleet.json"

// freshFolder makes the folder of a new fleet.
func freshFolder(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, fleetFile)); err == nil {
		return fmt.Errorf("%s has a fleet already: `hearth fleet status` shows it, `hearth fleet down` stops it; or give another --dir", dir)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("--dir %s is not empty, and what is in it is no fleet: `fleet down` removes the folder, so it has to be the fleet's own", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	return nil
}

// load reads the state of the fleet in the folder.
func (f *fleetFolder) load() (*fleetState, error) {
	dir, err := f.path()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, fleetFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no fleet in %s: start one with `hearth fleet up`, or say where it is with --dir", dir)
	}
	if err != nil {
		return nil, err
	}
	s := &fleetState{dir: dir}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w; end the processes that run in the folder, and remove it", filepath.Join(dir, fleetFile), err)
	}
	return s, nil
}

// save writes the file as a whole: who is killed meanwhile leaves the one before.
func (f *fleetState) save() error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	name := filepath.Join(f.dir, fleetFile)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// stopWait is how long a process may take to end by itself. It is longer than a gateway drains.
const stopWait = 15 * time.Second

// stop ends the gateways, then the servers, and removes the folder.
func (f *fleetState) stop() error {
	f.Processes = append(f.Processes, f.strays()...)
	var servers []*process
	for _, p := range f.Processes {
		if p.Ports[portMain] == "" {
			servers = append(servers, p)
		}
	}
	for _, group := range [][]*process{f.gateways(), servers} {
		for _, p := range group {
			p.signal(syscall.SIGTERM)
		}
		for _, p := range group {
			if !p.ends(stopWait) {
				p.signal(syscall.SIGKILL)
				if !p.ends(stopWait) {
					return fmt.Errorf("%s (process %d) does not end; its files stay in %s", p.Name, p.Pid, f.dir)
				}
			}
		}
	}
	return os.RemoveAll(f.dir)
}

// strays returns processes of the fleet that its file does not have, since their start was killed before it could say so.
// Each was started in the folder, in a session of its own. On a system without /proc none are found.
func (f *fleetState) strays() (out []*process) {
	dir, err := filepath.EvalSymlinks(f.dir)
	if err != nil {
		return nil
	}
	program, _ := os.Executable()
	names := []string{"valkey-server", "redis-server", filepath.Base(program)}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || f.has(pid) {
			continue
		}
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		comm, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "comm"))
		stat := statOf(pid)
		if cwd != dir && !strings.HasPrefix(cwd, dir+"/") || len(stat) <= statSession || stat[statSession] != e.Name() {
			continue
		}
		for _, name := range names {
			if strings.TrimSpace(string(comm)) == name[:min(len(name), commBytes)] {
				out = append(out, newProcess(name, pid, nil))
			}
		}
	}
	return out
}

// commBytes is how much of a program's name the system keeps.
const commBytes = 15

func (f *fleetState) has(pid int) bool {
	return slices.ContainsFunc(f.Processes, func(p *process) bool { return p.Pid == pid && p.alive() })
}

func (f *fleetState) add(name string, s *fleet.Server) {
	f.Processes = append(f.Processes, newProcess(name, s.Pid(), map[string]string{portServer: s.Addr}))
}

func newProcess(name string, pid int, ports map[string]string) *process {
	return &process{Name: name, Pid: pid, Started: startOf(pid), Ports: ports}
}

// Fields of /proc/PID/stat behind the name.
const (
	statState   = 0
	statSession = 3
	statStart   = 19
)

// statOf returns what the system says of a process, from its state on; nil where there is none of that number.
func statOf(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The name before may hold spaces and parentheses.
	return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
}

// startOf returns when a process was started, in the system's own words; empty where there is none of that number, or it
// has ended and only its parent does not know yet.
func startOf(pid int) string {
	fields := statOf(pid)
	if len(fields) <= statStart || fields[statState] == "Z" {
		return ""
	}
	return fields[statStart]
}

func (p *process) alive() bool {
	if p.Started == "" { // a system without /proc
		return syscall.Kill(p.Pid, 0) == nil
	}
	return startOf(p.Pid) == p.Started
}

func (p *process) signal(s syscall.Signal) {
	if p.alive() {
		_ = syscall.Kill(p.Pid, s)
	}
}

// ends waits until the process has ended, and reports whether it has.
func (p *process) ends(within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if !p.alive() {
			return true
		}
	}
	return !p.alive()
}

func (p *process) address() string {
	if addr := p.Ports[portServer]; addr != "" {
		return addr
	}
	return p.Ports[portMain]
}

func (f *fleetState) gateways() []*process {
	var out []*process
	for _, p := range f.Processes {
		if p.Ports[portMain] != "" {
			out = append(out, p)
		}
	}
	return out
}

func (f *fleetState) servers() []string {
	var out []string
	for _, p := range f.Processes {
		if addr := p.Ports[portServer]; addr != "" {
			out = append(out, addr)
		}
	}
	return out
}

// flag returns what commands on this fleet have to say.
func (f *fleetState) flag() string {
	if usual, _ := (&fleetFolder{}).path(); usual == f.dir {
		return ""
	}
	return " --dir " + f.dir
}
