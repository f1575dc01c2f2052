package h2

import (
	"encoding/xml"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The public conformance tool finds no fault here that it does not find in net/http too.
func TestH2spec(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "h2spec")
	build := exec.Command("go", "build", "-o", tool, "github.com/summerwind/h2spec/cmd/h2spec")
	build.Dir = filepath.Join("..", "..", "test", "h2spec")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building h2spec: %v\n%s", err, out)
	}
	ours := start(t, echo{}, false)
	reference := listenStd(t)
	known := failures(t, tool, reference)
	found := failures(t, tool, ours.addr)
	for name := range found {
		if !known[name] {
			t.Errorf("fails, and net/http does not: %s", name)
		}
	}
	// docs/http2.md explains this one.
	if len(found) > 1 {
		t.Errorf("%d cases fail: %v; update docs/http2.md", len(found), found)
	}
}

// listenStd serves the tests' handler with net/http.
func listenStd(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: http.HandlerFunc(web), Protocols: p, ErrorLog: quiet()}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// failures runs the tool against a server, and returns the cases that fail.
func failures(t *testing.T, tool, addr string) map[string]bool {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	report := filepath.Join(t.TempDir(), "report.xml")
	// The tool's exit code says only that some case has failed.
	out, _ := exec.Command(tool, "-h", host, "-p", port, "-P", "/after", "-o", "1", "-j", report).CombinedOutput()
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var suites struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Name    string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b, &suites); err != nil {
		t.Fatal(err)
	}
	failed, count := map[string]bool{}, 0
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			count++
			if c.Failure != nil || c.Error != nil {
				failed[c.Package+": "+c.Name] = true
			}
		}
	}
	if count < 140 {
		t.Fatalf("only %d cases were run:\n%s", count, out)
	}
	return failed
}
