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
	// streamHead tells a stream from other files, and streamBytes of it are worth a look.
	streamHead  = 1 << 10
	streamBytes = 4 << 20
)

// errUnsuited says that a file cannot be worked on before it is whole.
var errUnsuited = errors.New("its end must be there first")

// head is what the beginning of a file tells.
type head struct {
	// Need is how many bytes must be there: to begin, or, while the head is not Ready, to tell more.
	Need int64
	// Size is how much of the file counts: to the end of its media; 0 when only the end of the upload tells.
	Size int64
	// Ready says that no more of the head is needed.
	Ready bool
}

// sniff looks at the first have bytes of a file whose sender announced a size, 0 for none. A file that must be whole first is
// errUnsuited.
func sniff(r io.ReaderAt, have, announced int64) (head, error) {
	if have < streamHead {
		return head{Need: streamHead}, nil
	}
	stream, err := isStream(r)
	if err != nil || stream {
		return head{Need: streamBytes, Ready: stream}, err
	}
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
			fragments, err := fragmented(r, b)
			if err != nil || fragments {
				return head{Need: b.end() + streamBytes, Ready: fragments}, err
			}
			indexed = true
		case b.kind == "mdat":
			if !indexed || announced > 0 && b.end() > announced {
				return head{}, errUnsuited
			}
			return head{Need: min(b.end(), b.off+leadBytes), Size: b.end(), Ready: true}, nil
		case !before[b.kind] || n > 0 && b.kind == "ftyp" || b.size > maxHead:
			return head{}, errUnsuited
		}
		off = b.end()
	}
	return head{}, errUnsuited
}

// isStream recognises containers that are written from the start to the end: Matroska and WebM by the EBML header (RFC 8794 §11.2.1),
// MPEG-TS by the sync bytes of its packets (ISO/IEC 13818-1 §2.4.3.2), also with a time stamp before each.
func isStream(r io.ReaderAt) (bool, error) {
	var b [streamHead]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return false, fmt.Errorf("read head: %w", err)
	}
	if binary.BigEndian.Uint32(b[:]) == 0x1a45dfa3 {
		return true, nil
	}
	for _, p := range []struct{ first, size int }{{0, 188}, {4, 192}} {
		n := 0
		for at := p.first; at < len(b); at += p.size {
			if b[at] == 0x47 {
				n++
			}
		}
		if n >= 5 && n == (len(b)-p.first+p.size-1)/p.size {
			return true, nil
		}
	}
	return false, nil
}

// before are the boxes that may come before the media of a file that is not fragmented (ISO/IEC 14496-12 §4.3, §8.1).
var before = map[string]bool{"ftyp": true, "free": true, "skip": true, "wide": true, "uuid": true, "pdin": true, "meta": true, "styp": true, "sidx": true}

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

// fragmented says whether a moov announces fragments (mvex, ISO/IEC 14496-12 §8.8.1): then it does not list all samples.
func fragmented(r io.ReaderAt, moov box) (bool, error) {
	for off, n := moov.off+moov.header, 0; off < moov.end(); n++ {
		if n == 10_000 || moov.end()-off < 8 {
			return false, errUnsuited
		}
		var h [8]byte
		if _, err := r.ReadAt(h[:], off); err != nil {
			return false, fmt.Errorf("read index at %d: %w", off, err)
		}
		size := int64(binary.BigEndian.Uint32(h[:]))
		if string(h[4:]) == "mvex" {
			return true, nil
		}
		if size < 8 {
			return false, errUnsuited
		}
		off += size
	}
	return false, nil
}
