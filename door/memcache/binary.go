package memcache

import "encoding/binary"

// What this door knows of memcached's binary protocol: how it begins, and how to say in it that it is not offered.
const (
	binaryMagic        = 0x80 // the first byte of a request
	binaryAnswer       = 0x81 // the first byte of an answer
	binaryHeaderBytes  = 24
	binaryNotSupported = 0x83 // the status of what a server does not do
	binaryRefusal      = "the binary protocol is not offered: let the client speak the text or meta protocol"
)

// appendRefusal appends the answer to the binary request that in begins with.
func appendRefusal(dst, in []byte) []byte {
	var h [binaryHeaderBytes]byte
	copy(h[:], in)
	h[0] = binaryAnswer
	clear(h[2:12]) // lengths of key and extras, the data type
	clear(h[16:])  // the number for cas
	binary.BigEndian.PutUint16(h[6:], binaryNotSupported)
	binary.BigEndian.PutUint32(h[8:], uint32(len(binaryRefusal)))
	return append(append(dst, h[:]...), binaryRefusal...)
}
