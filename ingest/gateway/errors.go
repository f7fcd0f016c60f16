package gateway

import (
	"errors"
	"fmt"
	"io/fs"
)

// Errors of what clients ask for, besides those of package fs.
var (
	// ErrName says that a name is not allowed.
	ErrName = errors.New("name not allowed")
	// ErrLogin says that user, password or key are wrong; it does not say which.
	ErrLogin = errors.New("wrong user or password")
	// ErrTooMany says that a limit of connections or failures is reached.
	ErrTooMany = errors.New("too many")
	// ErrTooLarge says that a file is larger than its folder takes.
	ErrTooLarge = errors.New("file too large")
	// ErrBusy says that a file is being uploaded.
	ErrBusy = errors.New("is being uploaded")
	// ErrSuperseded says that another connection of the user went on with the file.
	ErrSuperseded = errors.New("another connection went on with this file")
	// ErrIncomplete says that parts of a file are missing.
	ErrIncomplete = errors.New("parts of the file are missing")
	// ErrUnsupported says that the servers do not do this.
	ErrUnsupported = errors.New("not supported")
)

// pathError is an error about a path as the client knows it, without where it is on this machine.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

func nameError(path, why string) error {
	return fmt.Errorf("%w: %q %s", ErrName, path, why)
}
