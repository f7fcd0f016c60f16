package packager_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/packager"
	"sluice/packager/internal/mediatest"
)

func TestClipShowsWhatLiesInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		video := build(packager.Media{Kind: packager.Video, Timescale: 12800}, gops(t, 512))
		ms := video.Duration() * 1000 / 12800
		from := rapid.Int64Range(0, ms+50).Draw(t, "from")
		to := rapid.Int64Range(0, ms+50).Draw(t, "to")
		clip := packager.Clip(video, from, to)
		lo, hi := (from*12800+500)/1000, video.Duration()
		if to > 0 {
			hi = min(hi, (to*12800+500)/1000)
		}
		shown := map[int64]bool{}
		for _, s := range mediatest.Samples(clip) {
			shown[s.PTS-int64(clip.Priming)+lo] = true
			if s.DTS < 0 {
				t.Fatalf("negative decode time %d", s.DTS)
			}
		}
		for _, s := range mediatest.Samples(video) {
			if s.PTS >= lo && s.PTS < hi && !shown[s.PTS] {
				t.Fatalf("frame at %d is missing from the clip %d to %d", s.PTS, lo, hi)
			}
		}
		if clip.Len() > 0 && !clip.IsSync(0) {
			t.Fatal("clip does not start with a sync sample")
		}
	})
}

func TestClipOfEverythingIsTheTrack(t *testing.T) {
	tr := build(packager.Media{Kind: packager.Video, Timescale: 1000}, []packager.Sample{
		{DTS: 0, PTS: 0, Dur: 40, Size: 1, Sync: true}, {DTS: 40, PTS: 40, Dur: 40, Size: 1, Offset: 1},
	})
	for _, to := range []int64{0, 80, 9999} {
		if packager.Clip(tr, 0, to) != tr {
			t.Errorf("to %d: another track", to)
		}
	}
	if got := packager.Clip(tr, 80, 0).Len(); got > 2 {
		t.Errorf("clip past the end has %d samples", got)
	}
	if got := packager.Clip(tr, 50, 20).Len(); got != 0 {
		t.Errorf("clip that ends before it starts has %d samples", got)
	}
}

// fragmented builds 4 fragments of 10 samples of 100 ticks.
func fragmented() *packager.Track {
	b := packager.NewBuilder(packager.Media{Kind: packager.Video, Timescale: 1000})
	off := int64(500)
	for i := range int64(40) {
		if i%10 == 0 {
			b.Fragment(0, off)
			off += 80
		}
		b.Add(packager.Sample{DTS: i * 100, PTS: i * 100, Dur: 100, Size: 10, Sync: i%10 == 0, Offset: off})
		off += 10
	}
	return b.Track()
}

func TestClipFromTheStartKeepsWholeFragments(t *testing.T) {
	tr := fragmented()
	clip := packager.Clip(tr, 0, 2500)
	if got := clip.FragmentCount(); got != 2 {
		t.Fatalf("%d fragments, want the 2 that end by 2.5 s", got)
	}
	for k := range 2 {
		if d := cmp.Diff(tr.Fragment(k), clip.Fragment(k)); d != "" {
			t.Errorf("fragment %d: %s", k, d)
		}
	}
	if clip.FragmentAt(20) != 2 || clip.FragmentAt(25) != -1 || tr.FragmentAt(40) != 4 || tr.FragmentAt(5) != -1 {
		t.Error("FragmentAt finds fragments that are not there")
	}
	if got := packager.Clip(tr, 1000, 0).FragmentCount(); got != 0 {
		t.Errorf("a clip with other decode times has %d stored fragments", got)
	}
}

func TestSegmentClipsStartAtTheirTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		video := build(packager.Media{Kind: packager.Video, Timescale: 12800}, gops(t, 512))
		audio := tone(400)
		ms := video.Duration() * 1000 / 12800
		from := rapid.Int64Range(0, ms).Draw(t, "from")
		to := rapid.SampledFrom([]int64{0, from + 500, ms}).Draw(t, "to")
		clip, start := packager.SegmentClip([]*packager.Track{video, audio}, from, to)
		v, at := clip[0], packager.Rescale(start, 1000, 12800)
		if v.Len() == 0 {
			return
		}
		if start > from || from-start > 30 {
			t.Fatalf("a clip from %d ms starts at %d ms", from, start)
		}
		seam := packager.Rescale(from, 1000, 12800)
		seen := map[int64]bool{}
		last := int64(-1)
		for i, s := range mediatest.Samples(v) {
			shown := s.PTS - int64(v.Priming) + at
			if seen[shown] || s.DTS <= last || s.PTS-s.DTS < video.MinOffset() {
				t.Fatalf("sample %d: decoded at %d after %d, shown at %d", i, s.DTS, last, shown)
			}
			seen[shown], last = true, s.DTS
		}
		lo, hi := packager.Rescale(max(0, from), 1000, 12800), video.Duration()
		if to > 0 {
			hi = min(hi, packager.Rescale(to, 1000, 12800))
		}
		for _, s := range mediatest.Samples(video) {
			if s.PTS >= lo && s.PTS < hi && !seen[s.PTS] {
				t.Fatalf("the frame at %d is not shown at its time in the clip from %d to %d", s.PTS, lo, hi)
			}
		}
		for shown := range seen {
			if shown < seam && shown < at {
				t.Fatalf("a frame is shown at %d, before the clip starts at %d", shown, at)
			}
		}
		if !v.IsSync(0) {
			t.Fatal("the clip does not start with a sync sample")
		}
	})
}

func TestSegmentClipsOfCoarseTicksStartAtTheSyncSample(t *testing.T) {
	var samples []packager.Sample
	for i := range int64(100) {
		samples = append(samples, packager.Sample{DTS: i, PTS: i, Dur: 1, Size: 1, Sync: i%50 == 0, Offset: i})
	}
	clip, start := packager.SegmentClip([]*packager.Track{build(packager.Media{Kind: packager.Video, Timescale: 25}, samples), tone(200)}, 3000, 0)
	if start != 2000 || clip[0].Len() != 50 || clip[0].Priming != 0 || clip[0].Duration() != 50 {
		t.Errorf("starts at %d ms with %d frames, %d ticks of priming, lasts %d", start, clip[0].Len(), clip[0].Priming, clip[0].Duration())
	}
	// The sound starts at 2 s too, with at least a frame before it to settle the decoder.
	if a := clip[1]; a.Priming < 1024 || a.Priming > 3072 {
		t.Errorf("audio priming %d", a.Priming)
	}
}

// tone is sound of n frames.
func tone(n int64) *packager.Track {
	b := packager.NewBuilder(packager.Media{Kind: packager.Audio, Timescale: 48000, Priming: 1024})
	for i := range n {
		b.Add(packager.Sample{DTS: i * 1024, PTS: i * 1024, Dur: 1024, Size: 1, Sync: true, Offset: i})
	}
	return b.Track()
}
