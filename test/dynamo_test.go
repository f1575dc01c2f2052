package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hearthcache/hearth/test/await"
)

// startDynamoDB starts dynalite, which speaks DynamoDB's API, with a table whose items have an attribute "body", and
// returns its URL.
func startDynamoDB(t *testing.T, table, key string, items map[string]string) string {
	t.Helper()
	program := filepath.Join("node", "node_modules", "dynalite", "cli.js")
	if _, err := os.Stat(program); err != nil {
		t.Fatal("dynalite is not installed; run test/setup.sh")
	}
	addr := freeAddress(t)
	host, port, _ := strings.Cut(addr, ":")
	out := &syncBuffer{}
	cmd := exec.Command("node", program, "--host", host, "--port", port, "--createTableMs", "0")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url := "http://" + addr
	await.That(t, "dynalite starts", func() bool {
		r, err := http.Get(url)
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	})
	dynamo(t, url, "CreateTable", `{"TableName":%q,"AttributeDefinitions":[{"AttributeName":%q,"AttributeType":"S"}],
		"KeySchema":[{"AttributeName":%[2]q,"KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}`, table, key)
	await.That(t, "the table is active", func() bool {
		return strings.Contains(dynamo(t, url, "DescribeTable", `{"TableName":%q}`, table), `"ACTIVE"`)
	})
	for k, v := range items {
		dynamo(t, url, "PutItem", `{"TableName":%q,"Item":{%q:{"S":%q},"body":{"S":%q}}}`, table, key, k, v)
	}
	return url
}

// dynamo makes one call of DynamoDB's API. The emulator wants a signature and does not look at it.
func dynamo(t *testing.T, url, action, format string, args ...any) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(fmt.Sprintf(format, args...)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+action)
	r.Header.Set("X-Amz-Date", "20250101T000000Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=id/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", action, resp.Status, text)
	}
	return string(text)
}
