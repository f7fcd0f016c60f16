package mp4_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"sluice/packager"
	"sluice/packager/internal/mediatest"
	"sluice/packager/mp4"
)

// TestAnyWordOfTheHeaderMayBeHostile puts extreme numbers at every offset of the boxes, one at a time.
func TestAnyWordOfTheHeaderMayBeHostile(t *testing.T) {
	for name, extra := range map[string][]string{
		"progressive": {"-movflags", "+faststart"}, "fragmented": {"-movflags", "+frag_keyframe+empty_moov+default_base_moof"},
	} {
		t.Run(name, func(t *testing.T) {
			good, err := os.ReadFile(mediatest.Movie(t, "1", "10", extra...))
			if err != nil {
				t.Fatal(err)
			}
			head := bytes.Index(good, []byte("mdat"))
			for at := 0; at+4 <= head; at++ {
				for _, v := range []uint32{0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00100000} {
					b := bytes.Clone(good)
					binary.BigEndian.PutUint32(b[at:], v)
					openHostile(t, b, at, v)
				}
			}
		})
	}
}

func openHostile(t *testing.T, b []byte, at int, v uint32) {
	t.Helper()
	tracks, _, err := mp4.Open(packager.ReaderFile(bytes.NewReader(b), int64(len(b)), "x"))
	if err != nil {
		if kindOf(err) == nil {
			t.Fatalf("%#x at %d: error of no kind: %v", v, at, err)
		}
		return
	}
	for _, tr := range tracks {
		checkTrack(t, "hostile", tr, int64(len(b)))
		cut := packager.Cut(&packager.Set{Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}})
		tr.Segments(cut)
		packager.Clip(tr, 300, 700)
	}
	if at%7 == 0 {
		_, _ = mp4.Progressive(tracks, mp4.Options{}) // may refuse, must not panic
	}
}
