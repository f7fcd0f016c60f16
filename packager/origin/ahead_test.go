package origin

import (
	"slices"
	"sync"
	"testing"

	"sluice/packager"
)

// distant is a remote file that notes what it is told to fetch.
type distant struct {
	packager.File
	mu    sync.Mutex
	hints [][2]int64
}

func (d *distant) Bytes() []byte { return nil }
func (d *distant) FD() int       { return -1 }

func (d *distant) Hint(off, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hints = append(d.hints, [2]int64{off, off + n})
}

func (d *distant) told(off, end int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.hints, func(h [2]int64) bool { return h[0] <= off && h[1] >= end })
}

func TestSegmentsOfRemoteFilesAreFetchedAhead(t *testing.T) {
	for _, name := range []string{"seg-2-f1-v1-f3-a1-x3.ts", "seg-2-f1-v1-x3.m4s"} {
		set := *stored(t)
		set.Files = slices.Clone(set.Files)
		var video *distant
		var track *packager.Track
		for i := range set.Files {
			set.Files[i].Tracks = slices.Clone(set.Files[i].Tracks)
			for k, tr := range set.Files[i].Tracks {
				far := *tr
				far.Files = slices.Clone(tr.Files)
				for j, f := range far.Files {
					d := &distant{File: f}
					far.Files[j] = packager.ReaderFile(d, f.Size(), f.ETag())
					if i == 0 {
						video, track = d, tr
					}
				}
				set.Files[i].Tracks[k] = &far
			}
		}
		s := serve(t, Config{}, &set)
		if r := s.get("/hls/0_stored/" + name); r.status != 200 {
			t.Fatalf("%s: status %d", name, r.status)
		}
		seg := track.Segments(packager.Cut(&set))[1]
		first, last := track.Sample(seg.First), track.Sample(seg.First+seg.Count-1)
		if !video.told(first.Offset, last.Offset+int64(last.Size)) {
			t.Errorf("%s: samples at %d–%d were not announced, only %v", name, first.Offset, last.Offset+int64(last.Size), video.hints)
		}
	}
}
