package h2

import (
	"strconv"
	"strings"
)

// head is the header of one request, in memory that is used again.
type head struct {
	text   []byte
	fields []field

	method, scheme, authority, path, contentType, timeout, encoding []byte

	length   int64 // content-length; -1 if it was not given
	size     int
	regular  bool   // a field that is no pseudo-header has come
	broken   string // what makes the request malformed; empty if it is not
	tooLarge bool
	uses     int // by streams, and as the connection's last
}

// field is where a name and its value lie in text.
type field struct{ name, value, end uint32 }

func (h *head) reset() {
	*h = head{text: h.text[:0], fields: h.fields[:0], length: -1}
}

// get returns the first value of a field.
func (h *head) get(name string) []byte {
	for _, f := range h.fields {
		if string(h.text[f.name:f.value]) == name {
			return h.text[f.value:f.end:f.end]
		}
	}
	return nil
}

// add takes one field in. Bounds come first: what is beyond them is not kept.
func (h *head) add(name, value []byte, clean bool) {
	h.size += len(name) + len(value) + entryOverhead
	if h.size > HeaderBytesMax {
		h.tooLarge = true
		return
	}
	if h.broken != "" {
		return
	}
	if !clean && !validValue(value) {
		h.broken = "a field value holds a control character"
		return
	}
	if len(name) > 0 && name[0] == ':' {
		h.addPseudo(name, value)
		return
	}
	h.regular = true
	if !clean && !validName(name) {
		h.broken = "a field name is not lower-case"
		return
	}
	h.addRegular(name, value)
}

// keep copies b.
func (h *head) keep(b []byte) []byte {
	start := len(h.text)
	h.text = append(h.text, b...)
	return h.text[start:len(h.text):len(h.text)]
}

func (h *head) addPseudo(name, value []byte) {
	var at *[]byte
	switch string(name) {
	case ":method":
		at = &h.method
	case ":scheme":
		at = &h.scheme
	case ":authority":
		at = &h.authority
	case ":path":
		at = &h.path
	default:
		h.broken = "an unknown pseudo-header"
		return
	}
	if h.regular || *at != nil {
		h.broken = "a pseudo-header is repeated or comes late"
		return
	}
	if *at = h.keep(value); *at == nil {
		*at = []byte{}
	}
}

func (h *head) addRegular(name, value []byte) {
	switch string(name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		h.broken = "a field is about the connection"
		return
	case "te":
		if string(value) != "trailers" {
			h.broken = "te is not trailers"
		}
		return
	case "content-length":
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || (h.length >= 0 && h.length != int64(n)) {
			h.broken = "content-length is not a number"
			return
		}
		h.length = int64(n)
	case "content-type":
		h.contentType = h.put(name, value)
		return
	case "grpc-timeout":
		h.timeout = h.put(name, value)
		return
	case "grpc-encoding":
		h.encoding = h.put(name, value)
		return
	}
	h.put(name, value)
}

// put keeps a field, and returns its value.
func (h *head) put(name, value []byte) []byte {
	at := uint32(len(h.text))
	h.text = append(append(h.text, name...), value...)
	f := field{at, at + uint32(len(name)), uint32(len(h.text))}
	h.fields = append(h.fields, f)
	return h.text[f.value:f.end:f.end]
}

// check looks at what only the whole header shows.
func (h *head) check() string {
	switch {
	case h.broken != "":
		return h.broken
	case len(h.method) == 0:
		return "no :method"
	case string(h.method) == "CONNECT":
		return "CONNECT is not offered"
	case len(h.scheme) == 0:
		return "no :scheme"
	case len(h.path) == 0 || h.path[0] != '/' && string(h.path) != "*":
		return "no :path"
	}
	return ""
}

// isGRPC reports whether the request is a gRPC call.
func (h *head) isGRPC() bool {
	const kind = "application/grpc"
	t := h.contentType
	if string(h.method) != "POST" || len(t) < len(kind) || string(t[:len(kind)]) != kind {
		return false
	}
	return len(t) == len(kind) || t[len(kind)] == '+' || t[len(kind)] == ';'
}

// validValue reports whether value can be a field's: it holds no byte that ends a line.
func validValue(value []byte) bool {
	for _, b := range value {
		if b == 0 || b == '\r' || b == '\n' {
			return false
		}
	}
	return true
}

// validName reports whether name is a token without capitals.
func validName(name []byte) bool {
	if len(name) == 0 {
		return false
	}
	for _, b := range name {
		if b >= 'a' && b <= 'z' || b == '-' || b >= '0' && b <= '9' {
			continue
		}
		if strings.IndexByte("!#$%&'*+.^_`|~", b) < 0 {
			return false
		}
	}
	return true
}
