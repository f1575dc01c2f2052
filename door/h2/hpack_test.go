package h2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// oracle decodes with golang.org/x/net.
func oracle(d *hpack.Decoder, block []byte) (fields []string, err error) {
	d.SetEmitFunc(func(f hpack.HeaderField) { fields = append(fields, f.Name+"\x00"+f.Value) })
	if _, err = d.Write(block); err == nil {
		err = d.Close()
	}
	return fields, err
}

func decodeAll(d *decoder, block []byte) (fields []string, err error) {
	for d.begin(block); d.more(); {
		name, value, _, err := d.next()
		if err != nil {
			return fields, err
		}
		if name == nil {
			break
		}
		fields = append(fields, string(name)+"\x00"+string(value))
	}
	return fields, nil
}

// agree holds both decoders against each other over several blocks of one connection.
func agree(t *testing.T, blocks [][]byte) {
	t.Helper()
	theirs := hpack.NewDecoder(tableBytesMax, nil)
	theirs.SetAllowedMaxDynamicTableSize(tableBytesMax)
	var ours decoder
	for i, b := range blocks {
		want, wantErr := oracle(theirs, b)
		got, err := decodeAll(&ours, b)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("block %d %x: error %v, x/net says %v", i, b, err, wantErr)
		}
		if err != nil {
			return
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("block %d %x: %q, x/net says %q", i, b, got, want)
		}
	}
}

func TestDecoder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{":path", ":method", "authorization", "cache", "grpc-timeout", "x", "user-agent", "content-type"}
	for range 30 {
		var blocks [][]byte
		var buf bytes.Buffer
		e := hpack.NewEncoder(&buf)
		for range 60 {
			buf.Reset()
			if r.IntN(20) == 0 {
				e.SetMaxDynamicTableSize(uint32(r.IntN(tableBytesMax + 1)))
			}
			for range 1 + r.IntN(12) { // else x/net would say two sizes at once, which it refuses itself
				value := bytes.Repeat([]byte{byte('a' + r.IntN(26))}, r.IntN(10)*r.IntN(60))
				_ = e.WriteField(hpack.HeaderField{Name: names[r.IntN(len(names))] + fmt.Sprint(r.IntN(3)), Value: string(value), Sensitive: r.IntN(5) == 0})
			}
			blocks = append(blocks, bytes.Clone(buf.Bytes()))
		}
		agree(t, blocks)
	}
}

func TestDecoderRefuses(t *testing.T) {
	check := func(block string) {
		t.Helper()
		var d decoder
		if fields, err := decodeAll(&d, []byte(block)); err == nil {
			t.Errorf("%x is taken for %q", block, fields)
		}
	}

	check("\x80")                         // index 0
	check("\xbe")                         // beyond both tables
	check("\x40\x01x")                    // no value
	check("\x00\x05abc")                  // short
	check("\x82\x20")                     // a change of size behind a field
	check("\x3f\xe2\x1f")                 // a table larger than we allow
	check("\xff\xff\xff\xff\xff\xff\x0f") // a number without end
	check("\x00\x81\xff\x01x")            // bad Huffman code
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x82\x86\x84\x41\x0fwww.example.com"), []byte("\x82\x86\x84\xbe\x58\x08no-cache"))
	f.Add([]byte("\x3f\xe1\x1f\x40\x01a\x01b"), []byte("\x20\x40\x01a\x01b"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > 1<<12 {
			return
		}
		var ours decoder
		theirs := hpack.NewDecoder(tableBytesMax, nil)
		for _, block := range [][]byte{a, b, a} {
			want, wantErr := oracle(theirs, block)
			got, err := decodeAll(&ours, block)
			if err != nil {
				return // we are stricter about long numbers
			}
			if wantErr != nil {
				t.Fatalf("%x: x/net refuses: %v", block, wantErr)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%x: %q, x/net says %q", block, got, want)
			}
		}
	})
}
