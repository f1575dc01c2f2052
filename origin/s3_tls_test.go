package origin

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/hearthcache/hearth"
)

// TestS3OverTLS has an S3 server whose certificate no authority of the machine has signed.
func TestS3OverTLS(t *testing.T) {
	backend := s3mem.New()
	srv := httptest.NewUnstartedServer(gofakes3.New(backend).Server())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	srv.StartTLS()
	defer srv.Close()
	if err := backend.CreateBucket("shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.PutObject("shop", "k", map[string]string{}, strings.NewReader("value"), 5, nil); err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	with := func(file string) Options {
		env := awsEnv(srv.URL)
		return Options{Allow: local, Signed: []string{"s3://shop/"}, Getenv: func(name string) string {
			if name == "AWS_CA_BUNDLE" {
				return file
			}
			return env(name)
		}}
	}
	if _, err := New(with(bundle)).Open("s3://shop/{key}"); hearth.KindOf(err) != hearth.Unavailable || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(bundle, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(with(bundle)).Open("s3://shop/{key}"); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a file without certificates: %v", err)
	}
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := open(t, with(bundle), "s3://shop/{key}")
	if v, _, err := o.Load(t.Context(), []byte("k")); err != nil || string(v) != "value" {
		t.Errorf("got %q, %v", v, err)
	}
	stranger := open(t, with(""), "s3://shop/{key}")
	if _, _, err := stranger.Load(t.Context(), []byte("k")); hearth.KindOf(err) != hearth.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an authority that nobody knows: %v", err)
	}
}
