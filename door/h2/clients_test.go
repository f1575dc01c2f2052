package h2

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a command that test/packages.txt provides.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	check := func(secured bool, version string, flags ...string) {
		t.Helper()
		s := start(t, echo{}, secured)
		url := "http://" + s.addr
		if secured {
			url = "https://" + s.addr
			flags = append(flags, "--insecure")
		}
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		file := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(file, big, 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--silent", "--show-error", "--fail")
		if got := run(t, "curl", append(flags, url+"/info?a=b")...); !strings.HasPrefix(got, "GET "+version) {
			t.Errorf("got %q, want %s", got, version)
		}
		if got := run(t, "curl", append(flags, "--data-binary", "@"+file, url+"/echo")...); got != string(big) {
			t.Errorf("%s: %d bytes came back of %d", version, len(got), len(big))
		}
		// The handler does not read the request, and its answer is not lost.
		if got := run(t, "curl", append(flags, "--data-binary", "@"+file, url+"/info")...); !strings.HasPrefix(got, "POST "+version) {
			t.Errorf("got %q, want %s", got, version)
		}
	}

	check(false, "HTTP/2.0", "--http2-prior-knowledge")
	check(false, "HTTP/1.1", "--http1.1")
	check(false, "HTTP/1.1", "--http2") // by Upgrade, which may be ignored
	check(true, "HTTP/2.0", "--http2")
	check(true, "HTTP/1.1", "--http1.1")
}

func TestH2load(t *testing.T) {
	check := func(secured bool) {
		t.Helper()
		s := start(t, echo{}, secured)
		scheme := "http"
		if secured {
			scheme = "https"
		}
		file := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(file, framed(bytes.Repeat([]byte{'x'}, 3000)), 0o600); err != nil {
			t.Fatal(err)
		}
		const calls = 5000
		out := run(t, "h2load", "-n", fmt.Sprint(calls), "-c", "10", "-m", "50", "-d", file, "-H", "content-type: application/grpc", "-H", "te: trailers",
			scheme+"://"+s.addr+"/test/Echo")
		if want := fmt.Sprintf("%d succeeded, 0 failed, 0 errored", calls); !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
		// nghttp2 insists on an acknowledgement of a table that is smaller than the protocol's default.
		for _, kind := range []string{"content-type: application/grpc", "content-type: text/plain"} {
			for _, size := range []string{"0", "100"} {
				out := run(t, "h2load", "-n", "100", "-c", "2", "-m", "10", "--header-table-size="+size, "-d", file, "-H", kind, "-H", "te: trailers",
					scheme+"://"+s.addr+"/test/Echo")
				if want := "100 done"; !strings.Contains(out, want) {
					t.Errorf("%s, a table of %s bytes: want %q in\n%s", kind, size, want, out)
				}
			}
		}
		out = run(t, "h2load", "-n", fmt.Sprint(calls), "-c", "10", "-m", "50", scheme+"://"+s.addr+"/large?3000")
		if want := fmt.Sprintf("%d succeeded, 0 failed, 0 errored", calls); !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}

	check(false)
	check(true)
}
