package test

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// example builds a program of examples/ and returns its path.
func example(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", out, ".")
	build.Dir = filepath.Join("../examples", dir)
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// says runs a program in a folder of examples/ and returns what it printed and whether it succeeded.
func says(t *testing.T, dir, program string, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join("../examples", dir)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// A payload of 20 MB passes through states that may carry 256 KB as a claim check, and not without one.
func TestExampleStateMachine(t *testing.T) {
	s := start(t)
	hearthOK(t, s, "cache", "create", "reports")
	program := example(t, "statemachine")
	out, errs, ok := says(t, "statemachine", program, "-endpoint", s.url(""), "claimcheck.asl.json")
	if !ok {
		t.Fatalf("%s%s", out, errs)
	}
	var result struct {
		Report struct{ URL string }
		Counts []struct{ Bytes, Lines int }
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatal(err)
	}
	bytes, lines := 0, 0
	for _, c := range result.Counts {
		bytes, lines = bytes+c.Bytes, lines+c.Lines
	}
	if bytes != 20_000_000 || lines != 20_000_000/53 || len(out) > 2000 {
		t.Errorf("%d bytes, %d lines: %s", bytes, lines, out)
	}
	if code, _, _ := getClaim(t, s.http(), s, result.Report.URL[strings.LastIndexByte(result.Report.URL, '/')+1:]); code != 404 {
		t.Errorf("after the state machine has cleaned up: %d", code)
	}
	if out, errs, ok := says(t, "statemachine", program, "-endpoint", s.url(""), "inline.asl.json"); ok || !strings.Contains(errs, "States.DataLimitExceeded") {
		t.Errorf("without a claim check: %s%s", out, errs)
	}
	if out, errs, ok := says(t, "statemachine", program, "-endpoint", s.url(""), "-bytes", "60000000", "claimcheck.asl.json"); ok || !strings.Contains(errs, "ReportFailed") {
		t.Errorf("with more than is permitted: %s%s", out, errs)
	}
}
