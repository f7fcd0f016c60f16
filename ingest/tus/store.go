package tus

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest/upload"
	"sluice/internal/fault"
)

// store is the upload engine as tusd's store.
type store struct{ *Server }

// NewUpload makes an upload: a token with an entry, a token alone, or a place in the file of another.
func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	q := requestOf(ctx)
	u, err := s.newUpload(ctx, q, info)
	if err != nil {
		return nil, s.failure(q, err)
	}
	return u, nil
}

func (s store) newUpload(ctx context.Context, q *request, info handler.FileInfo) (handler.Upload, error) {
	switch {
	case info.IsFinal:
		return s.newFinal(ctx, q, info)
	case info.IsPartial && info.MetaData[metaInto] != "":
		return s.newPart(ctx, q, info)
	}
	return s.newToken(ctx, q, info, nil)
}

// newToken makes a token, and what its file is for.
func (s store) newToken(ctx context.Context, q *request, info handler.FileInfo, parts []upload.JoinPart) (handler.Upload, error) {
	st := state{Meta: info.MetaData, Partial: info.IsPartial, Empty: !info.SizeIsDeferred && info.Size == 0, Parts: parts}
	delete(st.Meta, "ks")
	if _, err := digestOfField(info.MetaData["sha256"]); err != nil {
		return nil, err
	}
	t := catalog.UploadToken{
		Account: q.sender.Account, User: q.sender.User, FileSize: info.Size, FileName: fileName(info.MetaData), Carrier: Carrier,
		// A part is complete when it is put to the others.
		AutoFinalize: info.Size > 0 && !info.IsPartial && parts == nil,
	}
	if !info.IsPartial {
		if err := s.into(ctx, q.sender, info.MetaData, &st); err != nil {
			return nil, err
		}
	}
	if parts != nil {
		t.Carrier = carrierJoin
	} else if st.Folder != 0 {
		t.Carrier = carrierFolder
	}
	make, err := s.target(ctx, q.sender, info)
	if err != nil {
		return nil, err
	}
	if make != nil && info.MetaData["entryId"] == "" {
		if q.entry, err = s.delivered(ctx, t.Account, info.MetaData, info.Size, info.MetaData["sha256"]); err != nil {
			return nil, err
		}
		if q.entry != "" {
			return nil, &Refusal{http.StatusConflict, "ERR_DELIVERED", "the same file came before, as entry " + string(q.entry)}
		}
	}
	if s.cfg.Reserve != nil {
		room, err := s.cfg.Reserve(ctx, t.Account, length(info))
		if err != nil {
			return nil, err
		}
		defer room.Release()
	}
	t, err = s.add(ctx, t, st)
	if err != nil {
		return nil, err
	}
	fault.Point("tus.token")
	if make != nil {
		if st.Entry, err = make(ctx, t); err != nil {
			err = errors.Join(err, s.cfg.Engine.Delete(ctx, t.Account, t.ID))
			return s.again(ctx, q, err)
		}
		t.AttachedID, t.AttachedType = string(st.Entry), "entry"
		fault.Point("tus.entry")
	}
	u := &whole{s: s.Server, q: q, t: t, st: st}
	u.note()
	return u, nil
}

// length is how many bytes a file will have, -1 when its sender does not know yet.
func length(info handler.FileInfo) int64 {
	if info.SizeIsDeferred {
		return -1
	}
	return info.Size
}

// again is the upload of an entry that was delivered before with the same key; any other error stays.
func (s store) again(ctx context.Context, q *request, err error) (handler.Upload, error) {
	var exists *existsError
	if !errors.As(err, &exists) {
		return nil, err
	}
	tokens, lookErr := s.cfg.Catalog.AttachedUploadTokens(ctx, q.sender.Account, string(exists.entry))
	if lookErr != nil {
		return nil, lookErr
	}
	for _, t := range tokens {
		if u, findErr := s.find(ctx, q, string(t.ID)); findErr == nil {
			return u, nil
		}
	}
	q.entry = exists.entry
	return nil, &Refusal{http.StatusConflict, "ERR_CONFLICT", exists.Error()}
}

// GetUpload finds an upload by the last part of its URL.
func (s store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	q := requestOf(ctx)
	u, err := s.find(ctx, q, id)
	if err != nil {
		return nil, s.failure(q, err)
	}
	return u, nil
}

func (s store) find(ctx context.Context, q *request, id string) (handler.Upload, error) {
	id, _, _ = strings.Cut(id, "?") // in a list of parts, with the session that their URLs carry
	name, place, isPart := strings.Cut(id, ".")
	t, err := s.token(ctx, q.sender, catalog.UploadTokenID(name))
	if err != nil {
		return nil, err
	}
	if isPart {
		return s.partOf(q, t, place)
	}
	u := &whole{s: s.Server, q: q, t: t, st: stateOf(t)}
	if err := u.heal(ctx); err != nil {
		return nil, err
	}
	return u, nil
}

// token returns a token that its sender may work with.
func (s *Server) token(ctx context.Context, who Sender, id catalog.UploadTokenID) (catalog.UploadToken, error) {
	t, err := s.cfg.Catalog.UploadToken(ctx, who.Account, id)
	switch {
	case err != nil:
		return t, err
	case !who.All && t.User != who.User:
		return t, catalog.ErrNotFound
	case t.Status == catalog.UploadDeleted || t.Status == catalog.UploadTimeout:
		return t, errGone
	}
	return t, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(handler.TerminatableUpload)
}

// AsLengthDeclarableUpload implements handler.LengthDeferrerDataStore.
func (store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(handler.LengthDeclarableUpload)
}

// AsConcatableUpload implements handler.ConcaterDataStore.
func (store) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload {
	return u.(handler.ConcatableUpload)
}

// unreadable is the part of handler.Upload that is never asked for: uploads are not downloads.
type unreadable struct{}

func (unreadable) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}
