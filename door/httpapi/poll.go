package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/topics"
)

// How long a poll waits for a message, and how much it brings at once.
const (
	pollWaitDefault = 20 * time.Second
	pollWaitMax     = 60 * time.Second
	pollItemsMax    = 256
	pollBytesMax    = 1 << 20
	pollBytesLow    = 64 << 10 // instead, while the clients of the process have not taken half of what may wait for them
)

// pollAnswer is what there was, and where to go on from.
type pollAnswer struct {
	Items []element `json:"items"`
	Next  uint64    `json:"next_sequence_number"`
	Page  uint64    `json:"next_sequence_page"`
}

// poll answers as soon as there is a message or a discontinuity, or with nothing after a while. The answer says where to
// go on from.
func (t *topicServer) poll(w http.ResponseWriter, r *http.Request, c *gateway.Caller) error {
	after, err := position(r)
	if err != nil {
		return err
	}
	wait, err := pollWait(r)
	if err != nil {
		return err
	}
	f, err := t.follow(c, r.PathValue("topic"), after, false)
	if err != nil {
		return err
	}
	defer f.Close()
	room := pollBytesMax
	if t.answers.Scarce() {
		room = pollBytesLow
	}
	elements, err := f.await(r, wait, room)
	if err != nil {
		return err
	}
	text := appendJSON(nil, pollAnswer{elements, f.at.Sequence, f.at.Page})
	t.answers.Add(2 * len(text)) // its elements, and itself
	defer t.answers.Give(2 * len(text))
	writeText(w, http.StatusOK, text)
	return nil
}

func pollWait(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait_seconds")
	if text == "" {
		return pollWaitDefault, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || time.Duration(n)*time.Second > pollWaitMax {
		return 0, invalid("wait_seconds is not a number from 0 to 60")
	}
	return time.Duration(n) * time.Second, nil
}

// await returns what there is, so many bytes at most, waiting for the first.
func (f *follower) await(r *http.Request, wait time.Duration, room int) ([]element, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	elements := []element{}
	ms := make([]topics.Message, 16)
	for {
		n, gap, err := f.Take(ms[:min(len(ms), pollItemsMax-len(elements))], room)
		if err != nil {
			return nil, err
		}
		f.saw(gap, ms[:n])
		elements = appendElements(elements, gap, ms[:n])
		for _, m := range ms[:n] {
			room -= len(m.Bytes)
		}
		switch {
		case len(elements) >= pollItemsMax, room <= 0:
			return elements, nil
		case n > 0 || gap != nil:
			continue
		case len(elements) > 0:
			return elements, nil
		}
		select {
		case <-f.wake:
		case <-timeout.C:
			return elements, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}
