package op

// MatchGlob reports whether s matches a pattern as Redis has them: * for anything, ? for one byte, [abc], [a-z] and [^a]
// for one of some bytes, and \ before a byte that stands for itself. Nothing matches no pattern but an empty one.
func MatchGlob(pattern, s []byte) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	// Where the last star was, and how much of s it has taken: one retreat is enough, since a later star makes an
	// earlier one's choice irrelevant.
	star, taken := -1, 0
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				star, taken = p, i
				p++
				continue
			}
			if next, ok := matchOne(pattern, p, s[i]); ok {
				p, i = next, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		taken++
		p, i = star+1, taken
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches one byte against what stands at p and returns where the pattern goes on.
func matchOne(pattern []byte, p int, c byte) (next int, ok bool) {
	switch {
	case pattern[p] == '?':
		return p + 1, true
	case pattern[p] == '[':
		return matchClass(pattern, p+1, c)
	case pattern[p] == '\\' && p+1 < len(pattern):
		p++
	}
	return p + 1, pattern[p] == c
}

// matchClass matches one byte against a class that begins at p. One that is not closed ends with the pattern.
func matchClass(pattern []byte, p int, c byte) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	found := false
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			found = found || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := min(pattern[p], pattern[p+2]), max(pattern[p], pattern[p+2])
			found = found || low <= c && c <= high
			p += 2
		default:
			found = found || pattern[p] == c
		}
	}
	return min(p+1, len(pattern)), found != not
}
