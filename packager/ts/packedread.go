package ts

import (
	"fmt"

	"sluice/packager"
)

// PackedAudio reads an elementary stream of audio that is in no container: the packed audio segments of HLS, and .aac, .ac3 and
// .mp3 files. What it is, is taken from its first bytes. Units come as from a Demuxer.
type PackedAudio struct {
	d *Demuxer
	s *Stream
}

// NewPackedAudio returns a PackedAudio that hands units to h.
func NewPackedAudio(h Handler) *PackedAudio { return &PackedAudio{d: NewDemuxer(h)} }

// PackedKind names the framing at the start of b: "aac", "ac-3", "mpeg", or "" for none of them.
func PackedKind(b []byte) string {
	adts := adtsFramer{}
	switch {
	case adts.header(b, false) > 0:
		return "aac"
	case len(b) >= ac3Header && b[0] == 0x0B && b[1] == 0x77:
		return "ac-3"
	}
	if f, ok := parseMPA(b); ok && f.size > 4 {
		return "mpeg"
	}
	return ""
}

// Start gives the 90 kHz time of the first frame that starts in the bytes to come. Without it they continue the ones before.
func (a *PackedAudio) Start(pts int64) {
	if a.s == nil {
		a.open()
	}
	p := a.s.pid
	p.hasPTS, p.pts = true, a.d.unwrap(pts)
	a.d.ref = p.pts
}

func (a *PackedAudio) open() {
	a.s = &Stream{Media: packager.Media{Kind: packager.Audio}}
	a.s.pid = &pid{s: a.s}
}

// Write takes the next bytes; a frame must start in the first of a stream.
func (a *PackedAudio) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if a.s == nil {
		a.Start(0)
	}
	p := a.s.pid
	if p.framer == nil {
		n := len(b)
		for len(b) > 0 && PackedKind(b) == "" { // padding behind a tag
			b = b[1:]
		}
		if len(b) == 0 {
			return 0, fmt.Errorf("no AAC, AC-3 or MPEG audio frame in the first %d bytes of packed audio: %w", n, ErrCorrupt)
		}
		switch PackedKind(b) {
		case "aac":
			p.framer = &adtsFramer{}
		case "ac-3":
			p.framer = &ac3Framer{}
		case "mpeg":
			p.framer = &mpaFramer{}
		}
	}
	err := p.framer.frames(a.d, p, b)
	p.hasPTS = false
	return len(b), err
}

// Flush hands out what is still being put together.
func (a *PackedAudio) Flush() error {
	if a.s == nil || a.s.pid.framer == nil {
		return nil
	}
	return a.s.pid.framer.frames(a.d, a.s.pid, nil)
}

// Stats returns the counts so far.
func (a *PackedAudio) Stats() Stats { return a.d.stats }
