package upload

import (
	"context"
	"os"
	"time"

	"sluice/catalog"
)

// OpenFile opens the file of an upload for reading, also while it fills: the first t.Extents.Contiguous() bytes are what they
// will stay, unless a sender writes them anew. The file stays readable when its name changes. fs.ErrNotExist says that nothing
// came yet, or that the file was handed over and is stored.
func (e *Engine) OpenFile(t catalog.UploadToken) (*os.File, error) { return os.Open(e.Path(t)) }

// Await returns an upload when more than beyond bytes of it are here in a row, or when it takes no more: its status tells. Until
// then it waits, for bytes that come to any process.
func (e *Engine) Await(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, beyond int64) (catalog.UploadToken, error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		moved, t, err := e.peek(ctx, account, id)
		if err != nil || !t.Open() || t.Extents.Contiguous() > beyond {
			return t, err
		}
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
}

// peek reads a token, and says when to look again.
func (e *Engine) peek(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID) (<-chan struct{}, catalog.UploadToken, error) {
	moved := e.tokens.watch(id) // before the look, so that nothing is missed
	t, err := e.Catalog.UploadToken(ctx, account, id)
	return moved, t, err
}
