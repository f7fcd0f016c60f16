package ts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	mp4hevc "github.com/Eyevinn/mp4ff/hevc"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/corpus"
	"sluice/packager"
	"sluice/packager/mp4"
)

// spsUnits returns the sequence parameter sets of the base layer among NAL units behind start codes.
func spsUnits(b []byte) (list [][]byte) {
	v := newPictures(true)
	v.scan(b, 0)
	for _, n := range v.nals {
		nal := b[n.from:n.to]
		if v.typeOf(nal) == hevcSPS && nal[0]&1 == 0 && nal[1]>>3 == 0 {
			list = append(list, nal)
		}
	}
	return list
}

// reference reads a set with the parser of another project.
func reference(t *testing.T, nal []byte) videoInfo {
	t.Helper()
	s, err := mp4hevc.ParseSPSNALUnit(nal)
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	w, h := s.ImageSize()
	v := videoInfo{
		width: uint16(w), height: uint16(h), chroma: s.ChromaFormatIDC, separatePlanes: s.SeparateColourPlaneFlag,
		lumaDepth: s.BitDepthLumaMinus8, chromaDepth: s.BitDepthChromaMinus8, framesOnly: true,
	}
	if u := s.VUI; u != nil {
		v.setSAR(uint32(u.SampleAspectRatioWidth), uint32(u.SampleAspectRatioHeight))
		if u.ColourDescriptionFlag {
			v.color = packager.Color{Primaries: u.ColourPrimaries, Transfer: u.TransferCharacteristics, Matrix: u.MatrixCoefficients}
		}
		v.color.FullRange = u.VideoFullRangeFlag
		if u.TimingInfoPresentFlag {
			v.setRate(uint32(u.TimeScale), uint32(u.NumUnitsInTick))
		}
	}
	return v
}

func compareSPS(t *testing.T, stream []byte) {
	t.Helper()
	list := spsUnits(stream)
	if len(list) == 0 {
		t.Fatal("no parameter set to compare")
	}
	for _, nal := range list {
		got, ok := parseHEVCSPS(nal)
		if !ok {
			t.Fatalf("refused: %x", nal)
		}
		if d := cmp.Diff(reference(t, nal), got, cmp.AllowUnexported(videoInfo{}, field{})); d != "" {
			t.Errorf("%x\nreference against own: %s", nal, d)
		}
	}
}

func TestHEVCParameterSetsReadAsTheReferenceReadsThem(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed; this test makes its input with it")
	}
	for name, c := range map[string]struct{ size, pix, params string }{
		"plain":            {"64x64", "yuv420p", ""},
		"cropped":          {"70x50", "yuv420p", ""},
		"422, ten bits":    {"64x64", "yuv422p10le", ""},
		"444, twelve bits": {"66x64", "yuv444p12le", ""},
		"gray":             {"66x66", "gray", ""},
		"references":       {"64x64", "yuv420p", "rc-lookahead=20:ref=5:bframes=6:b-pyramid=1"},
		"temporal layers":  {"64x64", "yuv420p", "temporal-layers=1:bframes=4"},
		"scaling lists":    {"64x64", "yuv420p", "scaling-list=default"},
		"shape and colour": {"64x64", "yuv420p", "sar=4\\:3:range=full:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:overscan=show:chromaloc=2"},
		"extended shape":   {"64x64", "yuv420p", "sar=1000\\:999"},
		"buffer model":     {"64x64", "yuv420p", "hrd=1:vbv-maxrate=500:vbv-bufsize=500"},
		"display window":   {"64x64", "yuv420p", "display-window=2\\,4\\,6\\,8"},
		"fields":           {"64x64", "yuv420p", "interlace=tff"},
		"many tools":       {"64x64", "yuv420p", "amp=1:rect=1:strong-intra-smoothing=0:temporal-mvp=0:sao=0:ctu=32"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.hevc")
			params := "log-level=error"
			if c.params != "" {
				params += ":" + c.params
			}
			cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s="+c.size+":r=30000/1001:d=0.5",
				"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", c.pix, "-x265-params", params, out)
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, msg)
			}
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			compareSPS(t, b)
		})
	}
}

func TestHEVCParameterSetsOfTheCorpusReadAsTheReferenceReadsThem(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus: set SLUICE_MEDIA")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*hevc*.m*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := packager.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tracks, _, err := mp4.Open(f)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, tr := range tracks {
			if tr.Entry != "hvc1" && tr.Entry != "hev1" {
				continue
			}
			_, sets, err := hevcSets(tr.Config)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			t.Run(filepath.Base(path), func(t *testing.T) { compareSPS(t, sets) })
		}
		f.Close()
	}
}

// spsHead writes an HEVC parameter set of 64x64 up to the reference picture sets.
func spsHead(luma uint32) *bitWriter {
	w := &bitWriter{}
	w.put(0x4201, 16)
	w.put(1, 8) // one layer
	for range 12 {
		w.put(0, 8)
	}
	w.ue(0)
	w.ue(1)
	w.ue(64)
	w.ue(64)
	w.put(0, 1)
	w.ue(luma)
	w.ue(luma)
	w.ue(0)
	w.put(1, 1)
	for range 9 {
		w.ue(0)
	}
	w.put(0, 4) // no scaling lists, partitions, offset, PCM
	return w
}

// ue writes an unsigned Exp-Golomb code.
func (w *bitWriter) ue(v uint32) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.put(0, n)
	w.put(v+1, n+1)
}

func TestHostileHEVCParameterSetsAreRefused(t *testing.T) {
	good := spsHead(0)
	good.ue(0)
	good.put(0, 4)
	good.put(0x80, 8)
	if v, ok := parseHEVCSPS(good.b); !ok || v.width != 64 || v.height != 64 {
		t.Fatalf("the harmless one reads as %+v, %v", v, ok)
	}
	// Each set keeps one picture more than the one before; a counter of eight bits would never pass the 255th.
	sets := spsHead(0)
	sets.ue(250)
	sets.ue(16)
	sets.ue(16)
	for range 32 {
		sets.ue(0)
		sets.put(1, 1)
	}
	for n := 32; n < 260; n++ {
		sets.put(1, 2)
		sets.ue(0)
		for range n + 1 {
			sets.put(1, 1)
		}
	}
	long := spsHead(0)
	long.ue(0)
	long.put(1, 1)
	long.ue(1 << 30)
	for name, w := range map[string]*bitWriter{
		"depth of 256 bits": spsHead(248), "250 reference sets": sets, "2^30 long-term references": long,
		"cut short": {b: bytes.Clone(good.b[:16])},
	} {
		if v, ok := parseHEVCSPS(w.b); ok {
			t.Errorf("%s: read as %+v", name, v)
		}
	}
}
