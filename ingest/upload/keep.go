package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
)

// keeper is the file to a piece that has a checksum: it writes what is missing and compares what is here.
type keeper struct {
	f    *os.File
	at   int64
	here catalog.Extents
	// differs is where the piece first has another byte than what is here; below 0 nowhere.
	differs int64
	buf     []byte
}

// keep returns a keeper for the piece. Until f is closed, nobody else who has a checksum writes to the piece's place, in any
// process: who comes second sees what came first.
func (e *Engine) keep(ctx context.Context, t catalog.UploadToken, f *os.File, p piece) (*keeper, error) {
	if err := claim(ctx, f, p.at, e.most(p)); err != nil {
		return nil, err
	}
	t, err := e.Catalog.UploadToken(ctx, t.Account, t.ID) // with what was recorded meanwhile
	if err != nil {
		return nil, err
	}
	return &keeper{f: f, at: p.at, here: t.Extents, differs: -1}, nil
}

// claimEvery is how often a piece looks whether its place is free. The kernel could wait too, but not end with a context.
const claimEvery = 10 * time.Millisecond

// claim locks a range of the file for this opening of it.
func claim(ctx context.Context, f *os.File, at, n int64) error {
	if n == 0 {
		return nil // to the kernel 0 is all that follows
	}
	tick := time.NewTicker(claimEvery)
	defer tick.Stop()
	for {
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: n})
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES):
			return fmt.Errorf("lock bytes %d to %d: %w", at, at+n, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Write implements io.Writer.
func (k *keeper) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		rest := b[done:]
		end := k.at + int64(len(rest))
		if reach := min(k.here.Reach(k.at), end); reach > k.at {
			rest = rest[:reach-k.at]
			if err := k.compare(rest); err != nil {
				return done, err
			}
		} else {
			rest = rest[:k.here.MissingIn(k.at, end)[0].To-k.at]
			if _, err := k.f.WriteAt(rest, k.at); err != nil {
				return done, err
			}
		}
		k.at += int64(len(rest))
		done += len(rest)
	}
	return done, nil
}

func (k *keeper) compare(b []byte) error {
	if k.differs >= 0 {
		return nil
	}
	if cap(k.buf) < len(b) {
		k.buf = make([]byte, len(b))
	}
	old := k.buf[:len(b)]
	if _, err := k.f.ReadAt(old, k.at); err != nil {
		return err
	}
	if bytes.Equal(old, b) {
		return nil
	}
	for i := range b {
		if old[i] != b[i] {
			k.differs = k.at + int64(i)
			break
		}
	}
	return nil
}

// after adds to what is asked at the end of the piece whether it differs: bytes that are not what was sent say nothing.
func (k *keeper) after(verify func() error) func() error {
	return func() error {
		if err := verify(); err != nil || k.differs < 0 {
			return err
		}
		return fmt.Errorf("%w, from byte %d on", ErrDiffers, k.differs)
	}
}
