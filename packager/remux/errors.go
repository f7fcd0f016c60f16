package remux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"sluice/packager/mp4"
	"sluice/packager/ts"
)

// Code names a kind of failure; it is stable.
type Code string

// The failures of a remux.
const (
	EmptyFile        Code = "empty_file"
	NotMedia         Code = "not_media"         // neither a playlist nor media that can be remuxed
	Corrupt          Code = "corrupt"           // it claims to be something that it is not, or lacks what it names
	Truncated        Code = "truncated"         // it ends too early
	Blocked          Code = "blocked_reference" // it refers to what it may not read
	LimitExceeded    Code = "limit_exceeded"
	Encrypted        Code = "encrypted" // with a method or a key that is not to be had
	UnsupportedCodec Code = "unsupported_codec"
	MissingSegment   Code = "missing_segment" // under GapFail
	SourceIO         Code = "source_io"
	SinkIO           Code = "sink_io"
	DiskFull         Code = "disk_full"
	Cancelled        Code = "cancelled"
	VerifyFailed     Code = "verify_failed" // the file was written, and reads back as something else
)

// Error is a failure of a remux: what kind, and the thing and the reason.
type Error struct {
	Code Code
	// What names the playlist, segment or file, without credentials.
	What string
	Err  error
}

func (e *Error) Error() string {
	if e.What == "" {
		return fmt.Sprintf("remux: %s: %v", e.Code, e.Err)
	}
	return fmt.Sprintf("remux %q: %s: %v", e.What, e.Code, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// fail makes an Error of a code and a formatted reason.
func fail(code Code, what, format string, args ...any) *Error {
	return &Error{Code: code, What: what, Err: fmt.Errorf(format, args...)}
}

// classify makes an Error of err, which came from reading what; one that is an Error already stays.
func classify(err error, what string) error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Cancelled, What: what, Err: err}
	case errors.Is(err, ts.ErrUnsupported), errors.Is(err, mp4.ErrUnsupported):
		return &Error{Code: UnsupportedCodec, What: what, Err: err}
	case errors.Is(err, mp4.ErrEncrypted):
		return &Error{Code: Encrypted, What: what, Err: err}
	case errors.Is(err, mp4.ErrLimit):
		return &Error{Code: LimitExceeded, What: what, Err: err}
	case errors.Is(err, mp4.ErrTruncated):
		return &Error{Code: Truncated, What: what, Err: err}
	case errors.Is(err, ts.ErrCorrupt), errors.Is(err, mp4.ErrCorrupt), errors.Is(err, mp4.ErrNotMP4):
		return &Error{Code: Corrupt, What: what, Err: err}
	}
	return &Error{Code: SourceIO, What: what, Err: err}
}

// sinkError makes an Error of a failed write.
func sinkError(err error, what string) error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &Error{Code: DiskFull, What: what, Err: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Cancelled, What: what, Err: err}
	}
	return &Error{Code: SinkIO, What: what, Err: err}
}

// missing reports whether err says that a segment is not there, as opposed to being refused.
func missing(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Status == 404 || status.Status == 410 || status.Status == 403 || status.Status >= 500
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrPermission)
}
