package control

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Settings come from files, from servers and from people: what is taken says itself again.
func FuzzSettings(f *testing.F) {
	f.Add([]byte(`{"item-bytes":"1MB","connections":"5","request-rate":"1.5"}`))
	f.Add([]byte(`{"ttl":"1h30m","nothing":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again Settings
		if json.Unmarshal(b, &s) != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%q is taken and cannot be said: %v", b, err)
		}
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(s.Map(), again.Map()) {
			t.Errorf("%q is said as %s, which is %v, %v", b, text, again.Map(), err)
		}
	})
}

// A price book is read or refused, and what is read has prices.
func FuzzPriceBook(f *testing.F) {
	f.Add("currency EUR\nprice 0.2 per 1000000 operations # a comment\ncache c price 1/3 per 1e6 bytes-in\n")
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := ParsePriceBook(text); (b == nil) == (err == nil) {
			t.Errorf("%q gives %v, %v", text, b, err)
		}
	})
}
