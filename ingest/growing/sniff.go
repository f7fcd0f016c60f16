package growing

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// maxHead bounds the index of a file, and maxBoxes the boxes before its media.
	maxHead  = 256 << 20
	maxBoxes = 64
	maxSize  = 1 << 45
	// leadBytes of the media must be there as well: what the engine looks at to know the codecs.
	leadBytes = 3 << 20
)

// errUnsuited says that a file cannot be worked on before it is whole.
var errUnsuited = errors.New("its end must be there first")

// head is what the beginning of a file tells.
type head struct {
	// Need is how many bytes must be there: to tell more while Size is 0, else to begin.
	Need int64
	// Size is how much of the file counts: to the end of its media.
	Size int64
}

// sniff looks at the first have bytes of a file whose sender announced a size, 0 for none. A file that must be whole first is
// errUnsuited.
func sniff(r io.ReaderAt, have, announced int64) (head, error) {
	indexed := false
	for off, n := int64(0), 0; n < maxBoxes; n++ {
		b, need, err := readBox(r, off, have, announced)
		switch {
		case err != nil || need > 0:
			return head{Need: need}, err
		case b.kind == "moov":
			if b.size > maxHead {
				return head{}, errUnsuited
			}
			if b.end() > have {
				return head{Need: b.end()}, nil
			}
			if err := checkIndex(r, b); err != nil {
				return head{}, err
			}
			indexed = true
		case b.kind == "mdat":
			if !indexed || announced > 0 && b.end() > announced {
				return head{}, errUnsuited
			}
			return head{Need: min(b.end(), b.off+leadBytes), Size: b.end()}, nil
		case !before[b.kind] || n > 0 && b.kind == "ftyp" || b.size > maxHead:
			return head{}, errUnsuited
		}
		off = b.end()
	}
	return head{}, errUnsuited
}

// before are the boxes that may come before the media of a file that is not fragmented (ISO/IEC 14496-12 §4.3, §8.1).
var before = map[string]bool{"ftyp": true, "free": true, "skip": true, "wide": true, "uuid": true, "pdin": true, "meta": true}

// box is one box of an ISO base media file.
type box struct {
	kind      string
	off, size int64
	header    int64
}

func (b box) end() int64 { return b.off + b.size }

// readBox reads a box's header, or says how many bytes must be there for that.
func readBox(r io.ReaderAt, off, have, announced int64) (b box, need int64, err error) {
	var h [16]byte
	if off+int64(len(h)) > have {
		if announced > 0 && off+int64(len(h)) > announced {
			return b, 0, errUnsuited
		}
		return b, off + int64(len(h)), nil
	}
	if _, err := r.ReadAt(h[:], off); err != nil {
		return b, 0, fmt.Errorf("read box at %d: %w", off, err)
	}
	b = box{kind: string(h[4:8]), off: off, size: int64(binary.BigEndian.Uint32(h[:])), header: 8}
	switch {
	case b.size == 1:
		b.size, b.header = int64(binary.BigEndian.Uint64(h[8:])), 16
	case b.size == 0 && announced > off: // to the end of the file
		b.size = announced - off
	}
	if b.size < b.header || b.size > maxSize-off {
		return b, 0, errUnsuited
	}
	return b, 0, nil
}

// checkIndex refuses a moov that announces fragments (mvex, ISO/IEC 14496-12 §8.8.1): then it does not list all samples.
func checkIndex(r io.ReaderAt, moov box) error {
	for off, n := moov.off+moov.header, 0; off < moov.end(); n++ {
		if n == 10_000 || moov.end()-off < 8 {
			return errUnsuited
		}
		var h [8]byte
		if _, err := r.ReadAt(h[:], off); err != nil {
			return fmt.Errorf("read index at %d: %w", off, err)
		}
		size := int64(binary.BigEndian.Uint32(h[:]))
		if string(h[4:]) == "mvex" || size < 8 {
			return errUnsuited
		}
		off += size
	}
	return nil
}
