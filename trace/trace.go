// Package trace reads request traces of real caches and replays them: through the local engine as it really runs, and
// through simulations of well-known policies at the same bytes. It knows nothing of doors, gateways or tenants.
package trace

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Request is one read of a key: a hit, or a miss after which the caller stores the item.
type Request struct {
	Key  uint64 // of text, its hash
	Size uint32 // bytes of the value; 0 where the trace has no sizes
}

// The formats of traces.
const (
	Auto          = "auto"          // by the file's name
	Text          = "text"          // a line is: key | key size | time key size; other lines are passed over
	CSV           = "csv"           // columns by header (key or id, size), else as Text; seven columns are Twitter's
	OracleGeneral = "oracleGeneral" // libCacheSim: u32 time, u64 key, u32 size, i64 next, little-endian
	Lis           = "lis"           // the ARC paper's: first count 0 number, each line being count keys
	U64           = "u64"           // keys of eight bytes
	U32           = "u32"           // keys of four bytes
)

// Formats lists what Open understands.
var Formats = []string{Auto, Text, CSV, OracleGeneral, Lis, U64, U32}

// Read reads a whole trace. Compression (.gz, .xz, .zst) shows in the file's name, and so does the format where that is
// Auto.
func Read(path, format string) ([]Request, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	name := filepath.Base(path)
	r, err := decompress(bufio.NewReaderSize(f, 1<<20), &name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if format == Auto || format == "" {
		format = formatOf(name)
	}
	rs, err := Parse(r, format)
	if err != nil {
		return nil, fmt.Errorf("%s as %s: %w", path, format, err)
	}
	if len(rs) == 0 {
		return nil, fmt.Errorf("%s as %s: there are no requests in it (text has lines such as 42, key 512 or 1700000000 key 512)", path, format)
	}
	return rs, nil
}

// decompress undoes the compression that the name's ending tells of, and takes the ending off.
func decompress(r io.Reader, name *string) (io.Reader, error) {
	ext := filepath.Ext(*name)
	trimmed := strings.TrimSuffix(*name, ext)
	switch ext {
	case ".gz":
		*name = trimmed
		return gzip.NewReader(r)
	case ".xz":
		*name = trimmed
		return xz.NewReader(r)
	case ".zst":
		*name = trimmed
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	}
	return r, nil
}

// formatOf guesses the format from a file's name without the ending of its compression.
func formatOf(name string) string {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "oraclegeneral"):
		return OracleGeneral
	case strings.HasSuffix(name, ".csv"):
		return CSV
	case strings.HasSuffix(name, ".lis"):
		return Lis
	case strings.Contains(name, ".u64"):
		return U64
	case strings.Contains(name, ".u32"):
		return U32
	}
	return Text
}

// Parse reads requests in one of the Formats but Auto.
func Parse(r io.Reader, format string) ([]Request, error) {
	switch format {
	case Text:
		return lines(r, func(line string) []string { return strings.Fields(line) }, textRow)
	case CSV:
		return parseCSV(r)
	case Lis:
		return parseLis(r)
	case OracleGeneral:
		return fixed(r, 24, func(b []byte) Request {
			return Request{Key: binary.LittleEndian.Uint64(b[4:]), Size: binary.LittleEndian.Uint32(b[12:])}
		})
	case U64:
		return fixed(r, 8, func(b []byte) Request { return Request{Key: binary.BigEndian.Uint64(b)} })
	case U32:
		return fixed(r, 4, func(b []byte) Request { return Request{Key: uint64(binary.BigEndian.Uint32(b))} })
	}
	return nil, fmt.Errorf("the format %q is unknown; there are %s", format, strings.Join(Formats, ", "))
}

// fixed reads records of n bytes.
func fixed(r io.Reader, n int, decode func([]byte) Request) (rs []Request, err error) {
	b := make([]byte, n)
	for {
		_, err := io.ReadFull(r, b)
		switch {
		case errors.Is(err, io.EOF):
			return rs, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("the last record is shorter than %d bytes", n)
		case err != nil:
			return nil, err
		}
		rs = append(rs, decode(b))
	}
}

// lines reads a request from each line that row understands.
func lines(r io.Reader, split func(string) []string, row func([]string) (Request, bool)) (rs []Request, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if q, ok := row(split(s.Text())); ok {
			rs = append(rs, q)
		}
	}
	return rs, s.Err()
}

// textRow reads: key | key size | time key size.
func textRow(f []string) (Request, bool) {
	switch len(f) {
	case 1:
		// Some traces put marks between phases: a lone word that is not a number.
		n, err := strconv.ParseUint(f[0], 10, 64)
		return Request{Key: n}, err == nil
	case 2:
		return sized(f[0], f[1])
	case 3:
		return sized(f[1], f[2])
	}
	return Request{}, false
}

func sized(key, size string) (Request, bool) {
	n, err := strconv.ParseUint(size, 10, 32)
	return Request{Key: keyOf(key), Size: uint32(n)}, err == nil
}

// keyOf is the number that a key is, or stands for.
func keyOf(s string) uint64 {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	h := fnv.New64a()
	io.WriteString(h, s)
	return h.Sum64()
}

// lisRunMax is how many requests one line of a Lis may stand for; those of the published traces stand for a few hundred.
const lisRunMax = 1 << 16

func parseLis(r io.Reader) (rs []Request, err error) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		var first, count uint64
		if n, _ := fmt.Sscan(s.Text(), &first, &count); n < 2 {
			continue
		}
		if count > lisRunMax {
			return nil, fmt.Errorf("a line stands for %d requests: at most %d are read", count, lisRunMax)
		}
		for i := range count {
			rs = append(rs, Request{Key: first + i})
		}
	}
	return rs, s.Err()
}

func parseCSV(r io.Reader) ([]Request, error) {
	key, size, first := -1, -1, true
	split := func(line string) []string {
		f := strings.Split(line, ",")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		return f
	}
	return lines(r, split, func(f []string) (Request, bool) {
		if first {
			first = false
			if key, size = header(f); key >= 0 {
				return Request{}, false
			}
		}
		switch {
		case key < 0 && len(f) == 7:
			q, ok := sized(f[1], f[3]) // Twitter's: time, key, key's size, value's size, client, operation, TTL
			return q, ok
		case key < 0:
			return textRow(f)
		case key >= len(f) || size >= len(f):
			return Request{}, false
		case size < 0:
			return Request{Key: keyOf(f[key])}, f[key] != ""
		}
		return sized(f[key], f[size])
	})
}

// header finds the columns of keys and sizes in a first line; key is -1 where it is no header.
func header(f []string) (key, size int) {
	key, size = -1, -1
	for i, name := range f {
		switch strings.ToLower(name) {
		case "key", "id", "obj_id", "object", "lbn":
			key = i
		case "size", "obj_size", "value_size", "bytes":
			size = i
		}
	}
	return key, size
}
