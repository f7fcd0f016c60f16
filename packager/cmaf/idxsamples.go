package cmaf

import (
	"errors"
	"fmt"
	"math"

	"sluice/packager"
)

// idxDecoder reads the sections of an index side by side, a sample at a time.
type idxDecoder struct {
	sections map[uint64][]byte
	files    []packager.File
	nfiles   int

	times, offs, syncs, exts, frags varints

	left     int64 // samples of the current run
	dur      int64
	dts      int64
	dict     []int32
	offBytes []byte
	nextSync int
	nextExt  int
	file     int
	off      int64
	nextFrag int
	head     int64
}

const never = math.MaxInt

func (d *idxDecoder) track(m packager.Media) (*packager.Track, error) {
	files := varints{b: d.sections[tagFiles]}
	d.nfiles = int(files.uint(maxFiles))
	if files.err != nil || d.nfiles == 0 {
		return nil, errors.New("number of files is missing")
	}
	if len(d.files) > 0 && len(d.files) != d.nfiles {
		return nil, fmt.Errorf("index of %d files, opened with %d", d.nfiles, len(d.files))
	}
	b := packager.NewBuilder(m, d.files...)
	if err := d.start(); err != nil {
		return nil, err
	}
	sizes := varints{b: d.sections[tagSizes]}
	b.Grow(len(sizes.b))
	for i := 0; len(sizes.b) > 0; i++ {
		size := sizes.uint(math.MaxUint32)
		if sizes.err != nil {
			return nil, fmt.Errorf("sizes: %w", sizes.err)
		}
		if err := d.next(b, i, uint32(size)); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i, err)
		}
	}
	if d.left > 0 || len(d.times.b) > 0 {
		return nil, errors.New("more times than samples")
	}
	if d.nextFrag != never && d.nextFrag != b.Len() {
		return nil, errors.New("more fragments than samples")
	}
	t := b.Track()
	return t, d.layout(t)
}

// start opens the sections and reads the first entry of each.
func (d *idxDecoder) start() error {
	d.times.b, d.syncs.b = d.sections[tagTimes], d.sections[tagSyncs]
	d.exts.b, d.frags.b = d.sections[tagExtents], d.sections[tagFragments]
	d.nextSync, d.nextExt, d.nextFrag = never, never, never
	if len(d.sections[tagSizes]) == 0 {
		d.times.b = nil
		return nil
	}
	d.dts = int64(d.times.uint(maxTime))
	if len(d.syncs.b) > 0 {
		d.nextSync = int(d.syncs.uint(math.MaxInt32))
	}
	if d.exts.uint(0); d.exts.err != nil {
		return fmt.Errorf("extents: %w", d.exts.err)
	}
	d.nextExt = 0
	if len(d.frags.b) > 0 {
		if d.frags.uint(0); d.frags.err != nil {
			return fmt.Errorf("fragments: %w", d.frags.err)
		}
		d.nextFrag, d.head = 0, int64(d.frags.uint(math.MaxInt32))
	}
	if b, ok := d.sections[tagOffsets]; ok {
		dict := varints{b: b}
		for range dict.uint(256) {
			d.dict = append(d.dict, int32(dict.int()))
		}
		if dict.err != nil {
			return fmt.Errorf("offsets: %w", dict.err)
		}
		d.offBytes = dict.b
	}
	d.offs.b = d.sections[tagOffsetsV]
	return errors.Join(d.times.err, d.syncs.err, d.frags.err)
}

// next reads what the sections say of sample i and adds it.
func (d *idxDecoder) next(b *packager.Builder, i int, size uint32) error {
	if i >= math.MaxInt32 {
		return errors.New("too many samples")
	}
	s := packager.Sample{Size: size}
	if err := d.time(&s); err != nil {
		return err
	}
	if err := d.offset(i, &s); err != nil {
		return err
	}
	if err := d.place(i, &s); err != nil {
		return err
	}
	if s.Sync = i == d.nextSync || d.sections[tagSyncs] == nil; i == d.nextSync {
		d.nextSync = never
		if len(d.syncs.b) > 0 {
			step := int(d.syncs.uint(math.MaxInt32))
			if d.syncs.err != nil || step == 0 {
				return errors.New("sync samples do not rise")
			}
			d.nextSync = i + step
		}
	}
	if i == d.nextFrag {
		if err := d.fragment(b, i, &s); err != nil {
			return err
		}
	}
	b.Add(s)
	return nil
}

