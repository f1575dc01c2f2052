package respwire

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
)

// ErrShort says that a reply is not complete yet.
var ErrShort = errors.New("respwire: the reply is not complete")

var errMalformed = errors.New("respwire: malformed reply")

// depthMax bounds how deep replies may nest.
const depthMax = 32

// Decode reads one reply of a server from the front of in and returns how many bytes it took. Bytes in the Value are
// slices of in. It returns ErrShort while the reply is not complete.
func Decode(in []byte) (v Value, n int, err error) { return decode(in, 0) }

func decode(in []byte, depth int) (v Value, n int, err error) {
	end := bytes.Index(in, []byte("\r\n"))
	if end < 0 {
		return v, 0, ErrShort
	}
	if end == 0 || depth > depthMax {
		return v, 0, errMalformed
	}
	v.Type, n = in[0], end+2
	text := in[1:end]
	switch v.Type {
	case '+', '-', '(':
		v.Str = text
	case ':':
		v.Int, err = strconv.ParseInt(string(text), 10, 64)
	case '#':
		v.Int = map[string]int64{"t": 1, "f": 0}[string(text)]
		if string(text) != "t" && string(text) != "f" {
			err = errMalformed
		}
	case ',':
		v.Num, err = parseDouble(text)
	case '_':
		v.Null = true
	case '$', '=', '!':
		return decodeBulk(v, in, text, n)
	case '*', '~', '>', '%', '|':
		return decodeArray(v, in, text, n, depth)
	default:
		err = errMalformed
	}
	if err != nil {
		err = errMalformed
	}
	return v, n, err
}

func decodeBulk(v Value, in, text []byte, n int) (Value, int, error) {
	size, ok := Int(text)
	switch {
	case !ok || size < -1 || size > BulkBytesMax:
		return v, 0, errMalformed
	case size == -1:
		v.Null = true
		return v, n, nil
	case len(in) < n+int(size)+2:
		return v, 0, ErrShort
	}
	end := n + int(size)
	if in[end] != '\r' || in[end+1] != '\n' {
		return v, 0, errMalformed
	}
	v.Str = in[n:end:end]
	if v.Type == '=' {
		if len(v.Str) < 4 || v.Str[3] != ':' {
			return v, 0, errMalformed
		}
		v.Str = v.Str[4:]
	}
	return v, end + 2, nil
}

func decodeArray(v Value, in, text []byte, n, depth int) (Value, int, error) {
	count, ok := Int(text)
	switch {
	case !ok || count < -1 || count > math.MaxInt32:
		return v, 0, errMalformed
	case count == -1:
		v.Null = true
		return v, n, nil
	}
	if v.Type == '%' || v.Type == '|' {
		count *= 2
	}
	// No reply element is shorter than three bytes: what has not arrived gets no memory.
	v.Array = make([]Value, 0, min(int(count), (len(in)-n)/3+1))
	for range count {
		e, m, err := decode(in[n:], depth+1)
		if err != nil {
			return v, 0, err
		}
		v.Array = append(v.Array, e)
		n += m
	}
	return v, n, nil
}

func parseDouble(b []byte) (float64, error) {
	switch string(b) {
	case "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	case "nan":
		return math.NaN(), nil
	}
	return strconv.ParseFloat(string(b), 64)
}

// ParseFloat reads a number as strtod of C does: as strconv.ParseFloat, but hexadecimal ones need no exponent, no digits are
// grouped by underscores, and it is an strconv.ErrRange, too, where a number other than 0 is too small to be told from it.
func ParseFloat(text string) (float64, error) {
	if strings.IndexByte(text, '_') >= 0 {
		return 0, strconv.ErrSyntax
	}
	digits, exponent := "123456789", "eE"
	if strings.ContainsAny(text, "xX") {
		digits, exponent = "123456789abcdefABCDEF", "pP"
		if !strings.ContainsAny(text, exponent) {
			text += "p0"
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if f != 0 || err != nil {
		return f, err
	}
	if i := strings.IndexAny(text, exponent); i >= 0 {
		text = text[:i]
	}
	if strings.ContainsAny(text, digits) {
		return 0, strconv.ErrRange
	}
	return f, nil
}

// AppendRequest appends a request as clients send it: an array of bulk strings.
func AppendRequest(dst []byte, args ...[]byte) []byte {
	dst = AppendArray(dst, len(args))
	for _, a := range args {
		dst = AppendBulk(dst, a)
	}
	return dst
}
