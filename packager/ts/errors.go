package ts

import "errors"

// ErrUnsupported says that a codec or a feature has no carriage in a transport stream here.
var ErrUnsupported = errors.New("unsupported in a transport stream")

// ErrCorrupt says that the index or the media contradict themselves or cannot be read as what they claim to be.
var ErrCorrupt = errors.New("corrupt media")
