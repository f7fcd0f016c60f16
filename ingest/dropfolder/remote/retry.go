package remote

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"time"

	"sluice/ingest/dropfolder"
)

// Retrying.
const (
	tries     = 4
	firstWait = 200 * time.Millisecond
	maxWait   = 15 * time.Second
)

// ErrChanged says that a file is not the one any more that was begun.
var ErrChanged = errors.New("the file changed while it was read")

// Again does something up to four times, with growing waits of random length, as long as it is the connection that fails: an error
// with the code dropfolder.ErrConnect.
func Again(ctx context.Context, do func(ctx context.Context) error) error {
	for n := 1; ; n++ {
		err := do(ctx)
		if err == nil || n == tries || !unconnected(err) || ctx.Err() != nil {
			return err
		}
		if sleep(ctx, n) != nil {
			return err
		}
	}
}

func unconnected(err error) bool {
	var e *dropfolder.Error
	return errors.As(err, &e) && e.Code == dropfolder.ErrConnect
}

// Lost is the error of a connection that broke.
func Lost(err error) error {
	return &dropfolder.Error{Code: dropfolder.ErrConnect, Text: "The connection was lost.", Err: err}
}

// Listing makes what keeps a folder from being listed an error of the folder, if it is none yet.
func Listing(err error) error {
	var e *dropfolder.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &dropfolder.Error{Code: dropfolder.ErrList, Text: "The folder cannot be listed.", Err: err}
}

// Final says whether an error stays, however often one tries.
func Final(err error) bool {
	var e *dropfolder.Error
	switch {
	case errors.As(err, &e):
		return e.Code != dropfolder.ErrConnect
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, ErrChanged), errors.Is(err, ErrTooMuch):
		return true
	}
	return errors.Is(err, context.Canceled)
}

// sleep waits before a try: a random part of a time that doubles.
func sleep(ctx context.Context, n int) error {
	t := time.NewTimer(rand.N(min(firstWait<<(n-1), maxWait)) + time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
