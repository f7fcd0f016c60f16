//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

// ivf wraps a track's samples for a decoder.
func ivf(m *memory, id int, fourcc string) []byte {
	tr := m.tracks[id]
	b := append([]byte("DKIF\x00\x00\x20\x00"), fourcc...)
	b = binary.LittleEndian.AppendUint16(b, uint16(tr.Width))
	b = binary.LittleEndian.AppendUint16(b, uint16(tr.Height))
	b = binary.LittleEndian.AppendUint32(b, 25)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(m.samples[id])))
	for i, s := range m.samples[id] {
		data := s.Data
		if fourcc == "AV01" {
			data = append([]byte{0x12, 0}, data...) // the delimiter that samples leave out
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		b = binary.LittleEndian.AppendUint64(b, uint64(i))
		b = append(b, data...)
	}
	return b
}

func countFrames(t *testing.T, format string, data []byte) int {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", format, "-i", "pipe:0", "-vsync", "passthrough", "-pix_fmt", "gray", "-s", "16x16", "-f", "rawvideo", "pipe:1")
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("decode: %v %s", err, stderr.String())
	}
	return len(raw) / 256
}

func TestOtherCodecsKeepTheGridInChunks(t *testing.T) {
	src := clip(t, "codecs.mp4", "160x96", "25", 5)
	for _, enc := range []codec.EncPlan{
		{Codec: "hevc", Encoder: "libx265", Preset: "ultrafast", Profile: "main", CRF: 30, MaxRate: 400_000, BufSize: 800_000, Threads: 1, Opts: map[string]string{"g": "50", "keyint_min": "50", "bf": "3",
			"x265-params": "pools=none:frame-threads=1:wpp=0:pmode=0:scenecut=0:open-gop=0:vbv-init=0.5:info=0:log-level=error"}},
		{Codec: "vp9", Encoder: "libvpx-vp9", CRF: 40, MaxRate: 400_000, BufSize: 800_000, Threads: 1, Opts: map[string]string{"deadline": "good", "cpu-used": "8", "row-mt": "0", "b": "400000", "keyint_min": "50"}},
		{Codec: "av1", Encoder: "libsvtav1", Preset: "10", CRF: 45, MaxRate: 400_000, Threads: 1, Opts: map[string]string{"svtav1-params": "lp=1:scd=0:irefresh-type=2"}},
	} {
		t.Run(enc.Codec, func(t *testing.T) {
			p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "160x96")
			p.Video.Rungs[0].Enc = enc
			m, _ := run(t, src, codec.Job{Plan: p, Video: true})
			if n := len(m.samples[0]); n != 125 {
				t.Errorf("%d samples", n)
			}
			if d := cmp.Diff(grid(50, 125), keys(m, 0, p.Video.FrameDur)); d != "" {
				t.Errorf("key grid:\n%s", d)
			}
			var n int
			switch enc.Codec {
			case "hevc":
				n = countFrames(t, "hevc", annexB(t, m, 0))
			case "vp9":
				n = countFrames(t, "ivf", ivf(m, 0, "VP90"))
			case "av1":
				n = countFrames(t, "ivf", ivf(m, 0, "AV01"))
			}
			if n != 125 {
				t.Errorf("decodes to %d frames", n)
			}
			if c := m.tracks[0].Config; len(c) < 8 {
				t.Errorf("configuration %x", c)
			}
		})
	}
}

func TestOutputDoesNotDependOnTheNumberOfLanes(t *testing.T) {
	src := clip(t, "lanes.mp4", "320x180", "25", 10)
	var first *memory
	for _, tokens := range []int{1, 2, 3, 8} { // of eight, most have no chunk of their own
		p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "320x180", "256x144", "160x90")
		p.Video.Rungs[2].From = 0
		for i := range p.Video.Rungs {
			p.Video.Rungs[i].Enc.MaxRate, p.Video.Rungs[i].Enc.BufSize = 500_000, 1_000_000
			p.Video.Rungs[i].Enc.Opts = map[string]string{"bf": "3", "x264-params": "sliced-threads=0:vbv-init=0.5:asm=avx2"}
		}
		m, _ := run(t, src, codec.Job{Plan: p, Video: true, Tokens: tokens})
		if first == nil {
			first = m
			continue
		}
		if !cmp.Equal(first.tracks, m.tracks) || !cmp.Equal(first.samples, m.samples) {
			t.Errorf("%d lanes give other samples than one", tokens)
		}
	}
}

func TestRungsOfAJobAreThoseThatTheWholeRunMakes(t *testing.T) {
	src := clip(t, "lanes.mp4", "320x180", "25", 10)
	for _, mode := range []string{"chunk", "rung"} {
		p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "320x180", "256x144", "160x90")
		p.Chunks.Mode = mode
		lossless(&p)
		whole, _ := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
		for _, rungs := range [][]int{{2}, {0, 1}} {
			m, _ := run(t, src, codec.Job{Plan: p, Video: true, Rungs: rungs, Tokens: 2})
			if len(m.tracks) != len(rungs) {
				t.Errorf("%s: rungs %v give %d tracks", mode, rungs, len(m.tracks))
			}
			for _, i := range rungs {
				if !cmp.Equal(whole.tracks[i], m.tracks[i]) || !cmp.Equal(decodeHashes(t, whole, i), decodeHashes(t, m, i)) {
					t.Errorf("%s: rung %d of %v differs from that of the whole run", mode, i, rungs)
				}
			}
		}
		// A rung whose source is not among the job's is scaled from the picture.
		p.Video.Rungs[2].From = 0
		if m, _ := run(t, src, codec.Job{Plan: p, Video: true, Rungs: []int{2}, Tokens: 2}); len(m.samples[2]) != 250 {
			t.Errorf("%s: %d samples without the source rung", mode, len(m.samples[2]))
		}
	}
}
