package cmaf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/google/go-cmp/cmp"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/internal/mediatest"
)

// stored writes tr as one chunk and joins it: the file that the store keeps.
func stored(t testing.TB, tr *packager.Track, opts cmaf.Options) *packager.Track {
	t.Helper()
	data, res := write(t, tr, 0, tr.Len(), opts)
	file, j := join(t, [][]byte{data}, []*packager.Track{open(t, data, res.Index)})
	return open(t, file, j.Index)
}

func bounds(tracks ...*packager.Track) packager.Boundaries {
	return packager.Cut(&packager.Set{Files: []packager.SetFile{{Tracks: tracks}}, SegmentTicks: 2, SegmentScale: 1})
}

func segment(t testing.TB, tr *packager.Track, seg packager.Segment, n int) []byte {
	t.Helper()
	body, err := cmaf.Segment([]*packager.Track{tr}, []packager.Segment{seg}, uint32(n))
	if err != nil {
		t.Fatal(err)
	}
	return mediatest.Bytes(t, body)
}

func TestConcatenatedSegmentsAreTheWholeTrack(t *testing.T) {
	movie := mediatest.Movie(t, "7", "25")
	v, a := source(t, movie)
	opts := cmaf.Options{SliceTicks: 1, SliceScale: 1}
	for name, tr := range map[string]struct{ ref, track *packager.Track }{
		"stored video":      {v, stored(t, v, opts)},
		"stored audio":      {v, stored(t, a, opts)},
		"progressive video": {v, v},
		"progressive audio": {v, a},
		"unaligned audio":   {v, stored(t, a, cmaf.Options{SliceTicks: 7, SliceScale: 10})},
	} {
		t.Run(name, func(t *testing.T) {
			b := bounds(tr.ref)
			init, err := cmaf.InitSegment(&tr.track.Media)
			if err != nil {
				t.Fatal(err)
			}
			all := init
			for n, seg := range tr.track.Segments(b) {
				all = append(all, segment(t, tr.track, seg, n+1)...)
			}
			path := mediatest.Save(t, "all.mp4", all)
			spec := "v:0"
			if tr.track.Kind == packager.Audio {
				spec = "a:0"
			}
			if d := cmp.Diff(mediatest.FrameMD5(t, movie, spec), mediatest.FrameMD5(t, path, "0")); d != "" {
				t.Error(d)
			}
			got := pictures(mediatest.Decoded(t, path, "0"))
			if tr.track.Kind == packager.Audio {
				got = got[1:] // ffmpeg does not skip the priming of a fragmented file, whoever made it
			}
			if d := cmp.Diff(pictures(mediatest.Decoded(t, movie, spec)), got); d != "" {
				t.Errorf("decodes differently: %s", d)
			}
		})
	}
}

// pictures drops the times from decoded frames.
func pictures(frames []string) (sums []string) {
	for _, f := range frames {
		sums = append(sums, f[strings.IndexByte(f, ' ')+1:])
	}
	return sums
}

func TestSegmentOfWholeFragmentsIsTheStoredExtent(t *testing.T) {
	v, a := source(t, mediatest.Movie(t, "7", "25"))
	opts := cmaf.Options{SliceTicks: 1, SliceScale: 1}
	sv, sa := stored(t, v, opts), stored(t, a, opts)
	for _, tr := range []*packager.Track{sv, sa} {
		end := tr.Layout.Init + tr.Layout.Sidx
		for n, seg := range tr.Segments(bounds(sv)) {
			body, err := cmaf.Segment([]*packager.Track{tr}, []packager.Segment{seg}, 1)
			if err != nil {
				t.Fatal(err)
			}
			g, ok := body.(packager.Gatherer)
			if !ok {
				t.Fatalf("%T is no Gatherer", body)
			}
			pieces := g.Pieces(nil, 0, body.Size())
			if len(pieces) != 1 || pieces[0].File != tr.Files[0] || pieces[0].Off != end {
				t.Fatalf("segment %d: %+v, want one extent at %d", n, pieces, end)
			}
			end += pieces[0].N
		}
		if end != tr.Files[0].Size() {
			t.Errorf("segments end at %d of %d", end, tr.Files[0].Size())
		}
	}
}

func TestBuiltFragmentHasTheTimesOfItsSamples(t *testing.T) {
	v, a := source(t, mediatest.Movie(t, "5", "25"))
	tracks := []*packager.Track{v, a}
	b := bounds(v)
	vs, as := v.Segments(b), a.Segments(b)
	for n := range b.Times {
		segs := []packager.Segment{vs[n], as[n]}
		body, err := cmaf.Segment(tracks, segs, uint32(n+1))
		if err != nil {
			t.Fatal(err)
		}
		init, err := cmaf.InitSegment(&v.Media, &a.Media)
		if err != nil {
			t.Fatal(err)
		}
		file, err := mp4.DecodeFile(bytes.NewReader(append(init, mediatest.Bytes(t, body)...)))
		if err != nil {
			t.Fatal(err)
		}
		frag := file.Segments[0].Fragments[0]
		if frag.Moof.Mfhd.SequenceNumber != uint32(n+1) {
			t.Errorf("sequence number %d", frag.Moof.Mfhd.SequenceNumber)
		}
		for i, tr := range tracks {
			compareTraf(t, tr, segs[i], frag, file.Init.Moov.Mvex.Trexs[i])
		}
	}
}

