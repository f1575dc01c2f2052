package origin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a server that a test has started; it ends with the test.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	dir  string
	cred *syscall.SysProcAttr
	out  bytes.Buffer
}

// newProcess makes a folder for a server and finds it a port. Database servers do not run as root: there it belongs to
// another user.
func newProcess(t *testing.T) *process {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hearth-origin-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := &process{t: t, addr: l.Addr().String(), dir: dir, cred: &syscall.SysProcAttr{}}
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		p.cred.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *process) port() string { return p.addr[strings.LastIndex(p.addr, ":")+1:] }

func (p *process) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, p.cred
	cmd.Env = append(os.Environ(), "HOME="+p.dir, "TMPDIR="+p.dir)
	return cmd
}

// prepare runs a program to its end.
func (p *process) prepare(name string, args ...string) {
	p.t.Helper()
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func (p *process) write(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// start starts the server and waits until it takes connections.
func (p *process) start(name string, args ...string) {
	p.t.Helper()
	p.cmd = p.command(name, args...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.kill)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) || p.cmd.ProcessState != nil {
			p.kill()
			p.t.Fatalf("%s does not start:\n%s", name, p.out.String())
		}
	}
}

// kill ends the server as a crash would.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// programOf returns where Debian keeps a server's program.
func programOf(t *testing.T, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		if found, _ := filepath.Glob(p); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Fatalf("none of %v is installed; run test/setup.sh", patterns)
	return ""
}

// items is what the databases of the tests hold: the same columns in both dialects.
const items = `
CREATE TABLE items (id VARCHAR(64) PRIMARY KEY, body TEXT, raw %[1]s, price INTEGER, doc JSON, ratio DOUBLE PRECISION);
CREATE TABLE numbered (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO items VALUES ('apple', 'red ä', %[2]s, 12, '{"a": 1}', 0.5), ('empty', '', %[3]s, 0, '[]', 0), ('null', NULL, NULL, NULL, NULL, NULL);
INSERT INTO numbered VALUES (42, 'answer');
`

// flags are what a server is started with beside the rest.
type flags func(*process) []string

func (p *process) flags(more []flags) (all []string) {
	for _, f := range more {
		all = append(all, f(p)...)
	}
	return all
}

func startPostgres(t *testing.T, more ...flags) *process {
	t.Helper()
	p := newProcess(t)
	bin := filepath.Dir(programOf(t, "/usr/lib/postgresql/*/bin/postgres"))
	data := filepath.Join(p.dir, "data")
	p.prepare(filepath.Join(bin, "initdb"), "-D", data, "-U", "reader", "-A", "scram-sha-256", "--pwfile", p.write("password", "secret\n"), "-E", "UTF8", "--locale=C", "--no-sync")
	p.start(filepath.Join(bin, "postgres"), append([]string{"-D", data, "-p", p.port(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"}, p.flags(more)...)...)
	var err error
	for range 100 { // it takes connections before it takes logins
		cmd := p.command("psql", "-v", "ON_ERROR_STOP=1", "-q", "-f", p.write("items.sql", fmt.Sprintf(items, "BYTEA", `'\x00ff62'`, `''`)), "postgres://reader:secret@"+p.addr+"/postgres")
		var out []byte
		if out, err = cmd.CombinedOutput(); err == nil {
			return p
		}
		err = fmt.Errorf("%w: %s", err, out)
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

func startMySQL(t *testing.T, more ...flags) *process {
	t.Helper()
	p := newProcess(t)
	data := filepath.Join(p.dir, "data")
	program := programOf(t, "/usr/sbin/mariadbd", "/usr/sbin/mysqld")
	bootstrap := "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"
	for _, name := range []string{"mysql_system_tables.sql", "mysql_system_tables_data.sql"} {
		text, err := os.ReadFile("/usr/share/mysql/" + name)
		if err != nil {
			t.Fatal(err)
		}
		bootstrap += string(text)
	}
	if err := os.Mkdir(data, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o777); err != nil {
		t.Fatal(err)
	}
	first := p.command(program, "--no-defaults", "--bootstrap", "--datadir="+data, "--lc-messages-dir=/usr/share/mysql")
	first.Stdin = strings.NewReader(bootstrap)
	if out, err := first.CombinedOutput(); err != nil {
		t.Fatalf("bootstrap: %v\n%s", err, out)
	}
	setup := p.write("items.sql", "SET NAMES utf8mb4;\nCREATE DATABASE shop CHARACTER SET utf8mb4;\nCREATE USER 'reader'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO 'reader'@'%';\nUSE shop;"+fmt.Sprintf(items, "BLOB", `x'00ff62'`, `''`))
	p.start(program, append([]string{"--no-defaults", "--datadir=" + data, "--port=" + p.port(), "--bind-address=127.0.0.1",
		"--socket=" + filepath.Join(p.dir, "socket"), "--pid-file=" + filepath.Join(p.dir, "pid"), "--skip-name-resolve", "--init-file=" + setup,
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--lc-messages-dir=/usr/share/mysql"}, p.flags(more)...)...)
	return p
}

// startDynamoDB starts dynalite, which test/node has from npm.
func startDynamoDB(t *testing.T) *process {
	t.Helper()
	program, err := filepath.Abs("../test/node/node_modules/dynalite/cli.js")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		t.Fatal("dynalite is not installed; run test/setup.sh")
	}
	p := newProcess(t)
	p.cred = &syscall.SysProcAttr{} // it may run as anybody, and the folders of a checkout may be read by its owner only
	p.start("node", program, "--host", "127.0.0.1", "--port", p.port(), "--createTableMs", "0")
	return p
}

// dynamo makes one call of DynamoDB's API.
func (p *process) dynamo(action, body string) string {
	p.t.Helper()
	s, err := New(Options{Signed: []string{"dynamodb://"}, Getenv: awsEnv("http://" + p.addr)}).signer("dynamodb://prices/pk/{key}")
	if err != nil {
		p.t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, s.endpoint, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+action)
	if err := s.sign(r, "dynamodb", []byte(body)); err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s %s", action, resp.Status, text)
	}
	return string(text)
}

// counter takes connections and counts them.
type counter struct {
	net.Listener
	count atomic.Int64
}

func listenAndCount(t *testing.T) *counter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &counter{Listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.count.Add(1)
			conn.Close()
		}
	}()
	return c
}

func (c *counter) port() string {
	a := c.Addr().String()
	return a[strings.LastIndex(a, ":")+1:]
}
