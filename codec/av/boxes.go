//go:build cgo

package av

import (
	"encoding/binary"
	"errors"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// box is a top-level box of an ISO base media file (ISO/IEC 14496-12 §4.2).
type box struct {
	kind      string
	off, size int64
	over      bool // runs past the end of the file
}

type boxList []box

// topBoxes lists the top-level boxes, at most 2000 of them; it stops at the first that makes no sense.
func topBoxes(src *byteSource) boxList {
	var out boxList
	var h [16]byte
	for off := int64(0); len(out) < 2000; {
		n := src.read(off, h[:])
		if n < 8 {
			return out
		}
		b := box{kind: string(h[4:8]), off: off, size: int64(binary.BigEndian.Uint32(h[:]))}
		switch {
		case b.size == 0:
			b.size = src.size - off
		case b.size == 1 && n == 16:
			b.size = int64(binary.BigEndian.Uint64(h[8:]))
		}
		if b.size < 8 || !fourCC(h[4:8]) {
			return out
		}
		if b.size > src.size-off {
			b.over = true
			return append(out, b)
		}
		out = append(out, b)
		off += b.size
	}
	return out
}

func fourCC(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e && c != 0xa9 {
			return false
		}
	}
	return true
}

func (l boxList) find(kind string) *box {
	for i := range l {
		if l[i].kind == kind {
			return &l[i]
		}
	}
	return nil
}

// faststart says that the index comes before the media.
func (l boxList) faststart() bool {
	moov, mdat := l.find("moov"), l.find("mdat")
	return moov != nil && (mdat == nil || moov.off < mdat.off)
}

func (l boxList) cut() bool { return len(l) > 0 && l[len(l)-1].over }

// openError says why a file could not be opened, from libav's answer and from the file's own structure.
func (in *input) openError(err error) error {
	if e := in.g.interrupted("open"); e != nil {
		return e
	}
	if ioErr := in.src.failure(); ioErr != nil {
		return in.g.fail(codec.SourceIO, "open", ioErr)
	}
	var av astiav.Error
	if errors.As(err, &av) && avNoMemory(av) { // libav's guard against tables larger than the file
		err = errors.New("the index claims more than the file can hold")
	}
	if errors.Is(err, astiav.ErrPatchwelcome) {
		return in.g.fail(codec.UnsupportedCodec, "open", err)
	}
	var head [12]byte
	n := in.src.read(0, head[:])
	if n >= 4 && binary.BigEndian.Uint32(head[:]) == 0x1a45dfa3 { // EBML: Matroska, WebM
		return in.g.fail(codec.DamagedHeader, "open", err)
	}
	boxes := topBoxes(in.src)
	ftyp, moov, mdat := boxes.find("ftyp"), boxes.find("moov"), boxes.find("mdat")
	switch {
	case moov != nil && boxes.protected(in.src):
		return in.g.fail(codec.Encrypted, "open", err)
	case ftyp != nil && moov == nil && boxes.find("meta") != nil: // an image of HEIF's kind
		return in.g.fail(codec.UnsupportedCodec, "open", err)
	case moov != nil && !moov.over:
		return in.g.fail(codec.DamagedHeader, "open", err)
	case boxes.cut() && (ftyp != nil || mdat != nil), mdat != nil:
		return in.g.fail(codec.IncompleteUpload, "open", err)
	case ftyp != nil:
		return in.g.fail(codec.DamagedHeader, "open", err)
	}
	return in.g.fail(codec.NotMedia, "open", err)
}

// maxMoov bounds how much of an index is looked through in memory.
const maxMoov = 16 << 20

// tracks calls fn with the sample entry types of each track, in file order (ISO/IEC 14496-12 §8.5.2).
func (l boxList) tracks(src *byteSource, fn func(track int, entries []string)) {
	moov := l.find("moov")
	if moov == nil || moov.over || moov.size > maxMoov {
		return
	}
	b := make([]byte, moov.size)
	if n := src.read(moov.off, b); int64(n) < moov.size {
		return
	}
	track := 0
	eachBox(b[8:], func(kind string, body []byte) {
		if kind != "trak" {
			return
		}
		stsd := descend(body, "mdia", "minf", "stbl", "stsd")
		var entries []string
		if len(stsd) > 8 {
			eachBox(stsd[8:], func(kind string, _ []byte) { entries = append(entries, kind) })
		}
		fn(track, entries)
		track++
	})
}

// eachBox calls fn for the boxes in b, stopping at the first that makes no sense.
func eachBox(b []byte, fn func(kind string, body []byte)) {
	for len(b) >= 8 {
		n := int64(binary.BigEndian.Uint32(b))
		head := int64(8)
		if n == 1 && len(b) >= 16 {
			n, head = int64(binary.BigEndian.Uint64(b[8:])), 16
		}
		if n == 0 {
			n = int64(len(b))
		}
		if n < head || n > int64(len(b)) {
			return
		}
		fn(string(b[4:8]), b[head:n])
		b = b[n:]
	}
}

// descend returns the body of the first box found by following the path, nil when there is none.
func descend(b []byte, path ...string) []byte {
	for _, want := range path {
		var found []byte
		eachBox(b, func(kind string, body []byte) {
			if kind == want && found == nil {
				found = body
			}
		})
		if found == nil {
			return nil
		}
		b = found
	}
	return b
}

// protected says that a track's samples are encrypted.
func (l boxList) protected(src *byteSource) (yes bool) {
	l.tracks(src, func(_ int, entries []string) {
		for _, e := range entries {
			yes = yes || encryptedTags[e]
		}
	})
	return yes
}
