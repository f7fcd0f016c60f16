package packager_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/packager"
	"sluice/packager/internal/mediatest"
)

// drawSamples makes samples of a track as they come in reality and in nightmares: constant or varying durations, gaps,
// reordering, runs of bytes and scattered ones, several files, zero-length samples.
func drawSamples(t *rapid.T) []packager.Sample {
	n := rapid.IntRange(1, 700).Draw(t, "n")
	vary := rapid.IntRange(0, 2).Draw(t, "vary") // durations: constant, sometimes, always other
	gaps := rapid.Bool().Draw(t, "gaps")
	scatter := rapid.IntRange(0, 3).Draw(t, "scatter")
	reorder := rapid.Bool().Draw(t, "reorder")
	syncs := rapid.IntRange(0, 2).Draw(t, "syncs")
	maxSize := rapid.SampledFrom([]uint32{0, 200, 60_000, 5_000_000}).Draw(t, "maxSize")
	base := rapid.SampledFrom([]int64{0, 48, 1<<32 - 100_000, 1 << 41}).Draw(t, "base")
	pick := func(k int) int { return rapid.IntRange(0, k-1).Draw(t, "pick") }

	out := make([]packager.Sample, n)
	var dts int64
	off, file, dur := base, 0, uint32(512)
	for i := range out {
		switch {
		case vary == 2, vary == 1 && pick(10) == 0:
			dur = uint32(rapid.SampledFrom([]int{0, 1, 511, 512, 513, 70_000}).Draw(t, "dur"))
		}
		if gaps && pick(20) == 0 {
			dts += int64(pick(5000))
		}
		if scatter == 3 || scatter > 0 && pick(30) == 0 {
			off = base + int64(pick(1<<20))
			file = pick(3)
		}
		s := packager.Sample{DTS: dts, PTS: dts, Dur: dur, File: file, Offset: off}
		if maxSize > 0 {
			s.Size = rapid.Uint32Range(0, maxSize).Draw(t, "size")
		}
		if reorder {
			s.PTS += int64(rapid.IntRange(-40_000, 40_000).Draw(t, "cto"))
		}
		s.Sync = syncs == 0 || syncs == 1 && i%25 == 0 || syncs == 2 && pick(8) == 0
		out[i] = s
		dts += int64(dur)
		off += int64(s.Size)
	}
	return out
}

func build(m packager.Media, samples []packager.Sample) *packager.Track {
	b := packager.NewBuilder(m)
	for _, s := range samples {
		b.Add(s)
	}
	return b.Track()
}

func TestTrackGivesBackItsSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSamples(t)
		tr := build(packager.Media{Timescale: 12800}, want)
		if d := cmp.Diff(want, mediatest.Samples(tr)); d != "" {
			t.Fatal(d)
		}
		for range 20 {
			first := rapid.IntRange(0, len(want)-1).Draw(t, "first")
			count := rapid.IntRange(0, len(want)-first).Draw(t, "count")
			i := first
			tr.Walk(first, count, func(at int, s packager.Sample) bool {
				if at != i || s != want[i] {
					t.Fatalf("walk from %d: sample %d is %+v, want %d %+v", first, at, s, i, want[i])
				}
				i++
				return true
			})
			if i != first+count {
				t.Fatalf("walked to %d, want %d", i, first+count)
			}
			if got := tr.Sample(first); got != want[first] {
				t.Fatalf("sample %d is %+v, want %+v", first, got, want[first])
			}
		}
	})
}

func TestTrackAnswersAsItsSamplesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSamples(t)
		tr := build(packager.Media{Timescale: 12800}, want)
		last := want[len(want)-1]
		dts := rapid.Int64Range(-10, last.DTS+100_000).Draw(t, "dts")
		at := len(want)
		for i, s := range want {
			if s.DTS >= dts {
				at = i
				break
			}
		}
		if got := tr.At(dts); got != at {
			t.Fatalf("At(%d) = %d, want %d", dts, got, at)
		}
		i := rapid.IntRange(0, len(want)-1).Draw(t, "i")
		next, before := len(want), 0
		var count int
		var bytes int64
		for k, s := range want {
			bytes += int64(s.Size)
			if s.Sync {
				count++
				if k >= i {
					next = min(next, k)
				}
				if k <= i {
					before = k
				}
			}
		}
		if tr.NextSync(i) != next || tr.SyncBefore(i) != before || tr.SyncCount() != count {
			t.Fatalf("syncs at %d: next %d want %d, before %d want %d, count %d want %d", i, tr.NextSync(i), next,
				tr.SyncBefore(i), before, tr.SyncCount(), count)
		}
		if tr.IsSync(i) != want[i].Sync || tr.AllSync() != (count == len(want)) || tr.MediaBytes() != bytes {
			t.Fatalf("sample %d: sync %v, all %v, bytes %d", i, tr.IsSync(i), tr.AllSync(), tr.MediaBytes())
		}
		if end := last.DTS + int64(last.Dur); tr.End() != end {
			t.Fatalf("End = %d, want %d", tr.End(), end)
		}
	})
}

