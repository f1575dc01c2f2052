package respwire

import "bytes"

// inline reads a request that is one line of words.
func (p *Parser) inline(in []byte, args [][]byte) (out [][]byte, n int, err error) {
	// What comes behind the bound is not looked at: whether a line is too long does not hang on how it arrives.
	end := bytes.IndexByte(in[:min(len(in), InlineBytesMax+1)], '\n')
	if end < 0 {
		if len(in) > InlineBytesMax {
			return args, 0, ProtocolError("too big inline request")
		}
		return args, 0, nil
	}
	text := in[:end]
	if len(text) > 0 && text[len(text)-1] == '\r' {
		text = text[:len(text)-1]
	}
	args, ok := Words(text, args)
	if !ok {
		return args, 0, ProtocolError("unbalanced quotes in request")
	}
	return args, end + 1, nil
}

// Words splits a line into words as a Valkey server splits an inline request: separated by spaces, in double quotes
// with escapes, or in single quotes where only \' is one. It reports false where quotes are not balanced. A word
// without escapes is a slice of text.
func Words(text []byte, args [][]byte) ([][]byte, bool) {
	for i := 0; ; {
		for i < len(text) && isSpace(text[i]) {
			i++
		}
		if i >= len(text) || text[i] == 0 {
			return args, true
		}
		word, next, ok := word(text, i)
		if !ok {
			return args, false
		}
		args = append(args, word)
		i = next
	}
}

func word(text []byte, i int) (w []byte, next int, ok bool) {
	start := i
	for i < len(text) && !isSpace(text[i]) && text[i] != 0 && text[i] != '"' && text[i] != '\'' {
		i++
	}
	w = text[start:i:i]
	for i < len(text) && !isSpace(text[i]) && text[i] != 0 {
		switch text[i] {
		case '"':
			w, i, ok = doubleQuoted(text, i+1, w)
		case '\'':
			w, i, ok = singleQuoted(text, i+1, w)
		default:
			w, i, ok = append(w, text[i]), i+1, true
			continue
		}
		// A closing quote is followed by a space or by nothing.
		if !ok || (i < len(text) && !isSpace(text[i])) {
			return nil, 0, false
		}
	}
	return w, i, true
}

func doubleQuoted(text []byte, i int, w []byte) ([]byte, int, bool) {
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return w, i + 1, true
		case c == '\\' && i+3 < len(text) && text[i+1] == 'x' && isHex(text[i+2]) && isHex(text[i+3]):
			w = append(w, unhex(text[i+2])<<4|unhex(text[i+3]))
			i += 3
		case c == '\\' && i+1 < len(text):
			i++
			w = append(w, unescape(text[i]))
		default:
			w = append(w, c)
		}
	}
	return nil, 0, false
}

func singleQuoted(text []byte, i int, w []byte) ([]byte, int, bool) {
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '\'':
			w = append(w, '\'')
			i++
		case c == '\'':
			return w, i + 1, true
		default:
			w = append(w, c)
		}
	}
	return nil, 0, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

func isHex(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' <= 5 }

func unhex(c byte) byte {
	if c-'0' <= 9 {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
