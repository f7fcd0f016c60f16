package tus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// whole is an upload with a token of its own.
type whole struct {
	unreadable
	s  *Server
	q  *request
	t  catalog.UploadToken
	st state
}

// note tells the answer what the upload is.
func (u *whole) note() {
	u.q.token = u.t.ID
	if u.t.AttachedType == "entry" {
		u.q.entry = catalog.EntryID(u.t.AttachedID)
	}
	if u.t.Open() {
		u.q.expires = u.t.UpdatedAt.Add(u.s.cfg.Engine.Rest())
	}
	u.q.joining = len(u.st.Parts) > 0 && u.t.Open()
}

// heal completes an upload whose last byte is here but whose process died before it came to that: the sender would never know
// that something is left to do.
func (u *whole) heal(ctx context.Context) error {
	defer u.note()
	if len(u.st.Parts) > 0 && u.t.Open() {
		u.s.join(u.t, u.st)
		return nil
	}
	if u.t.Status == catalog.UploadFull {
		return u.s.deliver(ctx, u.t, u.st)
	}
	if !u.t.Open() || !u.t.AutoFinalize || u.t.Extents.Contiguous() < u.t.FileSize {
		return nil
	}
	return u.complete(ctx, u.t.FileSize)
}

// GetInfo implements handler.Upload.
func (u *whole) GetInfo(context.Context) (handler.FileInfo, error) {
	info := handler.FileInfo{
		ID: string(u.t.ID), Size: u.t.FileSize, Offset: u.t.Extents.Contiguous(), MetaData: u.st.Meta, IsPartial: u.st.Partial,
		IsFinal: len(u.st.Parts) > 0, SizeIsDeferred: u.t.FileSize == 0 && !u.st.Empty && u.t.Open(),
	}
	for _, p := range u.st.Parts {
		info.PartialUploads = append(info.PartialUploads, string(p.ID))
	}
	if !u.t.Open() {
		info.Size = u.t.Extents.Total()
		info.Offset = info.Size
	}
	return info, nil
}

// WriteChunk implements handler.Upload.
func (u *whole) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	n, t, err := u.s.receive(ctx, u.q, u.t, upload.Stream{At: offset, Inner: u.st.Partial}, src)
	if err != nil {
		return n, u.s.failure(u.q, u.s.giveUp(ctx, u.t, u.st, err))
	}
	u.t = t
	u.note()
	return n, nil
}

// receive takes a body in.
func (s *Server) receive(ctx context.Context, q *request, t catalog.UploadToken, to upload.Stream, src io.Reader) (int64, catalog.UploadToken, error) {
	q.reads()
	if s.cfg.Reserve != nil {
		room, err := s.cfg.Reserve(ctx, t.Account, q.http.ContentLength)
		if err != nil {
			return 0, t, err
		}
		defer room.Release()
		src = room.Reader(ctx, src)
	}
	if s.cfg.Rate != nil {
		src = s.cfg.Rate(ctx, t.Account, src)
	}
	if q.checksum != nil {
		src, to.Verify = q.checksum.Over(src, q.http.ContentLength)
		if n := q.http.ContentLength; n > 0 && (to.Most == 0 || n < to.Most) {
			to.Most = n
		}
	}
	to.Size, to.Body = -1, src
	return s.cfg.Engine.Receive(ctx, t.Account, t.ID, to)
}

// FinishUpload implements handler.Upload: all bytes are here.
func (u *whole) FinishUpload(ctx context.Context) error {
	if u.st.Partial {
		return nil
	}
	return u.complete(ctx, u.t.Extents.Contiguous())
}

func (u *whole) complete(ctx context.Context, size int64) error {
	t, err := u.s.cfg.Engine.Complete(ctx, u.t.Account, u.t.ID, size)
	if err != nil {
		return u.s.failure(u.q, u.s.giveUp(ctx, u.t, u.st, err))
	}
	u.t = t
	u.note()
	if err := u.s.deliver(ctx, t, u.st); err != nil {
		return u.s.failure(u.q, err)
	}
	return nil
}

// DeclareLength implements handler.LengthDeclarableUpload.
func (u *whole) DeclareLength(ctx context.Context, length int64) error {
	t, err := u.s.cfg.Engine.Resize(ctx, u.t.Account, u.t.ID, length)
	if err == nil && length == 0 {
		u.st.Empty = true
		err = u.s.remember(ctx, t, u.st)
	}
	if err != nil {
		return u.s.failure(u.q, err)
	}
	u.t = t
	return nil
}

// Terminate implements handler.TerminatableUpload: the upload ends, and with it the entry that was made for it, unless the file
// is the entry's already.
func (u *whole) Terminate(ctx context.Context) error {
	open := u.t.Open()
	if err := u.s.cfg.Engine.Delete(ctx, u.t.Account, u.t.ID); err != nil {
		return u.s.failure(u.q, err)
	}
	for _, p := range u.st.Parts {
		if err := u.s.cfg.Engine.Delete(ctx, u.t.Account, p.ID); err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return u.s.failure(u.q, err)
		}
	}
	if open && u.st.Entry != "" {
		if err := u.s.cfg.Catalog.DeleteEntry(ctx, u.st.Entry); err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return u.s.failure(u.q, err)
		}
	}
	if open && u.st.Folder != 0 && u.s.cfg.Transfers != nil {
		if err := u.s.cfg.Transfers.Aborted(ctx, u.st.Folder, u.st.Path); err != nil {
			return u.s.failure(u.q, err)
		}
	}
	u.q.expires, u.q.entry = time.Time{}, ""
	return nil
}

// CodeRefused is the error code of an entry whose file is of a type that is not taken in.
const CodeRefused = "file_type_not_accepted"

// giveUp ends an upload for good whose content is refused, and tells its entry why. It returns err.
func (s *Server) giveUp(ctx context.Context, t catalog.UploadToken, st state, err error) error {
	if !errors.Is(err, upload.ErrForbidden) {
		return err
	}
	if endErr := s.cfg.Engine.Delete(ctx, t.Account, t.ID); endErr != nil {
		return errors.Join(err, endErr)
	}
	if st.Entry == "" {
		return err
	}
	endErr := s.cfg.Catalog.UpdateEntry(ctx, st.Entry, func(e *catalog.Entry) error {
		if e.Status == catalog.EntryErrorImporting || e.Status == catalog.EntryImport {
			e.Status, e.ErrorCode = catalog.EntryErrorImporting, CodeRefused
			e.ErrorText = fmt.Sprintf("The file %q was refused: %v.", t.FileName, cause(err))
		}
		return nil
	})
	return errors.Join(err, endErr)
}

// cause is what the innermost error says.
func cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil || errors.Is(next, upload.ErrForbidden) && errors.Unwrap(next) == nil {
			return err
		}
		err = next
	}
}
