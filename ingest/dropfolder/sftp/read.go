package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/pkg/sftp"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// Open reads a file with many requests under way, and goes on after cuts as long as the file is the same.
func (s *Store) Open(ctx context.Context, rel string, offset int64) (io.ReadCloser, error) {
	first, err := s.Stat(ctx, rel)
	if err != nil {
		return nil, err
	}
	r, err := remote.NewReader(ctx, offset, first.Size, func(ctx context.Context, at int64) (io.ReadCloser, error) {
		return s.stream(ctx, rel, first, at)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// stream reads a file over the connection that there is now.
func (s *Store) stream(ctx context.Context, rel string, first dropfolder.File, at int64) (io.ReadCloser, error) {
	var out *stream
	err := s.do(ctx, func(l *link) error {
		f, err := l.sftp.Open(s.path(rel))
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil && (info.Size() != first.Size || !info.ModTime().Equal(first.ModTime)) {
			err = fmt.Errorf("%q: %w", rel, remote.ErrChanged)
		}
		if err == nil {
			_, err = f.Seek(at, io.SeekStart)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
		out = startStream(s, l, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// stream is a file that comes through a pipe: the writer keeps requests under way, the reader takes the bytes in order.
type stream struct{ r *io.PipeReader }

func startStream(s *Store, l *link, f *sftp.File) *stream {
	r, w := io.Pipe()
	l.done.Go(func() {
		_, err := f.WriteTo(w)
		if lost(err) {
			s.drop(l)
		}
		_ = f.Close()
		_ = w.CloseWithError(err) // nil is io.EOF
	})
	return &stream{r}
}

func (st *stream) Read(b []byte) (int, error) { return st.r.Read(b) }

// Close ends the reading. Requests under way end by themselves, or with the connection.
func (st *stream) Close() error { return st.r.CloseWithError(fs.ErrClosed) }