// compareTraf checks a fragment's samples, as mp4ff reads them, against the index.
func compareTraf(t *testing.T, tr *packager.Track, seg packager.Segment, frag *mp4.Fragment, trex *mp4.TrexBox) {
	t.Helper()
	full, err := frag.GetFullSamples(trex)
	if err != nil {
		t.Fatal(err)
	}
	if len(full) != seg.Count {
		t.Fatalf("%d samples, want %d", len(full), seg.Count)
	}
	tr.Walk(seg.First, seg.Count, func(i int, s packager.Sample) bool {
		f := full[i-seg.First]
		got := packager.Sample{
			DTS: int64(f.DecodeTime), PTS: f.PresentationTime(), Dur: f.Dur, Size: f.Size, Sync: f.IsSync(),
			Offset: s.Offset,
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Fatalf("sample %d: %s", i, d)
		}
		if !bytes.Equal(f.Data, mediatest.Data(t, tr, s)) {
			t.Fatalf("sample %d: other bytes", i)
		}
		return true
	})
}

func TestMuxedSegmentsPlay(t *testing.T) {
	movie := mediatest.Movie(t, "5", "50")
	v, a := source(t, movie)
	all, err := cmaf.InitSegment(&v.Media, &a.Media)
	if err != nil {
		t.Fatal(err)
	}
	b := bounds(v)
	vs, as := v.Segments(b), a.Segments(b)
	for n := range b.Times {
		body, err := cmaf.Segment([]*packager.Track{v, a}, []packager.Segment{vs[n], as[n]}, uint32(n+1))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, mediatest.Bytes(t, body)...)
	}
	path := mediatest.Save(t, "muxed.mp4", all)
	for _, spec := range []string{"v:0", "a:0"} {
		if d := cmp.Diff(mediatest.FrameMD5(t, movie, spec), mediatest.FrameMD5(t, path, spec)); d != "" {
			t.Error(d)
		}
		mediatest.Decoded(t, path, spec)
	}
}

func TestSegmentRefusesSamplesThatAreNotThere(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "1", "25"))
	for _, seg := range []packager.Segment{{First: -1, Count: 1}, {First: 0, Count: v.Len() + 1}, {First: v.Len() + 1}, {Count: -1}} {
		if _, err := cmaf.Segment([]*packager.Track{v}, []packager.Segment{seg}, 1); !errors.Is(err, cmaf.ErrRange) {
			t.Errorf("%+v: %v", seg, err)
		}
	}
	if _, err := cmaf.Segment(nil, nil, 1); !errors.Is(err, cmaf.ErrRange) {
		t.Errorf("no tracks: %v", err)
	}
}

func TestEmptySegmentIsAFragmentWithoutSamples(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "1", "25"))
	b := segment(t, v, packager.Segment{First: v.Len(), Start: 12800}, 3)
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Segments[0].Fragments[0].Moof.Traf.Tfdt.BaseMediaDecodeTime(); got != 12800 {
		t.Errorf("tfdt %d", got)
	}
}

