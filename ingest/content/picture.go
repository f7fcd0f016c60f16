package content

import (
	"context"
	"errors"
	"image"
	_ "image/gif"  // its header is read
	_ "image/jpeg" // its header is read
	_ "image/png"  // its header is read
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/fetch"
	"sluice/pipeline/stage"
)

// codeFetch is the error code of an entry whose picture could not be downloaded, when the failure names none.
const codeFetch = "url_failed"

// setPicture makes a picture the content of its entry at once. It reports whether it did: what is no picture, or one that only
// the engine knows, takes the way of films.
func (s *Service) setPicture(ctx context.Context, e catalog.Entry, p piece, opts Options) (bool, error) {
	if len(p.clips) > 0 || p.pending || p.url != nil && p.url.Later {
		return false, nil
	}
	switch e.MediaType {
	case catalog.MediaImage:
	case 0: // the file says what it is, if it is here
		if p.path == "" || !looksLikePicture(p.path) {
			return false, nil
		}
	default:
		return false, nil
	}
	if p.url != nil {
		var err error
		if p.origin, err = s.fetchNow(ctx, p.origin, p.Asset); err != nil {
			return true, s.failFetch(ctx, e, p, err)
		}
		defer s.release(p.origin)
	}
	stored, err := s.place(ctx, p.arrival, p.origin)
	if err != nil {
		return true, err
	}
	p.placed = stored
	size, format, err := s.pictureSize(ctx, stored.object.Key)
	if err != nil {
		if p.path != "" && p.token != "" {
			return false, s.unplace(ctx, []piece{p}) // the engine may know it
		}
	}
	err = s.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		if err := s.enterPicture(ctx, tx, e, p, size, format); err != nil {
			return err
		}
		return opts.also(ctx, tx)
	})
	if err != nil {
		return true, errors.Join(err, s.unplace(ctx, []piece{p}))
	}
	s.release(p.origin)
	return true, nil
}

// enterPicture makes the entry ready with its picture; the engine makes the poster of it later.
func (s *Service) enterPicture(ctx context.Context, tx *catalog.Tx, e catalog.Entry, p piece, size image.Config, format string) error {
	err := s.open(ctx, tx, e, p.Version, func(n *catalog.Entry) {
		n.Status, n.MediaType, n.SourceKey = catalog.EntryPreconvert, catalog.MediaImage, sourceKey(p.origin)
		if format != "" {
			now := time.Now()
			n.Status, n.Width, n.Height, n.ReadyAt, n.PlayableAt = catalog.EntryReady, size.Width, size.Height, now, now
		}
	})
	if err != nil {
		return err
	}
	if err := s.enterPiece(ctx, tx, p); err != nil {
		return err
	}
	err = tx.UpdateAsset(ctx, p.Asset, func(a *catalog.Asset) error {
		a.Kind, a.Container, a.Width, a.Height = "image", format, size.Width, size.Height
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.bind(ctx, tx, p.arrival, "entry", string(e.ID)); err != nil {
		return err
	}
	tasks := stage.Analysis()
	tasks[1].After = []int{0}
	_, err = tx.AddTasks(ctx, e.ID, tasks)
	return err
}

// pictureSize reads the size and format of a stored picture.
func (s *Service) pictureSize(ctx context.Context, key string) (image.Config, string, error) {
	r, err := s.Store.Open(ctx, key)
	if err != nil {
		return image.Config{}, "", err
	}
	defer r.Close()
	return image.DecodeConfig(io.NewSectionReader(r, 0, r.Object().Size))
}

// looksLikePicture says whether a file starts as a picture does that enterPicture knows.
func looksLikePicture(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(f, head)
	switch t := http.DetectContentType(head[:n]); t {
	case "image/jpeg", "image/png", "image/gif":
		return true
	default:
		return strings.HasPrefix(t, "image/webp")
	}
}

// failFetch records on the entry that its picture could not be downloaded: the caller gets no error.
func (s *Service) failFetch(ctx context.Context, e catalog.Entry, p piece, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	code, text := failureOf(cause)
	return s.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		err := s.open(ctx, tx, e, p.Version, func(n *catalog.Entry) {
			n.Status, n.ErrorCode, n.ErrorText, n.SourceKey = catalog.EntryErrorImporting, code, text, sourceKey(p.origin)
		})
		if err != nil {
			return err
		}
		if err := s.enterPiece(ctx, tx, p); err != nil {
			return err
		}
		return tx.UpdateAsset(ctx, p.Asset, func(a *catalog.Asset) error {
			a.Status, a.ErrorText = catalog.AssetError, text
			return nil
		})
	})
}

// failureOf is what people are told of a download that failed.
func failureOf(cause error) (code, text string) {
	var f *fetch.Error
	if errors.As(cause, &f) {
		return f.ErrorCode(), f.UserText()
	}
	return codeFetch, "The file could not be downloaded."
}
