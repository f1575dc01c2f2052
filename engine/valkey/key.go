package valkey

import (
	"bytes"
	"strconv"

	"github.com/hearthcache/hearth"
)

// Keys begin with "h:", so that an ACL can hold hearth to its own (~h:*), the space in base 36, and a colon. There is
// no hash tag in that: a key spreads over the cluster, and a {tag} of the user's decides the slot as it does on Valkey.
const ownPrefix = "h:"

func appendPrefix(dst []byte, s hearth.Space) []byte {
	dst = append(dst, ownPrefix...)
	dst = strconv.AppendUint(dst, uint64(s), 36)
	return append(dst, ':')
}

func appendKey(dst []byte, s hearth.Space, key []byte) []byte {
	return append(appendPrefix(dst, s), key...)
}

// spaceOf returns the space of a key with its prefix.
func spaceOf(key []byte) (hearth.Space, bool) {
	rest, ok := bytes.CutPrefix(key, []byte(ownPrefix))
	if !ok {
		return 0, false
	}
	digits, _, ok := bytes.Cut(rest, []byte(":"))
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(string(digits), 36, 32)
	return hearth.Space(n), err == nil && n != 0
}

// slotOf returns the hash slot of a key, as a cluster does: of what stands in the first {} where that is not empty.
func slotOf(key []byte) uint16 {
	if start := bytes.IndexByte(key, '{'); start >= 0 {
		if n := bytes.IndexByte(key[start+1:], '}'); n > 0 {
			key = key[start+1 : start+1+n]
		}
	}
	var crc uint16 // CRC-16/XMODEM
	for _, c := range key {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc & 0x3fff
}

// sameSlot reports whether one command may be said on all the keys.
func sameSlot(keys [][]byte) bool {
	for _, k := range keys[1:] {
		if slotOf(k) != slotOf(keys[0]) {
			return false
		}
	}
	return true
}
