package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"sluice/packager"
)

// Limits on what is read. They are far above what media needs and keep the memory of an index below a small multiple of
// the file's size.
const (
	maxMoov    = 512 << 20
	maxMoof    = 64 << 20
	maxBoxes   = 4 << 20 // top-level boxes of a fragmented file
	maxOther   = 4096    // top-level boxes that are not fragments
	maxTracks  = 64
	maxHours   = 1000    // from the first sample to the last
	maxSamples = 1 << 23 // of one track: 24 h at 97 per second
)

// Info is what a file says about itself besides its tracks.
type Info struct {
	Brand      string // major brand; "" for old QuickTime files
	Fragmented bool
	// Warnings are defects that were survived.
	Warnings []string
	// LeftOut has an error for each track that cannot be packaged. It names the track and wraps ErrUnsupported or
	// ErrEncrypted.
	LeftOut []error
}

func (in *Info) warn(format string, args ...any) {
	if len(in.Warnings) < 100 {
		in.Warnings = append(in.Warnings, fmt.Sprintf(format, args...))
	}
}

// Open indexes an MP4 or QuickTime file, progressive (moov anywhere) or fragmented. It reads moov, moofs and box headers,
// never media. Tracks come in the order of the file; those whose codec cannot be packaged are
// left out and listed in Info.LeftOut, those without samples are left out with a warning.
//
// Edit lists are normalised away (ISO/IEC 14496-12 §8.6.6): a delay and a skipped start become presentation times, and what
// must be decoded but not shown becomes Priming. Decode times start at 0 or later, composition offsets are signed. A
// fragmented file that was cut out of a longer presentation keeps the times of its fragments.
//
// Errors wrap one of the kinds of this package.
func Open(f packager.File) ([]*packager.Track, Info, error) {
	r := &reader{f: f}
	if err := r.scan(); err != nil {
		return nil, r.info, err
	}
	tracks, err := r.tracks()
	return tracks, r.info, err
}

// reader is one run of Open.
type reader struct {
	f     packager.File
	info  Info
	moov  []byte
	moofs []extent
	mdat  bool
}

// extent is a top-level box.
type extent struct{ off, n int64 }

// scan finds moov and the moofs among the top-level boxes.
func (r *reader) scan() error {
	size := r.f.Size()
	var off int64
	other := 0
	for count := 0; off < size; count++ {
		name, n, head, err := r.header(off)
		if err != nil {
			if count == 0 || r.moov == nil {
				return err
			}
			r.info.warn("%v", err)
			break
		}
		if count == 0 && !plausible(name) {
			return fmt.Errorf("%w: starts with %q", ErrNotMP4, name)
		}
		if name != "moof" && name != "mdat" && name != "sidx" && name != "styp" && name != "emsg" && name != "prft" {
			other++
		}
		if count >= maxBoxes || other > maxOther {
			return fmt.Errorf("%w: more than %d top-level boxes", ErrLimit, count)
		}
		if err := r.box(name, off, n, head); err != nil {
			return err
		}
		off += n
	}
	switch {
	case size == 0:
		return fmt.Errorf("%w: it is empty", ErrNotMP4)
	case r.moov == nil && r.mdat:
		return fmt.Errorf("%w: no moov box", ErrTruncated)
	case r.moov == nil:
		return fmt.Errorf("%w: no moov box", ErrCorrupt)
	}
	return nil
}

// plausible reports whether a file can start with box name.
func plausible(name string) bool {
	switch name {
	case "ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "moof", "uuid", "sidx":
		return true
	}
	return false
}

// header reads the header of the box at off.
func (r *reader) header(off int64) (name string, n, head int64, err error) {
	var b [16]byte
	got, rerr := r.f.ReadAt(b[:min(16, r.f.Size()-off)], off)
	if got < 8 {
		if rerr != nil && !errors.Is(rerr, io.EOF) {
			return "", 0, 0, fmt.Errorf("read box at %d: %w", off, rerr)
		}
		if off == 0 {
			return "", 0, 0, fmt.Errorf("%w: %d bytes", ErrNotMP4, got)
		}
		return "", 0, 0, fmt.Errorf("%w: %d bytes after the last box at %d", ErrTruncated, got, off)
	}
	name = string(b[4:8])
	size := uint64(binary.BigEndian.Uint32(b[:4]))
	head = 8
	rest := r.f.Size() - off
	switch size {
	case 0:
		size = uint64(rest)
	case 1:
		head = 16
		if got < 16 {
			return "", 0, 0, fmt.Errorf("%w: %s box at %d ends in its header", ErrTruncated, name, off)
		}
		size = binary.BigEndian.Uint64(b[8:])
	}
	switch {
	case size < uint64(head):
		return "", 0, 0, fmt.Errorf("%w: %s box at %d has size %d", notYet(off), name, off, size)
	case size > math.MaxInt64/2:
		return "", 0, 0, fmt.Errorf("%w: %s box at %d has size %d", ErrCorrupt, name, off, size)
	case size > uint64(rest) && name != "mdat":
		if off == 0 && name != "ftyp" {
			return "", 0, 0, fmt.Errorf("%w: starts with %q", ErrNotMP4, name)
		}
		return "", 0, 0, fmt.Errorf("%w: %s box at %d needs %d bytes, %d are left", ErrTruncated, name, off, size, rest)
	}
	return name, int64(size), head, nil
}

