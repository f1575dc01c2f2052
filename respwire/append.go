package respwire

import (
	"bytes"
	"math"
	"strconv"
)

// AppendSimple appends a simple string, which must hold no line end.
func AppendSimple(dst []byte, s string) []byte {
	dst = append(dst, '+')
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendOK appends "+OK".
func AppendOK(dst []byte) []byte { return append(dst, "+OK\r\n"...) }

// AppendError appends an error of some parts, its code first. Line ends in it become spaces.
func AppendError(dst []byte, parts ...string) []byte {
	dst = append(dst, '-')
	at := len(dst)
	for _, p := range parts {
		dst = append(dst, p...)
	}
	for _, end := range []byte{'\r', '\n'} {
		for i := bytes.IndexByte(dst[at:], end); i >= 0; i = bytes.IndexByte(dst[at:], end) {
			dst[at+i] = ' '
		}
	}
	return append(dst, '\r', '\n')
}

// AppendInteger appends an integer.
func AppendInteger(dst []byte, n int64) []byte {
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

// AppendBulk appends a bulk string.
func AppendBulk(dst, b []byte) []byte {
	dst = AppendBulkHeader(dst, len(b))
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// AppendBulkString appends a bulk string.
func AppendBulkString(dst []byte, s string) []byte {
	dst = AppendBulkHeader(dst, len(s))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendBulkHeader appends what stands before the n bytes of a bulk string; "\r\n" follows them.
func AppendBulkHeader(dst []byte, n int) []byte { return header(dst, '$', n) }

// AppendArray appends the header of an array of n elements.
func AppendArray(dst []byte, n int) []byte { return header(dst, '*', n) }

func header(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// Proto is the version of RESP that a connection speaks: 2 or 3.
type Proto uint8

// The versions.
const (
	RESP2 Proto = 2
	RESP3 Proto = 3
)

// AppendNull appends the null of a single value.
func (p Proto) AppendNull(dst []byte) []byte {
	if p == RESP3 {
		return append(dst, "_\r\n"...)
	}
	return append(dst, "$-1\r\n"...)
}

// AppendNullArray appends the null that stands for an array.
func (p Proto) AppendNullArray(dst []byte) []byte {
	if p == RESP3 {
		return append(dst, "_\r\n"...)
	}
	return append(dst, "*-1\r\n"...)
}

// AppendMap appends the header of a map of n pairs.
func (p Proto) AppendMap(dst []byte, n int) []byte {
	if p == RESP3 {
		return header(dst, '%', n)
	}
	return header(dst, '*', 2*n)
}

// AppendSet appends the header of a set of n elements.
func (p Proto) AppendSet(dst []byte, n int) []byte {
	if p == RESP3 {
		return header(dst, '~', n)
	}
	return header(dst, '*', n)
}

// AppendPush appends the header of a message of n elements that answers no request.
func (p Proto) AppendPush(dst []byte, n int) []byte {
	if p == RESP3 {
		return header(dst, '>', n)
	}
	return header(dst, '*', n)
}

// AppendBool appends a truth: 1 or 0 in RESP 2.
func (p Proto) AppendBool(dst []byte, b bool) []byte {
	switch {
	case p == RESP3 && b:
		return append(dst, "#t\r\n"...)
	case p == RESP3:
		return append(dst, "#f\r\n"...)
	case b:
		return append(dst, ":1\r\n"...)
	}
	return append(dst, ":0\r\n"...)
}

// AppendVerbatim appends a text; format is three letters, such as "txt".
func (p Proto) AppendVerbatim(dst []byte, format, text string) []byte {
	if p != RESP3 {
		return AppendBulkString(dst, text)
	}
	dst = header(dst, '=', len(format)+1+len(text))
	dst = append(dst, format...)
	dst = append(dst, ':')
	dst = append(dst, text...)
	return append(dst, '\r', '\n')
}

// AppendDouble appends a floating-point number: a bulk string in RESP 2.
func (p Proto) AppendDouble(dst []byte, f float64) []byte {
	var b [40]byte
	text := AppendFloat(b[:0], f)
	if p != RESP3 {
		return AppendBulk(dst, text)
	}
	dst = append(dst, ',')
	dst = append(dst, text...)
	return append(dst, '\r', '\n')
}

// AppendFloat appends f as Redis 7 prints a score: the 17 significant digits of C's %.17g.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15 && !(f == 0 && math.Signbit(f)):
		return strconv.AppendInt(dst, int64(f), 10)
	}
	exp := 0
	if f != 0 {
		// The exponent after rounding to 17 digits decides the form, as in C.
		e := strconv.AppendFloat(nil, f, 'e', 16, 64)
		i := len(e) - 1
		for e[i] != 'e' {
			i--
		}
		exp, _ = strconv.Atoi(string(e[i+1:]))
	}
	if exp < -4 || exp >= 17 {
		return trimExponent(dst, strconv.AppendFloat(nil, f, 'e', 16, 64))
	}
	return append(dst, trimZeros(strconv.AppendFloat(nil, f, 'f', 16-exp, 64))...)
}

// trimZeros drops what C's %g does not print: zeros at the end of a fraction, and its point.
func trimZeros(b []byte) []byte {
	point := false
	for _, c := range b {
		point = point || c == '.'
	}
	if !point {
		return b
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

func trimExponent(dst, b []byte) []byte {
	i := len(b) - 1
	for b[i] != 'e' {
		i--
	}
	dst = append(dst, trimZeros(b[:i:i])...)
	return append(dst, b[i:]...)
}
