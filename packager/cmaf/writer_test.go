package cmaf_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/internal/mediatest"
	"sluice/packager/mp4"
)

var (
	avc = packager.Media{Kind: packager.Video, Entry: "avc1", Config: []byte{1, 66, 0, 30, 0xFF, 0xE0, 0}, Timescale: 12800,
		Width: 64, Height: 36}
	aac = packager.Media{Kind: packager.Audio, Entry: "mp4a", Config: []byte{0x11, 0x90}, Timescale: 48000, SampleRate: 48000,
		Channels: 2, Priming: 1024}
)

// drawUnits makes the units of a video in decode order: GOPs of varying length, closed or open, with reordering, and at a
// constant or varying frame rate.
func drawUnits(t *rapid.T) []cmaf.Unit {
	var order []int // display positions in decode order
	sync := map[int]bool{}
	n := 0
	for g := range rapid.IntRange(1, 12).Draw(t, "gops") {
		size := rapid.IntRange(1, 40).Draw(t, "gop")
		leading := 0
		if g > 0 && rapid.Bool().Draw(t, "open") {
			leading = rapid.IntRange(0, min(3, size-1)).Draw(t, "leading")
		}
		sync[len(order)] = true
		order = append(order, n+leading)
		for i := range leading {
			order = append(order, n+i)
		}
		for i := leading + 1; i < size; i += 2 { // P before B
			if i+1 < size {
				order = append(order, n+i+1)
			}
			order = append(order, n+i)
		}
		n += size
	}
	pts := make([]int64, n+1)
	vary := rapid.Bool().Draw(t, "vary")
	for i := range n {
		d := int64(512)
		if vary {
			d = rapid.Int64Range(1, 4000).Draw(t, "dur")
		}
		pts[i+1] = pts[i] + d
	}
	units := make([]cmaf.Unit, len(order))
	for i, o := range order {
		units[i] = cmaf.Unit{DTS: pts[o] - 9999, PTS: pts[o], Dur: pts[o+1] - pts[o], Sync: sync[i], Data: []byte{byte(o), byte(i), 1}}
	}
	return units
}

func TestWriterKeepsPresentationTimesAndMakesDecodeTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := drawUnits(t)
		var out bytes.Buffer
		w := cmaf.NewWriter(&out, avc, cmaf.Options{})
		for _, u := range units {
			if err := w.Write(u); err != nil {
				t.Fatal(err)
			}
		}
		res, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		f := packager.ReaderFile(bytes.NewReader(out.Bytes()), int64(out.Len()), "")
		tracks, info, err := mp4.Open(f)
		if err != nil || len(info.Warnings)+len(info.LeftOut) > 0 {
			t.Fatalf("%v %q %v", err, info.Warnings, info.LeftOut)
		}
		got := mediatest.Samples(tracks[0])
		if d := cmp.Diff(mediatest.Samples(res.Track), got); d != "" {
			t.Fatalf("index and boxes differ: %s", d)
		}
		end := int64(0)
		for i, s := range got {
			if s.PTS != units[i].PTS || s.Sync != units[i].Sync {
				t.Fatalf("unit %d: PTS %d sync %v, want %d %v", i, s.PTS, s.Sync, units[i].PTS, units[i].Sync)
			}
			if s.DTS != end {
				t.Fatalf("unit %d decodes at %d, the one before it ends at %d", i, s.DTS, end)
			}
			if !bytes.Equal(out.Bytes()[s.Offset:s.Offset+int64(s.Size)], units[i].Data) {
				t.Fatalf("unit %d: other bytes", i)
			}
			end = s.DTS + int64(s.Dur)
		}
		for k := range res.Track.FragmentCount() {
			if fr := res.Track.Fragment(k); !got[fr.First].Sync {
				t.Fatalf("fragment %d does not start with a sync sample", k)
			}
		}
	})
}

func TestAudioFragmentsStartWhereSegmentsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fps := rapid.SampledFrom([][2]uint32{{25, 1}, {24000, 1001}, {30000, 1001}, {60, 1}}).Draw(t, "fps")
		gop := rapid.Int64Range(1, 120).Draw(t, "gop")
		scale, frame := fps[0], int64(fps[1])
		if scale < 1000 {
			scale, frame = scale*1000, frame*1000
		}
		media := avc
		media.Timescale = scale
		video := packager.NewBuilder(media)
		for i := range int64(600) {
			video.Add(packager.Sample{DTS: i * frame, PTS: i * frame, Dur: uint32(frame), Size: 1, Sync: i%gop == 0, Offset: i})
		}
		v := video.Track()
		a := aac
		a.Timescale = rapid.SampledFrom([]uint32{48000, 44100, 22050}).Draw(t, "rate")
		a.Priming = rapid.SampledFrom([]uint32{0, 1024, 2112}).Draw(t, "priming")
		opts := cmaf.Options{SliceTicks: gop * frame, SliceScale: scale}
		if rapid.Bool().Draw(t, "list") { // some listed, the rest by the step
			for k := range int64(rapid.IntRange(1, 5).Draw(t, "listed")) {
				opts.Slices = append(opts.Slices, k*gop*frame)
			}
		}
		w := cmaf.NewWriter(io.Discard, a, opts)
		total := packager.Rescale(v.Duration(), scale, a.Timescale)
		for p := -int64(a.Priming); p < total; p += 1024 {
			if err := w.Write(cmaf.Unit{PTS: p, Dur: 1024, Data: []byte{1}}); err != nil {
				t.Fatal(err)
			}
		}
		res, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		set := &packager.Set{Files: []packager.SetFile{{Tracks: []*packager.Track{v}}}, SegmentTicks: 2, SegmentScale: 1}
		for k, seg := range res.Track.Segments(packager.Cut(set)) {
			if res.Track.FragmentAt(seg.First) < 0 && seg.Count > 0 {
				t.Fatalf("segment %d starts with sample %d, in the middle of a fragment", k, seg.First)
			}
		}
	})
}

