//go:build cgo

package av

/*
#include <stdint.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/cgo"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"sluice/codec"
)

// byteSource is what libav reads from: a file or the caller's reader. It keeps the first Go error, because libav only
// passes on a number.
type byteSource struct {
	r    io.ReaderAt
	file *os.File // owned; nil for the caller's reader
	size int64
	have int64 // bytes that are there; 0 means all
	// tables says that bytes that are not there read as zeros, for a scan that goes by the container's tables.
	tables bool

	mu  sync.Mutex
	err error
}

// openSource opens src and learns its size.
func openSource(src codec.Source) (*byteSource, error) {
	if src.Reader != nil {
		return &byteSource{r: src.Reader, size: src.Size, have: src.Have}, nil
	}
	if src.Path == "" {
		return nil, codec.NewError(codec.SourceIO, "open", "the source has neither path nor reader", nil)
	}
	f, err := openPath(src.Path)
	if err != nil {
		return nil, codec.NewError(codec.SourceIO, "open", err.Error(), err)
	}
	size := src.Size
	if size == 0 {
		st, err := f.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = fmt.Errorf("%q is not a regular file", src.Path)
		}
		if err != nil {
			f.Close()
			return nil, codec.NewError(codec.SourceIO, "open", err.Error(), err)
		}
		size = st.Size()
	}
	return &byteSource{r: f, file: f, size: size, have: src.Have}, nil
}

// openPath opens a file; a path that names an inherited descriptor is duplicated, since a sandbox may forbid opening.
func openPath(path string) (*os.File, error) {
	if n, ok := strings.CutPrefix(path, "/proc/self/fd/"); ok {
		if fd, err := strconv.Atoi(n); err == nil {
			d, err := syscall.Dup(fd)
			if err != nil {
				return nil, fmt.Errorf("descriptor %d: %w", fd, err)
			}
			syscall.CloseOnExec(d)
			return os.NewFile(uintptr(d), path), nil
		}
	}
	return os.Open(path)
}

func (s *byteSource) close() {
	if s.file != nil {
		s.file.Close()
	}
}

func (s *byteSource) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// read returns the bytes read, 0 at the end, -1 on an error that it keeps.
func (s *byteSource) read(off int64, p []byte) int {
	if s.size > 0 {
		if off >= s.size {
			return 0
		}
		p = p[:min(int64(len(p)), s.size-off)]
	}
	if s.have > 0 && off+int64(len(p)) > s.have {
		if off >= s.have {
			return s.missing(p)
		}
		p = p[:s.have-off]
	}
	n, err := s.r.ReadAt(p, off)
	if n > 0 || err == nil || errors.Is(err, io.EOF) {
		return n
	}
	return s.fail(err)
}

// errNotYet says that bytes were wanted that have not arrived.
var errNotYet = errors.New("the source has not arrived that far")

// missing answers a read of bytes that are not there yet.
func (s *byteSource) missing(p []byte) int {
	if !s.tables {
		return s.fail(errNotYet)
	}
	clear(p)
	return len(p)
}

// fail keeps the first error.
func (s *byteSource) fail(err error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	return -1
}

//export sluiceRead
func sluiceRead(handle C.uintptr_t, off C.int64_t, buf unsafe.Pointer, n C.int) C.int {
	s := cgo.Handle(handle).Value().(*byteSource)
	return C.int(s.read(int64(off), unsafe.Slice((*byte)(buf), int(n))))
}
