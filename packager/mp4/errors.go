package mp4

import "errors"

// Kinds of errors that Open wraps; the message names the box or the track and the reason.
var (
	ErrNotMP4      = errors.New("not an MP4 file")
	ErrTruncated   = errors.New("file is truncated")
	ErrCorrupt     = errors.New("file is corrupt")
	ErrLimit       = errors.New("over a limit")
	ErrUnsupported = errors.New("unsupported codec")
	ErrEncrypted   = errors.New("encrypted")
	// ErrReference says that the media lies in another file. That file is never opened.
	ErrReference = errors.New("media lies in another file")
)