// notYet is the kind of a bad size: in the very first box it means that this is no MP4 at all.
func notYet(off int64) error {
	if off == 0 {
		return ErrNotMP4
	}
	return ErrCorrupt
}

func (r *reader) box(name string, off, n, head int64) error {
	switch name {
	case "ftyp":
		b, err := r.read(off+head, min(n-head, 4))
		if err != nil {
			return err
		}
		if r.info.Brand == "" {
			r.info.Brand = string(b)
		}
	case "moov":
		if r.moov != nil {
			r.info.warn("second moov box at %d ignored", off)
			return nil
		}
		if n > maxMoov {
			return fmt.Errorf("%w: moov box of %d bytes", ErrLimit, n)
		}
		var err error
		r.moov, err = r.read(off+head, n-head)
		return err
	case "moof":
		r.moofs = append(r.moofs, extent{off, n})
	case "mdat":
		r.mdat = true
		if off+n > r.f.Size() {
			r.info.warn("mdat box at %d needs %d bytes, %d are left", off, n, r.f.Size()-off)
		}
	}
	return nil
}

// read returns n bytes at off, from the mapping when there is one.
func (r *reader) read(off, n int64) ([]byte, error) {
	if m := r.f.Bytes(); off+n <= int64(len(m)) {
		return m[off : off+n : off+n], nil
	}
	b := make([]byte, n)
	if got, err := r.f.ReadAt(b, off); int64(got) < n {
		return nil, fmt.Errorf("read %d bytes at %d: %w", n, off, err)
	}
	return b, nil
}

// tracks indexes every track of moov and moofs.
func (r *reader) tracks() ([]*packager.Track, error) {
	movieScale := uint32(0)
	f := fields{b: find(r.moov, "mvhd")}
	v, _ := f.full()
	f.long(v)
	f.long(v)
	movieScale = f.u32()
	if movieScale == 0 {
		r.info.warn("movie header without a timescale")
	}
	mvex := find(r.moov, "mvex")
	r.info.Fragmented = mvex != nil || len(r.moofs) > 0

	var traks []*trak
	count := 0
	for c := range children(r.moov) {
		if c.name != "trak" {
			continue
		}
		if count++; count > maxTracks {
			return nil, fmt.Errorf("%w: more than %d tracks", ErrLimit, maxTracks)
		}
		t, err := parseTrak(c.body, movieScale, &r.info)
		switch {
		case errors.Is(err, ErrUnsupported) || errors.Is(err, ErrEncrypted):
			r.info.LeftOut = append(r.info.LeftOut, fmt.Errorf("track %d: %w", count, err))
			continue
		case err != nil:
			return nil, fmt.Errorf("track %d: %w", count, err)
		case t == nil:
			continue
		}
		t.number = count
		traks = append(traks, t)
	}
	if len(traks) == 0 {
		if len(r.info.LeftOut) > 0 {
			return nil, errors.Join(r.info.LeftOut...)
		}
		return nil, fmt.Errorf("%w: no video or audio track", ErrCorrupt)
	}
	return r.index(traks, mvex)
}

// index reads the samples of traks.
func (r *reader) index(traks []*trak, mvex []byte) ([]*packager.Track, error) {
	for _, t := range traks {
		t.size = r.f.Size()
		if err := t.readTables(&r.info); err != nil {
			return nil, fmt.Errorf("track %d: %w", t.number, err)
		}
	}
	if err := r.readFragments(traks, mvex); err != nil {
		return nil, err
	}
	var out []*packager.Track
	for _, t := range traks {
		track, err := t.build(r.f, &r.info)
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.number, err)
		}
		if track != nil {
			out = append(out, track)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no track has samples", ErrCorrupt)
	}
	return out, nil
}
