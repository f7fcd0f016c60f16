package remux

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"

	"sluice/packager"
	"sluice/packager/mp4"
)

// fragments is what a feed keeps from one fMP4 segment to the next.
type fragments struct {
	hasVideo bool
	section  *initSection // whose bytes init holds
	init     []byte       // ftyp and moov, edit lists taken out
	edits    []edit       // of the tracks of init
	gen      int
	buf      []byte // init and the segment under way
}

// edit is what a track's edit list says: media time skip is shown at delay.
type edit struct {
	skip  int64  // ticks of the track
	delay uint64 // ticks of the movie
}

// fragmented reads an fMP4 segment. It is held in memory, since a moof names the bytes behind it in any order.
func (f *feed) fragmented(ctx context.Context, d *download, first *[]byte) error {
	s := d.seg
	if len(f.l.segments) == 1 && s.at.local && s.key == nil && s.init == nil && s.n < 0 {
		release(first)
		return f.wholeFile(ctx, s)
	}
	if err := f.initFor(ctx, s); err != nil {
		release(first)
		return err
	}
	f.frag.buf = append(f.frag.buf[:0], f.frag.init...)
	err := d.each(first, func(b []byte) error {
		if int64(len(f.frag.buf)-len(f.frag.init)+len(b)) > f.r.o.Limits.FragmentBytes {
			return fail(LimitExceeded, s.at.String(), "fMP4 segment is larger than %d bytes", f.r.o.Limits.FragmentBytes)
		}
		f.frag.buf = append(f.frag.buf, b...)
		return nil
	})
	if err != nil {
		return err
	}
	if d.err != nil && len(f.l.segments) > 1 {
		return d.err // cut short: a moof would name what is not there
	}
	body := f.frag.buf[len(f.frag.init):]
	if s.init == nil {
		if head := headOf(body); head > 0 { // it brings its own init section
			f.setInit(bytes.Clone(body[:head]))
			f.frag.buf = append(f.frag.buf[:0], body...)
			takeEdits(f.frag.buf[:head])
		}
	}
	tracks, info, err := mp4.Open(&memoryFile{f.frag.buf})
	if err == nil {
		err = f.warn(info)
	}
	if err != nil {
		return classify(fmt.Errorf("segment %d: %w", s.index+1, err), s.at.String())
	}
	return f.samples(ctx, tracks, f.frag.buf, f.frag.edits)
}

// warn passes on what mp4.Open survived. A track that it left out because it is encrypted is an error: the rest alone is not
// what was asked for.
func (f *feed) warn(info mp4.Info) error {
	for _, err := range info.LeftOut {
		if errors.Is(err, mp4.ErrEncrypted) {
			return err
		}
		f.skip(err.Error())
	}
	for _, w := range info.Warnings {
		f.r.report.warn(w)
	}
	return nil
}

// initFor loads the init section that s needs.
func (f *feed) initFor(ctx context.Context, s *segment) error {
	if s.init == nil || s.init == f.frag.section {
		return nil
	}
	m, limit := s.init, f.r.o.Limits.InitBytes
	r := &retryReader{ctx: ctx, in: f.r.in, at: m.at, off: m.off, n: m.n}
	defer r.Close()
	plain, err := f.r.in.decrypt(ctx, r, m.key, m.seq)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(plain, limit+1))
	switch {
	case err != nil && missing(err):
		return fail(Corrupt, m.at.String(), "init section: %w", err)
	case err != nil:
		return classify(err, m.at.String())
	case int64(len(b)) > limit:
		return fail(LimitExceeded, m.at.String(), "init section is larger than %d bytes", limit)
	}
	f.r.in.read.Add(int64(len(b)))
	if headOf(b) == 0 {
		return fail(Corrupt, m.at.String(), "init section has no moov box")
	}
	f.frag.section = m
	f.setInit(b)
	return nil
}

func (f *feed) setInit(b []byte) {
	f.frag.init = b
	f.frag.edits = takeEdits(b)
	f.frag.gen++
}

// wholeFile reads an MP4 file from its mapping.
func (f *feed) wholeFile(ctx context.Context, s *segment) (err error) {
	file, err := packager.OpenFile(filepath.Join(f.r.in.root.Name(), filepath.FromSlash(s.at.name)))
	if err != nil {
		return classify(err, s.at.String())
	}
	defer file.Close()
	// A file that is cut while it is mapped faults; that is an error like any other.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			err = fail(SourceIO, s.at.String(), "the file changed while it was read")
		}
	}()
	tracks, info, err := mp4.Open(file)
	if err == nil {
		err = f.warn(info)
	}
	if err != nil {
		return classify(err, s.at.String())
	}
	f.frag.gen++
	return f.samples(ctx, tracks, file.Bytes(), nil)
}

// walker reads the samples of one track in batches.
type walker struct {
	in    *packager.Track
	out   *track
	media packager.Media
	shift int64 // added to times
	buf   [256]packager.Sample
	at, n int
	next  int
}

func (w *walker) peek() *packager.Sample {
	if w.at == w.n {
		if w.next == w.in.Len() {
			return nil
		}
		w.at, w.n = 0, 0
		w.in.Walk(w.next, min(len(w.buf), w.in.Len()-w.next), func(_ int, s packager.Sample) bool {
			w.buf[w.n] = s
			w.n++
			return true
		})
		w.next += w.n
	}
	return &w.buf[w.at]
}