// gops makes the samples of a video: closed GOPs of varying length with a reordered pyramid in each, as the store has them.
func gops(t *rapid.T, dur uint32) []packager.Sample {
	var out []packager.Sample
	n := rapid.IntRange(1, 40).Draw(t, "gops")
	even := rapid.IntRange(0, 30).Draw(t, "even")
	for range n {
		size := even
		if size == 0 {
			size = rapid.IntRange(1, 70).Draw(t, "gop")
		}
		first := int64(len(out))
		for i := range int64(size) {
			out = append(out, packager.Sample{
				DTS: (first + i) * int64(dur), PTS: (first + order(i, int64(size))) * int64(dur), Dur: dur, Size: 100, Sync: i == 0,
				Offset: (first + i) * 100,
			})
		}
	}
	return out
}

// order gives the display position of the i-th coded picture: I, then pairs of P and B swapped.
func order(i, size int64) int64 {
	switch {
	case i == 0 || i == size-1 && i%2 == 1:
		return i
	case i%2 == 1:
		return i + 1
	}
	return i - 1
}

func TestSegmentsPartitionTheTrack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		video := build(packager.Media{Kind: packager.Video, Timescale: 12800}, gops(t, 512))
		priming := rapid.SampledFrom([]uint32{0, 1024, 2112}).Draw(t, "priming")
		frames := rapid.IntRange(1, 3000).Draw(t, "frames")
		audio := packager.NewBuilder(packager.Media{Kind: packager.Audio, Timescale: 48000, Priming: priming})
		late := int64(rapid.SampledFrom([]int{0, 0, 72000}).Draw(t, "late"))
		for i := range int64(frames) {
			audio.Add(packager.Sample{DTS: late + i*1024, PTS: late + i*1024, Dur: 1024, Size: 10, Sync: true, Offset: i * 10})
		}
		tracks := []*packager.Track{video, audio.Track()}
		if rapid.Bool().Draw(t, "audio only") {
			tracks = tracks[1:]
		}
		set := &packager.Set{Files: []packager.SetFile{{Tracks: tracks}},
			SegmentTicks: rapid.Uint32Range(1, 10).Draw(t, "D"), SegmentScale: 1}
		b := packager.Cut(set)
		for _, tr := range tracks {
			checkPartition(t, tr, b)
		}
	})
}

func checkPartition(t *rapid.T, tr *packager.Track, b packager.Boundaries) {
	segs := tr.Segments(b)
	if len(segs) != len(b.Times) {
		t.Fatalf("%d segments for %d boundaries", len(segs), len(b.Times))
	}
	at, end, dur, bytes := 0, int64(0), int64(0), int64(0)
	for k, s := range segs {
		if s.First != at || s.Count < 0 || s.Dur < 0 {
			t.Fatalf("segment %d is %+v, want it to start with sample %d", k, s, at)
		}
		if s.Count > 0 {
			if s.Start != end {
				t.Fatalf("segment %d starts at %d, the one before it ends at %d", k, s.Start, end)
			}
			if tr.Kind == packager.Video && !tr.IsSync(s.First) {
				t.Fatalf("segment %d does not start with a sync sample", k)
			}
			end = s.Start + s.Dur
		}
		at += s.Count
		dur += s.Dur
		bytes += s.Bytes
	}
	if at != tr.Len() || dur != tr.Duration() || bytes != tr.MediaBytes() {
		t.Fatalf("segments hold %d of %d samples, %d of %d ticks, %d of %d bytes", at, tr.Len(), dur, tr.Duration(), bytes,
			tr.MediaBytes())
	}
}

