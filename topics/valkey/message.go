package valkey

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/topics"
)

// A message lies in the servers as 16 digits, the microseconds of its publication, a byte of flags, the publisher and the
// key, each with its length before it, and the rest is the body.
const (
	timeDigits = 16
	isText     = 1 << 0
	hasKey     = 1 << 1
)

var errMessage = errors.New("a message that no gateway has written")

// appendPayload appends what stands behind the time.
func appendPayload(dst []byte, b *topics.Body) []byte {
	flags := byte(0)
	if b.Text {
		flags |= isText
	}
	if b.Key != nil {
		flags |= hasKey
	}
	dst = append(dst, flags)
	dst = append(binary.AppendUvarint(dst, uint64(len(b.Publisher))), b.Publisher...)
	dst = append(binary.AppendUvarint(dst, uint64(len(b.Key))), b.Key...)
	return append(dst, b.Bytes...)
}

// kept is a message as it lies in the servers, read.
type kept struct {
	time string // in microseconds
	body topics.Body
}

func (k *kept) millis() int64 {
	n, _ := strconv.ParseInt(k.time, 10, 64)
	return n / 1000
}

// parseKept reads a message; its bytes are slices of b.
func parseKept(b []byte) (k kept, err error) {
	if len(b) <= timeDigits {
		return k, errMessage
	}
	k.time = string(b[:timeDigits])
	flags := b[timeDigits]
	publisher, rest, ok := cutSized(b[timeDigits+1:])
	if !ok {
		return k, errMessage
	}
	key, rest, ok := cutSized(rest)
	if !ok {
		return k, errMessage
	}
	k.body = topics.Body{Bytes: rest, Text: flags&isText != 0, Publisher: string(publisher)}
	if flags&hasKey != 0 {
		k.body.Key = key
	}
	return k, nil
}

func cutSized(b []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	return b[size : size+int(n)], b[size+int(n):], true
}

// told is a message as the servers tell it to gateways: page, number, length of the topic's name, the name, and the message.
type told struct {
	page, number uint64
	topic        []byte
	kept
}

func parseTold(b []byte) (t told, err error) {
	var size uint64
	for _, n := range []*uint64{&t.page, &t.number, &size} {
		digits, rest, ok := bytes.Cut(b, []byte{' '})
		if !ok {
			return t, errMessage
		}
		if *n, err = strconv.ParseUint(string(digits), 10, 64); err != nil {
			return t, errMessage
		}
		b = rest
	}
	if size > uint64(len(b)) {
		return t, errMessage
	}
	t.topic = b[:size]
	t.kept, err = parseKept(b[size:])
	return t, err
}

// lanes is how many slots the topics of one cache lie in. A subscription to a pattern follows each of them.
const lanes = 64

// laneOf returns the lane of a topic (FNV-1a).
func laneOf(topic string) int {
	h := uint32(2166136261)
	for i := range len(topic) {
		h = (h ^ uint32(topic[i])) * 16777619
	}
	return int(h % lanes)
}

// laneChannel returns the channel that has all messages of a lane. Like the keys of items it begins with the space, so that
// topics of a cache that is gone are reclaimed with its items; the hash tag is the space and the lane.
func laneChannel(s hearth.Space, lane int) string {
	space := strconv.FormatUint(uint64(s), 36)
	return "h:" + space + ":{" + space + "." + strconv.Itoa(lane) + "}"
}

// topicKey returns the key of a topic, which is the name of its channel, too.
func topicKey(s hearth.Space, topic string) string { return laneChannel(s, laneOf(topic)) + topic }