// samples hands out the samples of tracks, whose bytes lie in data, by decode time. With edits, tracks come from an init section
// whose edit lists were taken out; without, they are normalised already.
func (f *feed) samples(ctx context.Context, tracks []*packager.Track, data []byte, edits []edit) error {
	var walkers []*walker
	count := map[packager.Kind]int{}
	f.frag.hasVideo = false
	for i, in := range tracks {
		if in.Kind == packager.Video && f.r.o.AudioOnly {
			continue
		}
		f.frag.hasVideo = f.frag.hasVideo || in.Kind == packager.Video
		w := &walker{in: in, media: in.Media, shift: -int64(in.Priming), out: f.track(in.Kind, count[in.Kind])}
		count[in.Kind]++
		if edits != nil {
			w.media.Priming = 0
			if i < len(edits) {
				w.shift += int64(edits[i].delay) - edits[i].skip
				if in.Kind == packager.Audio && edits[i].skip > 0 {
					w.media.Priming = uint32(edits[i].skip)
				}
			}
		}
		walkers = append(walkers, w)
	}
	for n := 0; ; n++ {
		if n&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var best *walker
		var bestAt int64
		for _, w := range walkers {
			if s := w.peek(); s != nil {
				if at := rescale(s.DTS+w.shift, w.in.Timescale, 90000); best == nil || at < bestAt {
					best, bestAt = w, at
				}
			}
		}
		if best == nil {
			return nil
		}
		s := best.peek()
		end := s.Offset + int64(s.Size)
		if s.Offset < 0 || end > int64(len(data)) {
			return fail(Truncated, f.l.at.String(), "sample at %d+%d of %d bytes", s.Offset, s.Size, len(data))
		}
		err := f.unit(best.out, &best.media, f.frag.gen, unit{
			dts: s.DTS + best.shift, pts: s.PTS + best.shift, scale: best.in.Timescale, samples: int64(s.Dur), sync: s.Sync,
			data: data[s.Offset:end],
		})
		if err != nil {
			return err
		}
		best.at++
	}
}

// memoryFile is a packager.File over bytes in memory.
type memoryFile struct{ b []byte }

func (m *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(p, m.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
func (m *memoryFile) Size() int64   { return int64(len(m.b)) }
func (m *memoryFile) Bytes() []byte { return m.b }
func (m *memoryFile) FD() int       { return -1 }
func (m *memoryFile) ETag() string  { return "" }

// boxes calls yield with the type, the offset and the body of each box of b that is whole.
func boxes(b []byte, yield func(name string, at int, body []byte) bool) {
	for at := 0; len(b)-at >= 8; {
		n := int64(binary.BigEndian.Uint32(b[at:]))
		if n < 8 || n > int64(len(b)-at) {
			return
		}
		if !yield(string(b[at+4:at+8]), at, b[at+8:at+int(n)]) {
			return
		}
		at += int(n)
	}
}

// headOf returns the length of b up to and with its moov box, 0 when it has none.
func headOf(b []byte) (n int) {
	boxes(b, func(name string, at int, body []byte) bool {
		if name == "moov" {
			n = at + 8 + len(body)
		}
		return n == 0 && name != "moof" && name != "mdat"
	})
	return n
}

// takeEdits reads the edit lists of an init section's video and audio tracks and takes them out, so that the times of each segment
// are those of its tfdt. Delays are converted to ticks of the track.
func takeEdits(init []byte) []edit {
	var moov []byte
	boxes(init, func(name string, _ int, body []byte) bool {
		if name == "moov" {
			moov = body
		}
		return moov == nil
	})
	movie := uint32(0)
	edits := []edit{}
	boxes(moov, func(name string, _ int, body []byte) bool {
		switch {
		case name == "mvhd" && len(body) >= 32:
			if movie = binary.BigEndian.Uint32(body[12:]); body[0] == 1 {
				movie = binary.BigEndian.Uint32(body[20:])
			}
		case name == "trak":
			if e, media := takeEdit(body); media {
				scale := e.scale
				if movie > 0 && e.delay < 1<<40 {
					e.delay = uint64(rescale(int64(e.delay), movie, max(1, scale)))
				} else {
					e.delay = 0
				}
				edits = append(edits, e.edit)
			}
		}
		return true
	})
	return edits
}

type trackEdit struct {
	edit
	scale uint32
}

// takeEdit does it for one trak; media tells whether it is video or audio.
func takeEdit(trak []byte) (e trackEdit, media bool) {
	boxes(trak, func(name string, at int, body []byte) bool {
		switch name {
		case "edts":
			boxes(body, func(name string, _ int, elst []byte) bool {
				if name == "elst" {
					e.edit = readElst(elst)
				}
				return true
			})
			copy(trak[at+4:], "free")
		case "mdia":
			boxes(body, func(name string, _ int, b []byte) bool {
				switch {
				case name == "mdhd" && len(b) >= 24:
					if e.scale = binary.BigEndian.Uint32(b[12:]); b[0] == 1 {
						e.scale = binary.BigEndian.Uint32(b[20:])
					}
				case name == "hdlr" && len(b) >= 12:
					media = string(b[8:12]) == "vide" || string(b[8:12]) == "soun"
				}
				return true
			})
		}
		return true
	})
	return e, media
}

// readElst reads the empty edits at the start of an edit list and the media time of the first other one.
func readElst(b []byte) (e edit) {
	if len(b) < 8 {
		return e
	}
	width := 12
	if b[0] == 1 {
		width = 20
	}
	for b = b[8:]; len(b) >= width; b = b[width:] {
		dur, at := uint64(binary.BigEndian.Uint32(b)), int64(int32(binary.BigEndian.Uint32(b[4:])))
		if width == 20 {
			dur, at = binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))
		}
		if at >= 0 {
			if at < 1<<40 {
				e.skip = at
			}
			return e
		}
		e.delay += dur & (1<<40 - 1)
	}
	return e
}
