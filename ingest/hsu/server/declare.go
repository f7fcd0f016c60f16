package server

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/sync/errgroup"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/ingest/hsu"
	"sluice/ingest/upload"
	"sluice/internal/fault"
)

// beginAtOnce bounds the files that are begun side by side.
const beginAtOnce = 4

// declare answers what there is already of files that are to come.
func (s *Server) declare(x *session, w http.ResponseWriter, r *http.Request) error {
	var list []hsu.File
	if err := decode(w, r, &list); err != nil {
		return err
	}
	if len(list) > hsu.MaxFiles {
		return invalid("%d files are more than %d", len(list), hsu.MaxFiles)
	}
	seen := map[uint32]bool{}
	for _, f := range list {
		if f.Size < -1 || seen[f.Number] {
			return invalid("file %d: declared twice, or of size %d", f.Number, f.Size)
		}
		seen[f.Number] = true
	}
	have, err := x.declare(r.Context(), list)
	if err != nil {
		return err
	}
	answer(w, have)
	return nil
}

func (x *session) declare(ctx context.Context, list []hsu.File) ([]hsu.Have, error) {
	x.declaring.Lock()
	defer x.declaring.Unlock()
	files := make([]*file, len(list))
	var fresh []*file
	var bytes int64
	for i, d := range list {
		f, isNew, err := x.known(ctx, d)
		if err != nil {
			return nil, err
		}
		files[i] = f
		if row := x.row(f); isNew || row.Status == catalog.FileOpen && !f.begun {
			bytes += max(row.Size-row.Extents.Total(), 0)
			fresh = append(fresh, f)
		}
	}
	if err := x.hold.Add(ctx, bytes); err != nil {
		return nil, err
	}
	if err := x.begin(ctx, fresh); err != nil {
		return nil, err
	}
	fault.Point("hsu.declared")
	out := make([]hsu.Have, len(files))
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, f := range files {
		x.files[f.number] = f
		out[i] = f.have()
		if f.complete() {
			x.journal.complete(f)
		}
	}
	return out, nil
}

// known returns the file of a declaration: the one there is, as long as it is the same, or a new one.
func (x *session) known(ctx context.Context, d hsu.File) (*file, bool, error) {
	x.mu.Lock()
	f := x.files[d.Number]
	if f != nil && f.row.Path == d.Path && (f.row.Size < 0 || d.Size < 0 || f.row.Size == d.Size && f.row.Modified == d.Modified) {
		ends := f.row.Size < 0 && d.Size >= 0
		if ends {
			f.row.Size = d.Size
		}
		x.mu.Unlock()
		if ends {
			x.journal.note(f)
		}
		return f, false, nil
	}
	x.mu.Unlock()
	if f != nil {
		if err := x.to.drop(ctx, x.row(f)); err != nil {
			return nil, false, err
		}
	}
	n := &file{number: d.Number, row: catalog.TransferFile{Number: int64(d.Number), Path: d.Path, Size: d.Size, Modified: d.Modified}}
	if err := x.allowed(d); err != nil {
		n.row.Status, n.row.Reason = catalog.FileFailed, err.Error()
	}
	return n, true, nil
}

// allowed says why a file cannot be taken.
func (x *session) allowed(d hsu.File) error {
	if err := checkPath(d.Path); err != nil {
		return err
	}
	return x.to.allows(d)
}

// begin gives files their places, records them, and readies what they are for. A file that cannot be begun fails alone.
func (x *session) begin(ctx context.Context, files []*file) error {
	err := x.each(ctx, files, func(ctx context.Context, f *file) error {
		row, err := x.to.place(ctx, x.row(f))
		if err != nil {
			return err
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		f.row.Token, f.row.Entry = row.Token, row.Entry
		return nil
	})
	if err != nil {
		return err
	}
	rows := make([]catalog.TransferFile, len(files))
	for i, f := range files {
		rows[i] = x.row(f)
		if rows[i].Token != "" {
			rows[i].Extents = nil
		}
	}
	if err := x.server.cfg.Catalog.SaveTransferFiles(ctx, x.transfer, rows, nil); err != nil {
		return err
	}
	err = x.each(ctx, files, func(ctx context.Context, f *file) error { return x.to.begin(ctx, x.row(f)) })
	if err != nil {
		return err
	}
	for _, f := range files {
		f.begun = true // guarded by declaring: nobody else looks
	}
	return nil
}

// each does something with files that are open, some at a time. An error that is about a file makes it fail.
func (x *session) each(ctx context.Context, files []*file, do func(context.Context, *file) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(beginAtOnce)
	for _, f := range files {
		if x.row(f).Status == catalog.FileOpen {
			g.Go(func() error { return x.excuse(f, do(ctx, f)) })
		}
	}
	return g.Wait()
}

// excuse makes an error that is about the file the file's own; others are returned.
func (x *session) excuse(f *file, err error) error {
	if err == nil || !isOfFile(err) {
		return err
	}
	x.mu.Lock()
	f.row.Status, f.row.Reason = catalog.FileFailed, err.Error()
	x.mu.Unlock()
	x.journal.note(f)
	return nil
}

// isOfFile says whether an error says something of the file, so that trying again is of no use.
func isOfFile(err error) bool {
	return content.KindOf(err) != "" || errors.Is(err, ingest.ErrName) || errors.Is(err, upload.ErrForbidden) ||
		errors.Is(err, upload.ErrTooLarge) || errors.Is(err, catalog.ErrInvalid)
}
