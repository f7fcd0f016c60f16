package upload

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"sluice/catalog"
)

// JoinPart is a file that becomes a part of another.
type JoinPart struct {
	ID   catalog.UploadTokenID `json:"id"`
	Size int64                 `json:"size"`
}

// Join makes the file of a token of the files of others, in order, and ends these. The first becomes the file itself; the bytes
// of the others are shared with it where the file system can, else copied within it, and each goes before the next is looked at:
// at no time is more than one part there twice. Called again after a crash it goes on.
func (e *Engine) Join(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, parts []JoinPart) (catalog.UploadToken, error) {
	t, err := e.Catalog.UploadToken(ctx, account, id)
	if err != nil {
		return t, err
	}
	var at int64
	for i, p := range parts {
		if t, err = e.joinPart(ctx, t, at, p); err != nil {
			return t, fmt.Errorf("join upload %s: part %d: %w", id, i+1, err)
		}
		if err := e.Delete(ctx, account, p.ID); err != nil {
			return t, fmt.Errorf("join upload %s: part %d: %w", id, i+1, err)
		}
		at += p.Size
	}
	return e.Complete(ctx, account, id, at)
}

// joinPart brings one part to its place, unless it is there.
func (e *Engine) joinPart(ctx context.Context, t catalog.UploadToken, at int64, p JoinPart) (catalog.UploadToken, error) {
	if t.Extents.Reach(at) >= at+p.Size {
		return t, nil
	}
	part, err := e.Catalog.UploadToken(ctx, t.Account, p.ID)
	if err != nil {
		return t, err
	}
	if part.Extents.Contiguous() < p.Size {
		return t, fmt.Errorf("%w: %d of %d bytes are here", ErrMissing, part.Extents.Contiguous(), p.Size)
	}
	if t.Generation == 0 {
		return e.adopt(ctx, t, part, p.Size)
	}
	if e.Admit != nil {
		if err := e.Admit(p.Size); err != nil {
			return t, err
		}
	}
	if err := copyRange(ctx, e.Path(t), at, e.Path(part), p.Size); err != nil {
		return t, full(err)
	}
	return e.record(ctx, t, at, at+p.Size)
}

// adopt gives a token that has no file yet that of a part.
func (e *Engine) adopt(ctx context.Context, t, part catalog.UploadToken, size int64) (catalog.UploadToken, error) {
	next := t
	next.Generation = 1
	if err := makeFolder(e.folder(t.ID)); err != nil {
		return t, full(err)
	}
	if err := quietly(os.Remove(e.Path(next))); err != nil { // left by a crash
		return t, err
	}
	if err := errors.Join(os.Link(e.Path(part), e.Path(next)), syncDir(e.folder(t.ID))); err != nil {
		return t, err
	}
	return e.Catalog.UpdateUploadToken(ctx, t.Account, t.ID, func(n *catalog.UploadToken) error {
		if !n.Open() || n.Generation != t.Generation {
			return ErrConflict
		}
		n.Status, n.Generation, n.Extents = catalog.UploadPartial, next.Generation, catalog.Extents(nil).Add(0, size)
		return nil
	})
}

// copyStep bounds what one call to the kernel copies, so that the end of ctx is noticed.
const copyStep = 64 << 20

// copyRange makes the first size bytes of a file those of another from an offset on, durably.
func copyRange(ctx context.Context, to string, at int64, from string, size int64) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer dst.Close()
	clone := unix.FileCloneRange{Src_fd: int64(src.Fd()), Src_length: uint64(size), Dest_offset: uint64(at)}
	if unix.IoctlFileCloneRange(int(dst.Fd()), &clone) == nil {
		return dst.Sync()
	}
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, out := off, at+off
		n, err := unix.CopyFileRange(int(src.Fd()), &in, int(dst.Fd()), &out, int(min(copyStep, size-off)), 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("%w: the part ends at %d of %d bytes", ErrMissing, off, size)
		}
		off += int64(n)
	}
	return dst.Sync()
}
