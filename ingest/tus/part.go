package tus

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// Metadata of a partial upload that is written in place: the token of the whole file, and where the part begins in it.
const (
	metaInto   = "sluice-into"
	metaOffset = "sluice-offset"
)

// inPlace is a partial upload that is a range of another's file. It has no token: its URL says all of it, and how much of it is
// here is in the extents of the whole.
type inPlace struct {
	unreadable
	s        *Server
	q        *request
	t        catalog.UploadToken
	from, to int64
}

func (s store) newPart(ctx context.Context, q *request, info handler.FileInfo) (handler.Upload, error) {
	into := info.MetaData[metaInto]
	t, err := s.token(ctx, q.sender, catalog.UploadTokenID(into[strings.LastIndexByte(into, '/')+1:]))
	if err != nil {
		return nil, err
	}
	from, err := strconv.ParseInt(info.MetaData[metaOffset], 10, 64)
	if err != nil || from < 0 || info.SizeIsDeferred || info.Size <= 0 || t.FileSize == 0 || info.Size > t.FileSize-from {
		return nil, &Refusal{400, "ERR_INVALID_PART", fmt.Sprintf(
			"%d bytes at %s=%q are no part of %d bytes", info.Size, metaOffset, info.MetaData[metaOffset], t.FileSize)}
	}
	u := &inPlace{s: s.Server, q: q, t: t, from: from, to: from + info.Size}
	u.note()
	return u, nil
}

// partOf reads the place of a part from its URL.
func (s store) partOf(q *request, t catalog.UploadToken, place string) (handler.Upload, error) {
	from, to, ok := strings.Cut(place, "-")
	u := &inPlace{s: s.Server, q: q, t: t}
	var err1, err2 error
	u.from, err1 = strconv.ParseInt(from, 10, 64)
	u.to, err2 = strconv.ParseInt(to, 10, 64)
	if !ok || err1 != nil || err2 != nil || u.from < 0 || u.from >= u.to || u.to > t.FileSize {
		return nil, catalog.ErrNotFound
	}
	u.note()
	return u, nil
}

func (u *inPlace) note() {
	u.q.token = u.t.ID
	if u.t.AttachedType == "entry" {
		u.q.entry = catalog.EntryID(u.t.AttachedID)
	}
	if u.t.Open() {
		u.q.expires = u.t.UpdatedAt.Add(u.s.cfg.Engine.Rest())
	}
}

// GetInfo implements handler.Upload.
func (u *inPlace) GetInfo(context.Context) (handler.FileInfo, error) {
	info := handler.FileInfo{
		ID: fmt.Sprintf("%s.%d-%d", u.t.ID, u.from, u.to), Size: u.to - u.from, IsPartial: true,
		Offset: min(u.t.Extents.Reach(u.from), u.to) - u.from,
	}
	if !u.t.Open() {
		info.Offset = info.Size
	}
	return info, nil
}

// WriteChunk implements handler.Upload.
func (u *inPlace) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	to := upload.Stream{At: u.from + offset, Most: u.to - u.from - offset}
	n, t, err := u.s.receive(ctx, u.q, u.t, to, src)
	if err != nil {
		return n, u.s.failure(u.q, u.s.giveUp(ctx, u.t, stateOf(u.t), err))
	}
	u.t = t
	return n, nil
}

// FinishUpload implements handler.Upload. The last part completes the whole.
func (u *inPlace) FinishUpload(ctx context.Context) error {
	t, err := u.s.token(ctx, u.q.sender, u.t.ID) // with what came to other parts meanwhile
	if err != nil {
		return u.s.failure(u.q, err)
	}
	w := &whole{s: u.s, q: u.q, t: t, st: stateOf(t)}
	if !t.Open() || t.Extents.Contiguous() < t.FileSize {
		return nil
	}
	return w.complete(ctx, t.FileSize)
}

// Terminate implements handler.TerminatableUpload. What came stays in the whole, which its own URL terminates.
func (u *inPlace) Terminate(context.Context) error { return nil }
