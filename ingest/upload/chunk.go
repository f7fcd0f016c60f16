package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/storage"
)

// Upload takes a chunk in, and ends the upload when it is the final one. It returns the token as it is then: Partial, Full, or
// Closed when it was attached before. A final chunk waits for missing ones; ErrMissing leaves the upload open, and the chunk may
// be sent again.
//
// Errors: those of this package, catalog.ErrNotFound, storage.ErrFull, ingest.ErrName. Whatever it returns, what was recorded of
// a chunk stays.
func (e *Engine) Upload(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, c Chunk) (catalog.UploadToken, error) {
	start := time.Now()
	t, err := e.upload(ctx, account, id, c)
	observe(start, c.Size, err)
	if err != nil {
		return t, fmt.Errorf("upload to token %s: %w", id, err)
	}
	return t, nil
}

func (e *Engine) upload(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, c Chunk) (catalog.UploadToken, error) {
	if !tokenID.MatchString(string(id)) {
		return catalog.UploadToken{}, catalog.ErrNotFound
	}
	t, err := e.write(ctx, account, id, &c)
	if err != nil {
		return t, err
	}
	switch {
	case t.AutoFinalize:
		if t.Extents.Total() < t.FileSize {
			return t, nil
		}
		return e.finish(ctx, t, t.FileSize)
	case !c.Final:
		return t, nil
	case c.Resume && c.At > 0:
		return e.finish(ctx, t, c.At+c.Size)
	case c.Resume && c.At < 0:
		return e.finish(ctx, t, t.Extents.End())
	}
	// A file in one piece, or one that is overwritten from the start: what is whole counts.
	return e.finish(ctx, t, t.Extents.Contiguous())
}

// write puts the chunk in its place and records it.
func (e *Engine) write(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, c *Chunk) (catalog.UploadToken, error) {
	// What begins a file is alone, and so is what goes to the end: the end must stay where it is meanwhile.
	hold, err := e.tokens.lock(ctx, id, !c.Resume || c.At < 0)
	if err != nil {
		return catalog.UploadToken{}, err
	}
	defer hold.release()
	t, err := e.Catalog.UploadToken(ctx, account, id)
	if err != nil {
		return t, err
	}
	at, err := e.place(t, c)
	if err != nil {
		return t, err
	}
	if err := e.allowed(ctx, account, max(t.FileSize, at+c.Size)); err != nil {
		return t, err
	}
	if !c.Resume {
		if t, err = e.begin(ctx, t, c.Name); err != nil {
			return t, err
		}
	}
	if c.Size == 0 {
		return t, nil
	}
	src, err := c.Open()
	if err != nil {
		return t, err
	}
	defer src.Close()
	p := piece{at: at, size: c.Size, src: src}
	if c.Checksum != nil {
		p.src, p.verify = c.Checksum.Over(src, c.Size)
	}
	t, n, err := e.store(ctx, hold, t, p)
	if err == nil && n < c.Size {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}

// allowed says why the account may not keep a file of that size. Nothing is held: chunks of one file come side by side.
func (e *Engine) allowed(ctx context.Context, account catalog.AccountID, bytes int64) error {
	if e.Keep == nil {
		return nil
	}
	release, err := e.Keep(ctx, account, bytes)
	if err == nil {
		release()
	}
	return err
}

// place says where the chunk belongs, or why it may not.
func (e *Engine) place(t catalog.UploadToken, c *Chunk) (int64, error) {
	at := c.At
	switch {
	case !t.Open():
		return 0, fmt.Errorf("%w: its status is %d", ErrState, t.Status)
	case !c.Resume:
		at = 0
	case t.Generation == 0:
		return 0, ErrNoStart
	case at < 0:
		at = t.Extents.End()
	}
	if c.Size < 0 || at > e.maxSize()-c.Size {
		return 0, fmt.Errorf("%w: it reaches beyond %d bytes", ErrTooLarge, e.maxSize())
	}
	if c.Size > 0 && len(t.Extents) >= maxApart && len(t.Extents.Add(at, at+c.Size)) > len(t.Extents) {
		return 0, fmt.Errorf("%w: %d", ErrScattered, len(t.Extents))
	}
	return at, nil
}

// begin gives the token a new empty file; the one before goes.
func (e *Engine) begin(ctx context.Context, t catalog.UploadToken, called string) (catalog.UploadToken, error) {
	name := t.FileName
	if name == "" && called != "" {
		name = filepath.Base(filepath.Clean("/" + called))
		if err := ingest.CheckName(name); err != nil {
			return t, err
		}
	}
	old := e.Path(t)
	next := t
	next.Generation++
	if err := makeFolder(e.folder(t.ID)); err != nil {
		return t, full(err)
	}
	f, err := os.OpenFile(e.Path(next), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return t, full(err)
	}
	if err := errors.Join(f.Close(), syncDir(e.folder(t.ID))); err != nil {
		return t, err
	}
	fault.Point("upload.begun")
	made, err := e.Catalog.UpdateUploadToken(ctx, t.Account, t.ID, func(n *catalog.UploadToken) error {
		if !n.Open() || n.Generation != t.Generation {
			return ErrConflict
		}
		n.Status, n.Generation, n.Extents, n.FileName = catalog.UploadPartial, next.Generation, nil, name
		return nil
	})
	if err != nil {
		return t, err
	}
	return made, quietly(os.Remove(old))
}

// record adds bytes that are on disk to the token.
func (e *Engine) record(ctx context.Context, t catalog.UploadToken, from, to int64) (catalog.UploadToken, error) {
	return e.Catalog.UpdateUploadToken(ctx, t.Account, t.ID, func(n *catalog.UploadToken) error {
		if !n.Open() || n.Generation != t.Generation {
			return ErrConflict
		}
		n.Status, n.Extents = catalog.UploadPartial, n.Extents.Add(from, to)
		return nil
	})
}

func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// full adds storage.ErrFull to what a full disk says.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}
