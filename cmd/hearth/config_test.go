package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestByteSize(t *testing.T) {
	check := func(in string, want int64, ok bool) {
		t.Helper()
		var b byteSize
		err := b.UnmarshalText([]byte(in))
		if (err == nil) != ok || (ok && int64(b) != want) {
			t.Errorf("%q = %d, %v; want %d, ok %v", in, b, err, want, ok)
		}
	}
	check("1048576", 1<<20, true)
	check("512MB", 512e6, true)
	check("4GiB", 4<<30, true)
	check("1.5g", 3<<29, true)
	check("64 k", 64<<10, true)
	check("", 0, false)
	check("lots", 0, false)
	check("-1", 0, false)
	check("1XB", 0, false)
	check("9999999999TiB", 0, false)
	check("nan", 0, false)
	check("inf", 0, false)
}

func TestLoopback(t *testing.T) {
	check := func(addr string, want bool) {
		t.Helper()
		if loopback(addr) != want {
			t.Errorf("loopback(%q) = %v", addr, !want)
		}
	}
	check("127.0.0.1:8080", true)
	check("localhost:8080", true)
	check("[::1]:8080", true)
	check("0.0.0.0:8080", false)
	check(":8080", false)
	check("10.0.0.1:80", false)
}

// TestStrength checks that a flag is stronger than the environment and the environment than the file.
func TestStrength(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hearth.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string, env []string, args ...string) {
		t.Helper()
		got, code := call(t, env, append(args, "config", "print")...)
		if code != 0 || !strings.Contains(got, want) {
			t.Errorf("%v %v: exit %d, no %q in:\n%s", env, args, code, want, got)
		}
	}

	write("max-memory = \"1GiB\"\nlisten = \"127.0.0.1:1\"\n[cache.prices]\nmax-ttl = \"1h\"\n")
	check("max-memory = 1073741824  # "+file, nil, "--config", file)
	check("max-memory = 2147483648  # HEARTH_MAX_MEMORY", []string{"HEARTH_MAX_MEMORY=2GiB"}, "--config", file)
	check("resp = \"127.0.0.1:6379\"  # default", nil)
	check("[cache.prices]", nil, "--config="+file)
	got, _ := call(t, []string{"HEARTH_MAX_MEMORY=2GiB", "HEARTH_CONFIG=" + file}, "config", "print", "--max-memory", "3GiB")
	if !strings.Contains(got, "max-memory = 3221225472  # flag") {
		t.Errorf("the flag lost:\n%s", got)
	}

	if got, _ := call(t, []string{"HEARTH_VALKEY_PASSWORD=secret"}, "config", "print"); strings.Contains(got, "secret") || !strings.Contains(got, "# valkey-password") {
		t.Errorf("the password of a Valkey server is shown:\n%s", got)
	}
	for _, args := range []string{"config print", "serve --listen 127.0.0.1:0 --resp off --memcache off --admin off"} {
		got, _ := call(t, []string{"HEARTH_ORIGIN_LOGIN=postgres://u:secret@h/d,mysql://u:secret@h"}, strings.Fields(args)...)
		if strings.Contains(got, "secret") || !strings.Contains(got, "origin-login") {
			t.Errorf("%s: a login to a database shows its password, or is not there:\n%s", args, got)
		}
	}

	write("max-memmory = \"1GiB\"\n")
	if got, code := call(t, nil, "--config", file, "config", "print"); code != exitUsage || !strings.Contains(got, "unknown key") {
		t.Errorf("an unknown key gave exit %d:\n%s", code, got)
	}
	if got, code := call(t, nil, "serve", "--max-memory", "lots"); code != exitUsage || !strings.Contains(got, "not a size") {
		t.Errorf("a bad size gave exit %d:\n%s", code, got)
	}
}

// TestPrintIsAConfigFile gives back to hearth what it printed, and looks for what comes out.
func TestPrintIsAConfigFile(t *testing.T) {
	const text = `listen = "127.0.0.1:1"
max-memory = "1GiB"
near-memory = 1048576
auth = true
tls-cert = "quote\" and \\ \t"
valkey-addrs = ["127.0.0.1:7000", "127.0.0.1:7001"]
webhook-allow = ["10.0.0.0/8", "fd00::/8"]
origin-allow = ["10.1.2.3"]
origin-signed = ["s3://bucket/", "dynamodb://table"]
slow-log = "250ms"
trace-share = 1
[cache.prices]
ttl-max = "1h"
request-rate = 1000
collapse = true
[cache."a b.c"]
`
	folder := t.TempDir()
	print := func(name, text string) string {
		t.Helper()
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, code := call(t, nil, "--config", file, "config", "print")
		if code != 0 {
			t.Fatalf("exit %d:\n%s\nof\n%s", code, got, text)
		}
		return strings.ReplaceAll(got, file, "FILE")
	}
	first := print("first", text)
	if second := print("second", first); second != first {
		t.Errorf("printed\n%s\nwhich gives\n%s", first, second)
	}
	if !strings.Contains(first, `webhook-allow = ["10.0.0.0/8", "fd00::/8"]  # FILE`) {
		t.Errorf("a list is missing:\n%s", first)
	}
}

// call runs the command line in a process of its own, since it reads the environment and may exit.
func call(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), "HEARTH_CONFIG=", "HEARTH_TEST_AS_MAIN=1"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestMain(m *testing.M) {
	if os.Getenv("HEARTH_TEST_AS_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestCompletionIsShell(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, code := call(t, nil, "completion", shell)
		if code != 0 || !strings.Contains(script, "serve") {
			t.Errorf("%s: exit %d:\n%s", shell, code, script)
		}
	}
	script, _ := call(t, nil, "completion", "bash")
	cmd := exec.Command("bash", "-c", script+"\nCOMP_WORDS=(hearth ser); COMP_CWORD=1; _hearth; echo ${COMPREPLY[@]}")
	cmd.Stderr = io.Discard
	out, err := cmd.Output()
	if err != nil || !bytes.Equal(bytes.TrimSpace(out), []byte("serve")) {
		t.Errorf("completing `hearth ser` gave %q, %v", out, err)
	}
}

func TestNetwork(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		var n network
		err := n.UnmarshalText([]byte(in))
		if want == "" && (err == nil || !strings.Contains(err.Error(), "such as 10.1.0.0/16")) {
			t.Errorf("%q: %v; want an error that shows what is allowed", in, err)
		}
		if want != "" && (err != nil || n.String() != want) {
			t.Errorf("%q is %v, %v; want %s", in, n, err, want)
		}
	}

	check("10.1.0.0/16", "10.1.0.0/16")
	check("fd00::/8", "fd00::/8")
	check("127.0.0.1", "127.0.0.1/32")
	check("::1", "::1/128")
	check("banana", "")
	check("10.0.0.0/99", "")
}