func (d *idxDecoder) time(s *packager.Sample) error {
	if d.left == 0 {
		d.left = int64(d.times.uint(math.MaxInt32))
		d.dur = int64(d.times.uint(math.MaxUint32))
		d.dts += int64(d.times.uint(maxTime))
		if d.times.err != nil || d.left == 0 {
			return errors.New("times end early")
		}
	}
	if d.dts > maxTime {
		return errors.New("decode time out of range")
	}
	d.left--
	s.DTS, s.PTS, s.Dur = d.dts, d.dts, uint32(d.dur)
	d.dts += d.dur
	return nil
}

func (d *idxDecoder) offset(i int, s *packager.Sample) error {
	switch {
	case d.dict != nil:
		if i >= len(d.offBytes) || int(d.offBytes[i]) >= len(d.dict) {
			return errors.New("composition offset is missing")
		}
		s.PTS += int64(d.dict[d.offBytes[i]])
	case d.sections[tagOffsetsV] != nil:
		v := d.offs.int()
		if d.offs.err != nil || v != int64(int32(v)) {
			return errors.New("composition offset is missing or out of range")
		}
		s.PTS += v
	}
	return nil
}

// place sets file and offset and checks them against the file.
func (d *idxDecoder) place(i int, s *packager.Sample) error {
	if i == d.nextExt {
		file := int(d.exts.uint(uint64(d.nfiles - 1)))
		if file != d.file {
			d.off = 0
		}
		d.file = file
		d.off += d.exts.int()
		if d.exts.err != nil {
			return fmt.Errorf("extent: %w", d.exts.err)
		}
		d.nextExt = never
		if len(d.exts.b) > 0 {
			step := int(d.exts.uint(math.MaxInt32))
			if d.exts.err != nil || step == 0 {
				return errors.New("extents do not rise")
			}
			d.nextExt = i + step
		}
	}
	s.File, s.Offset = d.file, d.off
	d.off += int64(s.Size)
	switch {
	case s.Offset < 0 || d.off > math.MaxInt64/2:
		return fmt.Errorf("offset %d out of range", s.Offset)
	case len(d.files) > 0 && d.off > d.files[d.file].Size():
		return fmt.Errorf("ends at %d of a file of %d bytes", d.off, d.files[d.file].Size())
	}
	return nil
}

// fragment announces the fragment that starts with s, and reads where the next one does. A head of 0 ends the list.
func (d *idxDecoder) fragment(b *packager.Builder, i int, s *packager.Sample) error {
	if d.head == 0 {
		if i == 0 {
			return errors.New("fragment list is empty")
		}
		b.EndFragments()
		d.nextFrag = never
		return nil
	}
	if d.head > s.Offset {
		return fmt.Errorf("fragment head of %d bytes before offset %d", d.head, s.Offset)
	}
	b.Fragment(s.File, s.Offset-d.head)
	step := int(d.frags.uint(math.MaxInt32))
	d.head = int64(d.frags.uint(math.MaxInt32))
	if d.frags.err != nil || step == 0 {
		return errors.New("fragments do not rise")
	}
	d.nextFrag = i + step
	return nil
}

func (d *idxDecoder) layout(t *packager.Track) error {
	r := varints{b: d.sections[tagLayout]}
	t.Layout.Init, t.Layout.Sidx = int64(r.uint(math.MaxInt32)), int64(r.uint(math.MaxInt32))
	if r.err != nil {
		return fmt.Errorf("layout: %w", r.err)
	}
	if len(d.files) == 1 && t.Layout.Init+t.Layout.Sidx > d.files[0].Size() {
		return errors.New("layout lies beyond the file")
	}
	return nil
}
