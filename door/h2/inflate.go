package h2

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/hearthcache/hearth"
)

// inflate decompresses the message that has come, up to the size that an uncompressed one may have.
func (st *stream) inflate() (Status, bool) {
	var r io.ReadCloser
	var err error
	switch string(st.head.encoding) {
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(st.borrowed))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(st.borrowed))
	case "", "identity":
		return Status{Code: grpcInternal, Message: "a message is compressed, and grpc-encoding does not say how"}, false
	default:
		return Status{Code: grpcUnimplemented, Message: "grpc-encoding " + string(st.head.encoding) + " is not offered: use gzip, deflate or identity"}, false
	}
	if err != nil {
		return corrupt(err), false
	}
	defer r.Close()
	message, err := io.ReadAll(io.LimitReader(r, hearth.MessageBytesMax+1))
	switch {
	case err != nil:
		return corrupt(err), false
	case len(message) > hearth.MessageBytesMax:
		return tooLarge(-1), false
	}
	st.borrowed = message
	return Status{}, true
}

func corrupt(err error) Status {
	return Status{Code: grpcInternal, Message: "the message cannot be decompressed: " + err.Error()}
}

// tooLarge is the answer to a message of so many bytes; -1 where nobody counted them to the end.
func tooLarge(size int64) Status {
	s := Status{Code: grpcExhausted, Err: "request_size_limit_exceeded"}
	s.Message = fmt.Sprintf("request limit exceeded: a message may have %d bytes", hearth.MessageBytesMax)
	if size >= 0 {
		s.Message += fmt.Sprintf(", this one has %d", size)
	}
	return s
}
