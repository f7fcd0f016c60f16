package packager_test

import (
	"testing"

	"sluice/packager"
)

func bench() *packager.Builder {
	b := packager.NewBuilder(packager.Media{Kind: packager.Video, Timescale: 12800})
	b.Grow(15_000)
	off := int64(0)
	for i := range int64(15_000) {
		if i%50 == 0 {
			off += 700
		}
		b.Add(packager.Sample{DTS: i * 512, PTS: i*512 + i%4*512, Dur: 512, Size: 8000, Sync: i%50 == 0, Offset: off})
		off += 8000
	}
	return b
}

func BenchmarkBuilder(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		bench().Track()
	}
}

func BenchmarkWalk(b *testing.B) {
	t := bench().Track()
	b.ReportAllocs()
	var sum int64
	for b.Loop() {
		t.Walk(7000, 150, func(_ int, s packager.Sample) bool { sum += s.PTS; return true })
	}
	_ = sum
}
