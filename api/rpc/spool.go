package rpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
)

// spoolMemory is how much of a file is kept in memory before it goes to disk.
const spoolMemory = 256 << 10

// spool keeps the files of a request until its calls have returned.
type spool struct {
	dir   string
	left  int64 // bytes that the request's files may still have
	files []*os.File
}

// save takes a file in: small ones stay in memory, others go to a file without a name.
func (s *spool) save(name string, r io.Reader) (*Upload, error) {
	r = io.LimitReader(r, s.left+1)
	var head bytes.Buffer
	n, err := io.CopyN(&head, r, spoolMemory+1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, tooLarge(fmt.Errorf("file %q: %w", name, err))
	}
	if n <= spoolMemory {
		if s.left -= n; s.left < 0 {
			return nil, errFileTooLarge
		}
		return &Upload{Name: name, Size: n, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(head.Bytes())), nil
		}}, nil
	}
	f, err := os.CreateTemp(s.dir, "upload-*")
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", name, err)
	}
	s.files = append(s.files, f)
	os.Remove(f.Name()) // the open file outlives its name, and a killed process leaves none
	if _, err := f.Write(head.Bytes()); err != nil {
		return nil, fmt.Errorf("file %q: %w", name, err)
	}
	more, err := io.Copy(f, r)
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return nil, fmt.Errorf("file %q: %w", name, err)
	}
	if err != nil {
		return nil, tooLarge(fmt.Errorf("file %q: %w", name, err))
	}
	size := n + more
	if s.left -= size; s.left < 0 {
		return nil, errFileTooLarge
	}
	return &Upload{Name: name, Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, 0, size)), nil
	}}, nil
}

var errFileTooLarge = badRequest{http.StatusRequestEntityTooLarge, errors.New("files too large")}

func (s *spool) close() {
	for _, f := range s.files {
		f.Close()
	}
}
