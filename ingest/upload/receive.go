package upload

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/catalog"
)

// Stream is bytes of a file that come as they come: a request's body.
type Stream struct {
	// At is where the first of them belongs.
	At int64
	// Size is how many there are, -1 when only the end of Body tells. Most, when above 0, is where they are cut off.
	Size, Most int64
	Body       io.Reader
	// Inner says that the file is but a part of another: how it begins tells nothing of its type.
	Inner bool
	// Verify, when set, is asked at the end of Body whether the bytes are what their sender meant. Its error drops them: the
	// upload is as it was. They never take the place of others that are here: that is ErrDiffers.
	Verify func() error
}

// Receive takes a stream in and returns how many of its bytes are durably here, and the token as it is then. A stream that is
// cut leaves what came of it; the number tells. Reaching the end of the file does not complete it: see Complete.
//
// Errors: those of this package, catalog.ErrNotFound, storage.ErrFull, and those of Body and Verify.
func (e *Engine) Receive(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, s Stream) (int64, catalog.UploadToken, error) {
	start := time.Now()
	n, t, err := e.receive(ctx, account, id, s)
	observe(start, n, err)
	if err != nil {
		return n, t, fmt.Errorf("upload to token %s: %w", id, err)
	}
	return n, t, nil
}

func (e *Engine) receive(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, s Stream) (int64, catalog.UploadToken, error) {
	if !tokenID.MatchString(string(id)) {
		return 0, catalog.UploadToken{}, catalog.ErrNotFound
	}
	if _, err := e.Begin(ctx, account, id); err != nil {
		return 0, catalog.UploadToken{}, err
	}
	hold, err := e.tokens.lock(ctx, id, false)
	if err != nil {
		return 0, catalog.UploadToken{}, err
	}
	defer hold.release()
	t, err := e.Catalog.UploadToken(ctx, account, id)
	if err != nil {
		return 0, t, err
	}
	if _, err := e.place(t, &Chunk{Resume: true, At: s.At, Size: max(s.Size, 0)}); err != nil {
		return 0, t, err
	}
	t, n, err := e.store(ctx, hold, t, piece{at: s.At, size: s.Size, most: s.Most, src: s.Body, inner: s.Inner, verify: s.Verify})
	return n, t, err
}

// Begin makes the empty file of a token that has none yet.
func (e *Engine) Begin(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID) (catalog.UploadToken, error) {
	t, err := e.Catalog.UploadToken(ctx, account, id)
	if err != nil || t.Generation > 0 {
		return t, err
	}
	hold, err := e.tokens.lock(ctx, id, true)
	if err != nil {
		return t, err
	}
	defer hold.release()
	t, err = e.Catalog.UploadToken(ctx, account, id)
	switch {
	case err != nil || t.Generation > 0:
		return t, err
	case !t.Open():
		return t, fmt.Errorf("%w: its status is %d", ErrState, t.Status)
	}
	return e.begin(ctx, t, "")
}

// Complete ends an upload of which the first size bytes are here and nothing else is: its file is handed over to whoever attached
// the token, or waits to be used. Completing it again does nothing.
//
// Errors: ErrMissing; ErrForbidden, by what the file begins with; ErrState for a token that was given up; catalog.ErrNotFound.
func (e *Engine) Complete(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, size int64) (catalog.UploadToken, error) {
	t, err := e.Begin(ctx, account, id)
	if err == nil && !t.Open() && t.Status != catalog.UploadFull && t.Status != catalog.UploadClosed {
		err = fmt.Errorf("%w: its status is %d", ErrState, t.Status)
	}
	if err != nil || !t.Open() {
		return t, err
	}
	now, _, err := e.tryFinish(ctx, t, size)
	if err == nil {
		return now, nil
	}
	// Another request may have been faster.
	if again, lookErr := e.Catalog.UploadToken(ctx, account, id); lookErr == nil && (again.Status == catalog.UploadFull || again.Status == catalog.UploadClosed) {
		return again, nil
	}
	return now, fmt.Errorf("complete upload %s: %w", id, err)
}

// Resize says how long the file of an open token is: a sender that did not know it at first does now.
func (e *Engine) Resize(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, size int64) (catalog.UploadToken, error) {
	return e.Catalog.UpdateUploadToken(ctx, account, id, func(t *catalog.UploadToken) error {
		switch {
		case !t.Open():
			return fmt.Errorf("%w: its status is %d", ErrState, t.Status)
		case size < t.Extents.End() || size > e.maxSize():
			return fmt.Errorf("%w: %d bytes cannot be its length", ErrTooLarge, size)
		}
		t.FileSize, t.AutoFinalize = size, size > 0
		return nil
	})
}
