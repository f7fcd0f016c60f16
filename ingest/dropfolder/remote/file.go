package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"sluice/ingest/dropfolder"
)

// File is one file of a store, for whoever wants no more of it. Closing it closes the store.
type File struct {
	store dropfolder.Store
	file  dropfolder.File
}

// OneFile returns a file of a store that open opens. A store that refuses the credentials is fs.ErrPermission.
func OneFile(ctx context.Context, rel string, open func(ctx context.Context) (dropfolder.Store, error)) (*File, error) {
	st, err := open(ctx)
	if err != nil {
		var e *dropfolder.Error
		if errors.As(err, &e) && (e.Code == dropfolder.ErrAuthenticate || e.Code == dropfolder.ErrConfig) {
			return nil, fmt.Errorf("%w: %w", fs.ErrPermission, err)
		}
		return nil, err
	}
	f, err := st.Stat(ctx, rel)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &File{st, f}, nil
}

// Size is the file's, in bytes.
func (f *File) Size() int64 { return f.file.Size }

// Version is another one when the file has changed.
func (f *File) Version() string {
	if f.file.Identity != "" {
		return f.file.Identity
	}
	return fmt.Sprintf("%d bytes of %d", f.file.Size, f.file.ModTime.Unix())
}

// Open reads the file from an offset on.
func (f *File) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	return f.store.Open(ctx, f.file.Path, offset)
}

// Close closes the store.
func (f *File) Close() error { return f.store.Close() }
