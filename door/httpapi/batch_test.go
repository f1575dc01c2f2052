package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/door"
	"github.com/hearthcache/hearth/test/await"
)

func TestBatch(t *testing.T) {
	s := newGuarded(t)
	check := func(body, want string) {
		t.Helper()
		if got := s.ok(http.StatusOK, "POST", "/cache/c/batch", body); got != want {
			t.Errorf("%s =\n\t%s; want\n\t%s", body, got, want)
		}
	}
	check(`{"sets":[{"key":"a","value":"text","ttl_seconds":60},{"key_base64":"_w","value_base64":"/wA=","ttl_seconds":60}]}`,
		`{"gets":[],"sets":[{"status":"done"},{"status":"done"}],"deletes":[]}`)
	if got := s.ok(http.StatusOK, "GET", "/cache/c?key_base64=_w", ""); got != "\xff\x00" {
		t.Errorf("GET = %q", got)
	}
	got := s.ok(http.StatusOK, "POST", "/cache/c/batch", `{"gets":[{"key":"a"},{"key_base64":"_w=="},{"key":"none"}],"deletes":[{"key":"none"}]}`)
	var out batchAnswer
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Gets) != 3 || *out.Gets[0].Value != "text" || string(*out.Gets[1].ValueBase64) != "\xff\x00" || out.Gets[2].Status != "miss" {
		t.Errorf("gets = %s", got)
	}
	if ttl := *out.Gets[0].TTL; ttl <= 0 || ttl > 60_000 || out.Deletes[0].Status != "done" {
		t.Errorf("batch = %s", got)
	}

	// One item fails, the others do not.
	check(fmt.Sprintf(`{"sets":[{"key":"%s","value":"v","ttl_seconds":60},{"key":"b","value":"v","ttl_seconds":60}]}`, strings.Repeat("k", 65537)),
		`{"gets":[],"sets":[{"status":"error","error":{"code":"invalid_argument","message":"the key is longer than 65536 bytes"}},{"status":"done"}],"deletes":[]}`)
	s.ok(http.StatusOK, "GET", "/cache/c?key=b", "")

	for body, says := range map[string]string{
		`{}`:               "1 to 1000",
		`{"gets":[{}]}`:    "gets[0]",
		`{"deletes":[{}]}`: "deletes[0]",
		`{"gets":[{"key":"a","key_base64":"YQ"}]}`: "exactly one",
		`{"gets":[{"key_base64":"?"}]}`:            "base64",
		`{"sets":[{"key":"a","value":"v"}]}`:       "ttl_seconds",
		`{"sets":[{"key":"a","ttl_seconds":1}]}`:   "value_base64",
		`{"other":[]}`:                             "other",
		``:                                         "empty",
		`[]`:                                       "the JSON has the type array; it is to be an object",
		`{"gets":{}}`:                              "gets has the type object; it is to be an array",
		`{"gets":[{"key":5}]}`:                     "gets.key has the type number; it is to be a string",
		`{"sets":[{"key":"a","value":"v","ttl_seconds":1.5}]}`:               "ttl_seconds has the type number 1.5; it is to be a whole number",
		`{"gets":[{"key":"a"}]}}`:                                            "followed by something else",
		"{\"gets\":[{\"key\":\"\xff\"}]}":                                    "UTF-8",
		`{"gets":[` + strings.Repeat(`{"key":"a"},`, 1000) + `{"key":"a"}]}`: "1 to 1000",
	} {
		if got := s.ok(http.StatusBadRequest, "POST", "/cache/c/batch", body); !strings.Contains(got, says) {
			t.Errorf("%.80s = %s; want it to say %s", body, got, says)
		}
	}
	s.ok(http.StatusNotFound, "POST", "/cache/none/batch", `{"gets":[{"key":"a"}]}`)
	s.want(http.StatusUnauthorized, "", "POST", "/cache/c/batch", `{"gets":[{"key":"a"}]}`)
}

// TestBatchPermissions: a credential for some keys gets those, and an error in the place of each other one.
func TestBatchPermissions(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=in/k&ttl_seconds=60", "v")
	made := s.ok(http.StatusCreated, "POST", "/admin/tokens",
		`{"valid_for_seconds":60,"rules":[{"type":"cache","permissions":["read"],"caches":{"name":"c"},"items":{"key_prefix":"in/"}}]}`)
	got := s.want(http.StatusOK, member(t, made, "token"), "POST", "/cache/c/batch", `{"gets":[{"key":"in/k"},{"key":"out"}],"deletes":[{"key":"in/k"}]}`)
	if strings.Count(got, "permission_denied") != 2 || !strings.Contains(got, `"value":"v"`) {
		t.Errorf("batch = %s", got)
	}
}

// TestBatchAnswersAreBounded names one value so often that the answer would be larger than one may be.
func TestBatchAnswersAreBounded(t *testing.T) {
	s := newGuarded(t)
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60", strings.Repeat("x", 1<<20))
	const fit = hearth.AnswerBytesMax >> 20
	got := s.ok(http.StatusOK, "POST", "/cache/c/batch", `{"gets":[{"key":"k"}`+strings.Repeat(`,{"key":"k"}`, fit+1)+`]}`)
	if hits, errs := strings.Count(got, `"hit"`), strings.Count(got, "the values of one batch are larger than"); hits != fit || errs != 2 {
		t.Errorf("%d hits and %d errors", hits, errs)
	}
}

// TestBatchAnswersOfAllClientsAreBounded asks for values for whose answer there is no memory: they are errors, and what the batch
// stores is stored.
func TestBatchAnswersOfAllClientsAreBounded(t *testing.T) {
	answers := &door.Budget{Max: 1 << 20}
	s := newGuardedWith(t, Options{Answers: answers})
	s.ok(http.StatusNoContent, "PUT", "/cache/c?key=k&ttl_seconds=60", strings.Repeat("x", 100_000))
	for gets, want := range map[int]string{1: `"hit"`, 4: errAnswers.Msg} {
		got := s.ok(http.StatusOK, "POST", "/cache/c/batch", `{"gets":[{"key":"k"}`+strings.Repeat(`,{"key":"k"}`, gets-1)+`],"sets":[{"key":"l","value":"v","ttl_seconds":60}]}`)
		if n := strings.Count(got, want); n != gets || !strings.Contains(got, `"sets":[{"status":"done"}]`) {
			t.Errorf("a batch of %d gets is answered %.300s", gets, got)
		}
	}
	await.That(t, "nothing is counted", func() bool { return answers.Used() == 0 })
}