func TestSlicesAreInTheTracksTimescaleUnlessAnotherIsGiven(t *testing.T) {
	for name, opts := range map[string]cmaf.Options{
		"own":     {Slices: []int64{0, 48000, 144000}},
		"another": {Slices: []int64{0, 10, 30}, SliceScale: 10},
	} {
		w := cmaf.NewWriter(io.Discard, aac, opts)
		for p := int64(-1024); p < 5*48000; p += 1024 {
			if err := w.Write(cmaf.Unit{PTS: p, Dur: 1024, Data: []byte{1}}); err != nil {
				t.Fatal(err)
			}
		}
		res, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		var starts []int64
		for k := range res.Track.FragmentCount() {
			starts = append(starts, (res.Track.Sample(res.Track.Fragment(k).First).PTS-1024)/1024)
		}
		// At -1 (the priming), 1 s and 3 s, and by two seconds from there, in frames of 1024.
		if d := cmp.Diff([]int64{-1, 47, 141}, starts[:3]); d != "" || len(starts) != 3 {
			t.Errorf("%s: %v: %s", name, starts, d)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	sync := cmaf.Unit{Sync: true, Dur: 512, Data: []byte{1}}
	with := func(f func(u *cmaf.Unit)) cmaf.Unit { u := sync; f(&u); return u }
	for name, c := range map[string]struct {
		m     packager.Media
		opts  cmaf.Options
		units []cmaf.Unit
	}{
		"video before 0":         {avc, cmaf.Options{}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.PTS = -1 })}},
		"audio before priming":   {aac, cmaf.Options{}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.PTS = -1025 })}},
		"no sync sample first":   {avc, cmaf.Options{}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.Sync = false })}},
		"no data":                {avc, cmaf.Options{}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.Data = nil })}},
		"negative duration":      {avc, cmaf.Options{}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.Dur = -1 })}},
		"time out of range":      {avc, cmaf.Options{}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.PTS = math.MaxInt64 / 2 })}},
		"fragment without bound": {avc, cmaf.Options{MaxFragment: 10}, []cmaf.Unit{with(func(u *cmaf.Unit) { u.Data = make([]byte, 11) })}},
		"a gap of years": {avc, cmaf.Options{}, []cmaf.Unit{sync, with(func(u *cmaf.Unit) { u.PTS, u.Sync = math.MaxInt64/8, false }),
			with(func(u *cmaf.Unit) { u.PTS = math.MaxInt64/8 + 512 })}},
		"time that goes back": {avc, cmaf.Options{}, []cmaf.Unit{sync, with(func(u *cmaf.Unit) { u.PTS = 90000 }),
			with(func(u *cmaf.Unit) { u.PTS = 95000 }), with(func(u *cmaf.Unit) { u.PTS = 100 }), with(func(u *cmaf.Unit) { u.PTS = 200_000 })}},
	} {
		w := cmaf.NewWriter(io.Discard, c.m, c.opts)
		var err error
		for _, u := range c.units {
			if err = w.Write(u); err != nil {
				break
			}
		}
		if err == nil {
			_, err = w.Close()
		}
		if !errors.Is(err, cmaf.ErrUnit) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := w.Close(); again == nil {
			t.Errorf("%s: Close forgot the error", name)
		}
	}
}

type full struct{ left int }

var errFull = errors.New("disk is full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterReportsAFailedWrite(t *testing.T) {
	w := cmaf.NewWriter(&full{1000}, avc, cmaf.Options{})
	var err error
	for i := int64(0); i < 1000 && err == nil; i++ {
		err = w.Write(cmaf.Unit{PTS: i * 512, Dur: 512, Sync: i%25 == 0, Data: make([]byte, 100)})
	}
	if !errors.Is(err, errFull) {
		t.Errorf("Write: %v", err)
	}
	if _, err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}

func TestWriterWithoutUnitsMakesAHead(t *testing.T) {
	var out bytes.Buffer
	res, err := cmaf.NewWriter(&out, avc, cmaf.Options{}).Close()
	if err != nil {
		t.Fatal(err)
	}
	head, err := cmaf.Head(avc)
	if err != nil || !bytes.Equal(out.Bytes(), head) || res.Track.Len() != 0 {
		t.Errorf("wrote %d bytes, head is %d: %v", out.Len(), len(head), err)
	}
	out.Reset()
	if _, err := cmaf.NewWriter(&out, avc, cmaf.Options{NoHead: true}).Close(); err != nil || out.Len() != 0 {
		t.Errorf("wrote %d bytes: %v", out.Len(), err)
	}
}

func TestAllIntraVideoDoesNotGetAFragmentAFrame(t *testing.T) {
	var out bytes.Buffer
	w := cmaf.NewWriter(&out, avc, cmaf.Options{})
	for i := range int64(250) {
		if err := w.Write(cmaf.Unit{PTS: i * 512, Dur: 512, Sync: true, Data: []byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	res, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if n := res.Track.FragmentCount(); n > 80 || !res.Track.AllSync() {
		t.Errorf("%d fragments for 10 s, all sync %v", n, res.Track.AllSync())
	}
}
