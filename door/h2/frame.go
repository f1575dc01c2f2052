package h2

import "encoding/binary"

// The types of frames (RFC 9113, 6).
const (
	frameData         = 0
	frameHeaders      = 1
	framePriority     = 2
	frameReset        = 3
	frameSettings     = 4
	framePush         = 5
	framePing         = 6
	frameGoAway       = 7
	frameWindow       = 8
	frameContinuation = 9
)

// The flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// The settings (RFC 9113, 6.5.2).
const (
	settingTableSize  = 1
	settingPush       = 2
	settingStreams    = 3
	settingWindow     = 4
	settingFrameSize  = 5
	settingHeaderList = 6
)

const (
	preface        = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	frameHeadBytes = 9
	frameBytesMax  = 16384 // that we take, and that every peer takes
	windowDefault  = 65535
	windowMax      = 1<<31 - 1
)

// code is why a stream or a connection ends (RFC 9113, 7).
type code uint32

// The codes.
const (
	codeNone        code = 0
	codeProtocol    code = 1
	codeInternal    code = 2
	codeFlow        code = 3
	codeClosed      code = 5
	codeFrameSize   code = 6
	codeRefused     code = 7
	codeCancel      code = 8
	codeCompression code = 9
	codeCalm        code = 11
)

// frame is one frame as it was read; its payload is borrowed.
type frame struct {
	kind, flags byte
	id          uint32
	payload     []byte
}

// parseHead reads a frame's first nine bytes, and returns the length of its payload.
func parseHead(b []byte) (f frame, size int) {
	size = int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	return frame{kind: b[3], flags: b[4], id: binary.BigEndian.Uint32(b[5:]) & windowMax}, size
}

// unpad takes the padding off a frame that has one.
func (f *frame) unpad() bool {
	if f.flags&flagPadded == 0 {
		return true
	}
	if len(f.payload) == 0 || int(f.payload[0]) >= len(f.payload) {
		return false
	}
	f.payload = f.payload[1 : len(f.payload)-int(f.payload[0])]
	return true
}

func appendHead(b []byte, size int, kind, flags byte, id uint32) []byte {
	return append(b, byte(size>>16), byte(size>>8), byte(size), kind, flags, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// putHead writes what appendHead appends.
func putHead(b []byte, size int, kind, flags byte, id uint32) {
	appendHead(b[:0], size, kind, flags, id)
}

func appendReset(b []byte, id uint32, c code) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, 4, frameReset, 0, id), uint32(c))
}

func appendWindow(b []byte, id, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, 4, frameWindow, 0, id), n)
}

func appendGoAway(b []byte, last uint32, c code, why string) []byte {
	b = appendHead(b, 8+len(why), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	return append(binary.BigEndian.AppendUint32(b, uint32(c)), why...)
}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), value)
}

// sendBlock sends a header block. The first one after the peer's table became smaller takes all of the table out of use,
// so that no later change has to be acknowledged.
func (c *conn) sendBlock(id uint32, block []byte, end bool) {
	if c.shrinks {
		c.shrinks = false
		block = append([]byte{resizeToNothing}, block...)
	}
	c.out.B = appendHeaders(c.out.B, id, block, end)
}

// resizeToNothing is a dynamic table size update to 0 (RFC 7541, 6.3).
const resizeToNothing = 0x20

// appendHeaders appends a header block as one HEADERS frame, and as many CONTINUATION frames as it needs.
func appendHeaders(b []byte, id uint32, block []byte, end bool) []byte {
	kind, flags := byte(frameHeaders), byte(0)
	if end {
		flags = flagEndStream
	}
	for {
		n := min(len(block), frameBytesMax)
		if n == len(block) {
			flags |= flagEndHeaders
		}
		b = append(appendHead(b, n, kind, flags, id), block[:n]...)
		block = block[n:]
		if len(block) == 0 {
			return b
		}
		kind, flags = frameContinuation, 0
	}
}
