package client

import (
	"github.com/hearthcache/hearth"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// kinds translates gRPC statuses back to the kinds of hearth.Error, which every error of a call is.
var kinds = map[codes.Code]hearth.Kind{
	codes.InvalidArgument:    hearth.Invalid,
	codes.OutOfRange:         hearth.Invalid,
	codes.Unauthenticated:    hearth.Unauthenticated,
	codes.PermissionDenied:   hearth.Denied,
	codes.NotFound:           hearth.NoCache,
	codes.AlreadyExists:      hearth.Exists,
	codes.FailedPrecondition: hearth.Precondition,
	codes.ResourceExhausted:  hearth.Limited,
	codes.Unavailable:        hearth.Unavailable,
	codes.DeadlineExceeded:   hearth.Timeout,
	codes.Canceled:           hearth.Canceled,
	codes.Unimplemented:      hearth.Unimplemented,
}

func fromStatus(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	return &hearth.Error{Kind: kinds[s.Code()], Msg: s.Message()}
}