func TestSidxReferencesAreTheFragments(t *testing.T) {
	v, a := source(t, mediatest.Movie(t, "6", "50"))
	for _, tr := range []*packager.Track{stored(t, v, cmaf.Options{}), stored(t, a, cmaf.Options{})} {
		initRange, ok := cmaf.InitRange(tr)
		if !ok {
			t.Fatal("no init range")
		}
		sidxRange, ok := cmaf.SidxRange(tr)
		if !ok {
			t.Fatal("no sidx range")
		}
		whole := tr.Files[0].Bytes()
		if got := string(whole[sidxRange.Off+4 : sidxRange.Off+8]); got != "sidx" {
			t.Fatalf("sidx range holds %q", got)
		}
		if got := binary.BigEndian.Uint32(whole[sidxRange.Off:]); int64(got) != sidxRange.N {
			t.Errorf("sidx is %d bytes, range %d", got, sidxRange.N)
		}
		file, err := mp4.DecodeFile(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(file.Init.Size()); got != initRange.N {
			t.Errorf("init is %d bytes, range %d", got, initRange.N)
		}
		off, dur := sidxRange.Off+sidxRange.N, int64(0)
		for k, ref := range file.Sidx.SidxRefs {
			f := tr.Fragment(k)
			if f.Off != off || f.N != int64(ref.ReferencedSize) || string(whole[off+4:off+8]) != "moof" {
				t.Errorf("reference %d: %d+%d, fragment %d+%d", k, off, ref.ReferencedSize, f.Off, f.N)
			}
			if got := tr.Sample(f.First).PTS - tr.Sample(0).PTS; got != dur {
				t.Errorf("reference %d starts at %d, fragment at %d", k, dur, got)
			}
			off += int64(ref.ReferencedSize)
			dur += int64(ref.SubSegmentDuration)
		}
		if off != int64(len(whole)) || dur != tr.End() {
			t.Errorf("sidx covers %d of %d bytes, %d of %d ticks", off, len(whole), dur, tr.End())
		}
	}
}

func TestIFrameRangesHoldWholePictures(t *testing.T) {
	movie := mediatest.Movie(t, "6", "50")
	v, _ := source(t, movie)
	tr := stored(t, v, cmaf.Options{})
	init, _ := cmaf.InitRange(tr)
	whole := tr.Files[0].Bytes()
	frames := cmaf.IFrames(tr)
	if len(frames) != 3 {
		t.Fatalf("%d ranges, want 3", len(frames))
	}
	var sum int64
	for i, r := range frames {
		if r.Start != int64(i)*2*int64(tr.Timescale) {
			t.Errorf("range %d starts at %d", i, r.Start)
		}
		sum += r.Dur
		b := whole[r.Off : r.Off+r.N]
		s := tr.Sample(tr.Fragment(i).First)
		if string(b[4:8]) != "moof" || !bytes.HasSuffix(b, mediatest.Data(t, tr, s)) {
			t.Errorf("range %d is not moof and first sample", i)
		}
	}
	if sum != tr.Duration() {
		t.Errorf("durations sum to %d of %d", sum, tr.Duration())
	}
	_ = init
}

func TestSequenceNumbersRiseThroughJoinedChunks(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "6", "25"))
	var chunks [][]byte
	var parts []*packager.Track
	for k, cut := range [][2]int{{0, 50}, {50, 100}, {100, v.Len()}} {
		data, res := write(t, v, cut[0], cut[1], cmaf.Options{Chunk: k})
		chunks, parts = append(chunks, data), append(parts, open(t, data, res.Index))
	}
	whole, _ := join(t, chunks, parts)
	f, err := mp4.DecodeFile(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	last, at := uint32(0), uint64(0)
	for _, s := range f.Segments {
		for _, frag := range s.Fragments {
			if n := frag.Moof.Mfhd.SequenceNumber; n <= last {
				t.Errorf("number %d after %d", n, last)
			} else {
				last = n
			}
			if got := frag.Moof.Traf.Tfdt.BaseMediaDecodeTime(); got != at {
				t.Errorf("tfdt %d, want %d", got, at)
			}
			samples, err := frag.GetFullSamples(f.Init.Moov.Mvex.Trex)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range samples {
				at += uint64(x.Dur)
			}
		}
	}
}

func TestJoinRefusesChunksThatDoNotFit(t *testing.T) {
	v, a := source(t, mediatest.Movie(t, "3", "25"))
	part := func(tr *packager.Track, first, last int) *packager.Track {
		data, res := write(t, tr, first, last, cmaf.Options{})
		return open(t, data, res.Index)
	}
	for name, parts := range map[string][]*packager.Track{
		"none":        nil,
		"overlap":     {part(v, 0, 50), part(v, 25, 75)},
		"wrong order": {part(v, 50, 75), part(v, 0, 50)},
		"other codec": {part(v, 0, 50), part(a, 0, 40)},
		"not stored":  {v},
	} {
		if _, err := cmaf.JoinPlan(parts); !errors.Is(err, cmaf.ErrJoin) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := cmaf.Chunks(parts); !errors.Is(err, cmaf.ErrJoin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGrowingRenditionServesSegmentsAcrossChunks(t *testing.T) {
	v, _ := source(t, mediatest.Movie(t, "6", "25"))
	var parts []*packager.Track
	for k, cut := range [][2]int{{0, 75}, {75, v.Len()}} { // the second segment of 2 s spans both
		data, res := write(t, v, cut[0], cut[1], cmaf.Options{Chunk: k})
		parts = append(parts, open(t, data, res.Index))
	}
	g, err := cmaf.Chunks(parts)
	if err != nil {
		t.Fatal(err)
	}
	all, err := cmaf.InitSegment(&g.Media)
	if err != nil {
		t.Fatal(err)
	}
	for n, seg := range g.Segments(bounds(g)) {
		all = append(all, segment(t, g, seg, n+1)...)
	}
	one := stored(t, v, cmaf.Options{})
	a := mediatest.Frames(t, mediatest.Save(t, "grown.mp4", all), "0")
	b := mediatest.Frames(t, mediatest.Save(t, "one.mp4", one.Files[0].Bytes()), "0")
	if d := cmp.Diff(b, a); d != "" {
		t.Error(d)
	}
	if len(cmaf.IFrames(g)) != 0 {
		t.Error("ranges of several files cannot be one list")
	}
}

func ExampleIFrames() {
	fmt.Println(len(cmaf.IFrames(packager.NewBuilder(packager.Media{}).Track())))
	// Output: 0
}
