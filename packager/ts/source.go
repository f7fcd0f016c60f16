package ts

import (
	"fmt"
	"sync"

	"sluice/packager"
)

// readAhead is how much of a file without a mapping is read at once.
const readAhead = 256 << 10

// keepWindow is the largest window that goes back to the pool.
const keepWindow = 4 << 20

// source gives the bytes of a track's samples: straight from the mapping where there is one, else from a window that is read
// ahead. One source serves one track of one request.
type source struct {
	window []byte
	file   packager.File
	start  int64
}

var sources = sync.Pool{New: func() any { return new(source) }}

func newSource() *source { return sources.Get().(*source) }

func (s *source) release() {
	if cap(s.window) > keepWindow {
		s.window = nil
	}
	s.window, s.file = s.window[:0], nil
	sources.Put(s)
}

// sample returns the bytes of x, valid until the next call.
func (s *source) sample(t *packager.Track, x packager.Sample) ([]byte, error) {
	if x.File < 0 || x.File >= len(t.Files) {
		return nil, fmt.Errorf("sample in file %d of %d: %w", x.File, len(t.Files), ErrCorrupt)
	}
	f, end := t.Files[x.File], x.Offset+int64(x.Size)
	if m := f.Bytes(); m != nil {
		if x.Offset < 0 || end > int64(len(m)) {
			return nil, fmt.Errorf("sample at %d+%d of a file of %d bytes: %w", x.Offset, x.Size, len(m), ErrCorrupt)
		}
		return m[x.Offset:end:end], nil
	}
	if f != s.file || x.Offset < s.start || end > s.start+int64(len(s.window)) {
		if err := s.fill(f, x); err != nil {
			return nil, err
		}
	}
	o := x.Offset - s.start
	return s.window[o : o+int64(x.Size)], nil
}

func (s *source) fill(f packager.File, x packager.Sample) error {
	size := f.Size()
	if x.Offset < 0 || x.Offset+int64(x.Size) > size {
		return fmt.Errorf("sample at %d+%d of a file of %d bytes: %w", x.Offset, x.Size, size, ErrCorrupt)
	}
	n := int(min(max(int64(x.Size), readAhead), size-x.Offset))
	if cap(s.window) < n {
		s.window = make([]byte, n)
	}
	s.file = nil
	s.window = s.window[:n]
	if got, err := f.ReadAt(s.window, x.Offset); got < int(x.Size) {
		return fmt.Errorf("read %d bytes at %d: %w", x.Size, x.Offset, err)
	} else {
		s.window = s.window[:got]
	}
	s.file, s.start = f, x.Offset
	return nil
}
