package topics

import "strings"

// Match reports whether name matches a pattern as Redis reads it: * any run, ? any byte, [abc], [^abc] and [a-c] one of
// a set, \ the next byte itself. It takes at most len(pattern)·len(name) steps.
func Match(pattern, name string) bool {
	p, n := 0, 0
	star, mark := -1, 0 // where to go on from when the run of the last * grows by one byte
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, n
			p++
			continue
		}
		if next, ok := matchByte(pattern, p, name[n]); ok {
			p, n = next, n+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Prefix returns what every name that matches a pattern begins with, as far as that is plain to see.
func Prefix(pattern string) string {
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// offers reports whether a subscription to a pattern gets the messages of a topic: names that begin with $ are reserved
// ones, which only a pattern that begins like them is meant for.
func offers(pattern, name string) bool {
	if strings.HasPrefix(name, "$") && !strings.HasPrefix(pattern, "$") {
		return false
	}
	return Match(pattern, name)
}

// matchByte matches one byte against the element of the pattern at p and returns where the next element begins.
func matchByte(pattern string, p int, b byte) (next int, ok bool) {
	switch {
	case p >= len(pattern):
		return p, false
	case pattern[p] == '?':
		return p + 1, true
	case pattern[p] == '[':
		return matchSet(pattern, p+1, b)
	case pattern[p] == '\\' && p+1 < len(pattern):
		p++
	}
	return p + 1, pattern[p] == b
}

// matchSet matches a byte against the set that begins at p. A set that is not closed ends with the pattern.
func matchSet(pattern string, p int, b byte) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			ok = ok || pattern[p] == b
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := min(pattern[p], pattern[p+2]), max(pattern[p], pattern[p+2])
			ok = ok || low <= b && b <= high
			p += 2
		default:
			ok = ok || pattern[p] == b
		}
	}
	if p < len(pattern) {
		p++
	}
	return p, ok != not
}