func TestAudioSegmentsStartAtTheirBoundary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		video := build(packager.Media{Kind: packager.Video, Timescale: 30000}, gops(t, 1001))
		b := packager.NewBuilder(packager.Media{Kind: packager.Audio, Timescale: 48000, Priming: 1024})
		for i := int64(0); i*1024 < video.Duration()*48000/30000+1024; i++ {
			b.Add(packager.Sample{DTS: i * 1024, PTS: i * 1024, Dur: 1024, Size: 1, Sync: true, Offset: i})
		}
		audio := b.Track()
		set := &packager.Set{Files: []packager.SetFile{{Tracks: []*packager.Track{video, audio}}}}
		cut := packager.Cut(set)
		for k, s := range audio.Segments(cut) {
			if s.Count == 0 || k == 0 {
				continue
			}
			// In units of 1/(48000·30000) s: the start is at or after the boundary, less the rounding of a tick, and no
			// more than a frame after it.
			start, want := s.Start*30000, cut.Times[k]*48000
			if start < want-30000 || start >= want+1024*30000+30000 {
				t.Fatalf("segment %d starts at %d, boundary at %d", k, start, want)
			}
		}
	})
}

func TestBoundariesAreSyncSamplesOfEveryRendition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := gops(t, 512)
		other := make([]packager.Sample, len(samples))
		copy(other, samples)
		for i := range other { // a rendition with fewer sync samples, in another timescale
			other[i].DTS, other[i].PTS, other[i].Dur = other[i].DTS*7, other[i].PTS*7, other[i].Dur*7
			if i > 0 && other[i].Sync && rapid.IntRange(0, 2).Draw(t, "drop") == 0 {
				other[i].Sync = false
			}
		}
		a := build(packager.Media{Kind: packager.Video, Timescale: 12800}, samples)
		b := build(packager.Media{Kind: packager.Video, Timescale: 12800 * 7}, other)
		cut := packager.Cut(&packager.Set{Files: []packager.SetFile{{Tracks: []*packager.Track{a}}, {Tracks: []*packager.Track{b}}}})
		sa, sb := a.Segments(cut), b.Segments(cut)
		for k := range cut.Times {
			if sa[k].First != sb[k].First || sa[k].Start*7 != sb[k].Start {
				t.Fatalf("segment %d: %+v and %+v", k, sa[k], sb[k])
			}
		}
	})
}

func TestIndexTakesAtMostEightBytesASample(t *testing.T) {
	const hour = 90_000
	store := packager.NewBuilder(packager.Media{Kind: packager.Video, Timescale: 90000})
	inter := packager.NewBuilder(packager.Media{Kind: packager.Video, Timescale: 90000})
	vfr := packager.NewBuilder(packager.Media{Kind: packager.Video, Timescale: 90000})
	audio := packager.NewBuilder(packager.Media{Kind: packager.Audio, Timescale: 48000})
	var off, aoff, dts int64
	for i := range int64(hour) {
		s := packager.Sample{DTS: i * 3600, PTS: i*3600 + (i%4)*3600, Dur: 3600, Size: uint32(3000 + i%977*100), Sync: i%50 == 0}
		s.Offset = off
		if s.Sync {
			off += 800
			store.Fragment(0, off-800)
			s.Offset = off
		}
		store.Add(s)
		chunked := s
		if i%25 == 0 {
			off += 9000 // the other track's second
		}
		chunked.Offset = off
		inter.Add(chunked)
		varied := s
		varied.DTS, varied.PTS, varied.Dur = dts, dts, uint32(3000+i%7*200)
		dts += int64(varied.Dur)
		vfr.Add(varied)
		audio.Add(packager.Sample{DTS: i * 1024, PTS: i * 1024, Dur: 1024, Size: uint32(300 + i%100), Sync: true, Offset: aoff})
		aoff += 300 + i%100
		off += int64(s.Size)
	}
	for name, b := range map[string]*packager.Builder{"store": store, "interleaved": inter, "variable rate": vfr, "audio": audio} {
		tr := b.Track()
		if per := float64(tr.Memory()) / float64(tr.Len()); per > 8 {
			t.Errorf("%s: %.1f bytes a sample", name, per)
		}
	}
}
