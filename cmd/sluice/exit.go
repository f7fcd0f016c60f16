package main

import "errors"

// Exit codes; docs/cli.md lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3 // the media was refused: damaged, unsupported, empty …
	exitNotFound    = 4
	exitUnavailable = 5 // a server, database or store cannot be reached
	exitInterrupted = 130
)

// usageError marks a wrong command line or configuration.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// unavailableError marks something that cannot be reached.
type unavailableError struct{ err error }

func (e unavailableError) Error() string { return e.err.Error() }
func (e unavailableError) Unwrap() error { return e.err }

// refusedError marks media that was refused, when the engine's own error is not at hand.
type refusedError struct{ err error }

func (e refusedError) Error() string { return e.err.Error() }
func (e refusedError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var usage usageError
	var unavailable unavailableError
	var refused refusedError
	var coded codedError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unavailable):
		return exitUnavailable
	case errors.As(err, &refused):
		return exitRefused
	}
	return roomCode(err)
}
