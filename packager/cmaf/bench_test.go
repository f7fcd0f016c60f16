package cmaf_test

import (
	"io"
	"testing"

	"sluice/packager"
	"sluice/packager/cmaf"
)

// track10m is ten minutes of 25 fps video in the store's layout, or scattered frame by frame as a badly interleaved MP4 is.
func track10m(scattered bool) *packager.Track {
	b := packager.NewBuilder(avc, packager.ReaderFile(nil, 1<<40, "x"))
	off := int64(1000)
	for i := range int64(15_000) {
		if i%50 == 0 && !scattered {
			b.Fragment(0, off)
			off += 700
		}
		if scattered {
			off += 400
		}
		s := packager.Sample{DTS: i * 512, PTS: i*512 + i%4*512, Dur: 512, Size: uint32(4000 + i*37%9000), Sync: i%50 == 0, Offset: off}
		b.Add(s)
		off += int64(s.Size)
	}
	return b.Track()
}

func benchmarkSegment(b *testing.B, t *packager.Track) {
	segs := t.Segments(packager.Cut(&packager.Set{Files: []packager.SetFile{{Tracks: []*packager.Track{t}}}}))
	b.ReportAllocs()
	i := 0
	tracks, seg := []*packager.Track{t}, make([]packager.Segment, 1)
	for b.Loop() {
		seg[0] = segs[i%len(segs)]
		body, err := cmaf.Segment(tracks, seg, uint32(i))
		if err != nil || body.Size() < 1000 {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkSegmentStored(b *testing.B) { benchmarkSegment(b, track10m(false)) }

// BenchmarkSegmentProgressive builds moof and extents of 150 samples that are one extent; Scattered has 150 extents.
func BenchmarkSegmentProgressive(b *testing.B) {
	clip, _ := packager.SegmentClip([]*packager.Track{track10m(false)}, 2200, 0)
	benchmarkSegment(b, clip[0])
}

func BenchmarkSegmentScattered(b *testing.B) { benchmarkSegment(b, track10m(true)) }

func BenchmarkParseIndex(b *testing.B) {
	t := track10m(false)
	idx := cmaf.MarshalIndex(t)
	b.ReportAllocs()
	b.ReportMetric(float64(len(idx))/float64(t.Len()), "B/sample")
	for b.Loop() {
		if _, err := cmaf.ParseIndex(idx, t.Files...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	data := make([]byte, 8000)
	b.SetBytes(250 * int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w := cmaf.NewWriter(io.Discard, avc, cmaf.Options{})
		for i := range int64(250) {
			if err := w.Write(cmaf.Unit{PTS: i * 512, Dur: 512, Sync: i%50 == 0, Data: data}); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
