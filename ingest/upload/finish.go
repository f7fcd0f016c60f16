package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sluice/catalog"
	"sluice/internal/fault"
)

// lookEvery is how often a final chunk looks whether other processes recorded what it waits for.
const lookEvery = 250 * time.Millisecond

// finish waits until the first size bytes are here and nothing else is, and completes the upload.
func (e *Engine) finish(ctx context.Context, t catalog.UploadToken, size int64) (catalog.UploadToken, error) {
	timeout := time.NewTimer(orDefault(e.Wait, DefaultWait))
	defer timeout.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		now, moved, err := e.tryFinish(ctx, t, size)
		if !errors.Is(err, ErrMissing) {
			return now, err
		}
		select {
		case <-moved:
		case <-look.C:
		case <-timeout.C:
			return now, err
		case <-ctx.Done():
			return now, errors.Join(err, ctx.Err())
		}
	}
}

// tryFinish completes the upload if it can be; if chunks are missing, the channel tells when to look again.
func (e *Engine) tryFinish(ctx context.Context, t catalog.UploadToken, size int64) (catalog.UploadToken, <-chan struct{}, error) {
	// Chunks that are being written may be what is missing: only a token whose extents suffice is held alone.
	if now, moved, err := e.look(ctx, t, size); err != nil {
		return now, moved, err
	}
	hold, err := e.tokens.lock(ctx, t.ID, true)
	if err != nil {
		return t, nil, err
	}
	defer hold.release()
	now, err := e.Catalog.UploadToken(ctx, t.Account, t.ID)
	if err != nil {
		return t, nil, err
	}
	if err := check(now, t, size); err != nil {
		return now, hold.moved(), err
	}
	if err := e.seal(now, size); err != nil {
		return now, nil, err
	}
	fault.Point("upload.sealed")
	now, err = e.complete(ctx, now, size)
	return now, nil, err
}

// look checks the token as it is now, and returns what to wait for when chunks are missing.
func (e *Engine) look(ctx context.Context, t catalog.UploadToken, size int64) (catalog.UploadToken, <-chan struct{}, error) {
	hold, err := e.tokens.lock(ctx, t.ID, false)
	if err != nil {
		return t, nil, err
	}
	defer hold.release()
	moved := hold.moved() // before the look, so that nothing is missed
	now, err := e.Catalog.UploadToken(ctx, t.Account, t.ID)
	if err != nil {
		return t, nil, err
	}
	return now, moved, check(now, t, size)
}

// check says why the upload cannot be completed with size bytes.
func check(now, began catalog.UploadToken, size int64) error {
	switch {
	case now.Generation != began.Generation:
		return ErrConflict
	case !now.Open():
		return fmt.Errorf("%w: its status is %d", ErrState, now.Status)
	case now.Extents.Contiguous() < size || now.Extents.End() > size && !now.AutoFinalize:
		return fmt.Errorf("%w: %d bytes are expected, %d are here, of which %d in a row", ErrMissing, size, now.Extents.Total(), now.Extents.Contiguous())
	}
	return nil
}

// seal looks at the file's type and makes the file what was recorded and no more, durably.
func (e *Engine) seal(t catalog.UploadToken, size int64) error {
	f, err := os.OpenFile(e.Path(t), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	head := make([]byte, sniffBytes)
	n, err := f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil {
		err = CheckType(head[:min(int64(n), size)])
	}
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// complete records that the file is whole, and what follows from that.
func (e *Engine) complete(ctx context.Context, t catalog.UploadToken, size int64) (catalog.UploadToken, error) {
	var done catalog.UploadToken
	err := e.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		var err error
		done, err = tx.UpdateUploadToken(ctx, t.Account, t.ID, func(n *catalog.UploadToken) error {
			if err := check(*n, t, size); err != nil {
				return err
			}
			n.Status, n.Extents = catalog.UploadFull, catalog.Extents(nil).Add(0, size)
			if n.AttachedID == "" {
				return nil
			}
			if e.Arrived == nil {
				return fmt.Errorf("token is attached to %s %s, but nothing takes its file", n.AttachedType, n.AttachedID)
			}
			n.Status = catalog.UploadClosed
			return e.Arrived(ctx, tx, *n, e.Path(*n))
		})
		return err
	})
	if err != nil {
		return t, err
	}
	fault.Point("upload.completed")
	completed.WithLabelValues(outcomeOf(done)).Inc()
	return done, nil
}
