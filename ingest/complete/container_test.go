package complete

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/corpus"
)

func box(kind string, payload int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+payload))
	return append(append(b, kind...), make([]byte, payload)...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestCutOffContainersAreTold(t *testing.T) {
	mp4 := join(box("ftyp", 16), box("mdat", 1000), box("moov", 200))
	large := join(box("ftyp", 16), box("moov", 8), []byte{0, 0, 0, 1}, []byte("mdat"), binary.BigEndian.AppendUint64(nil, 16+100), make([]byte, 100))
	mkv := join([]byte{0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4, 0x18, 0x53, 0x80, 0x67, 0x40, 0x64}, make([]byte, 100))
	live := join([]byte{0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4, 0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, make([]byte, 50))
	wav := join([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, 104), []byte("WAVE"), make([]byte, 100))
	packet := append([]byte{0x47}, make([]byte, 187)...)
	ts := bytes.Repeat(packet, 10)
	mxf := []byte{0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x02, 0x04, 0}
	footer := []byte{0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x04, 0x04, 0}
	for name, c := range map[string]struct {
		content []byte
		cut     bool
	}{
		"mp4":                   {mp4, false},
		"mp4 without moov":      {mp4[:24+1008], true},
		"mp4 in moov":           {mp4[:len(mp4)-1], true},
		"mp4 in mdat":           {mp4[:500], true},
		"mp4 in a header":       {mp4[:24+1008+5], true},
		"mp4 mdat to the end":   {join(box("ftyp", 8), box("moov", 8), []byte{0, 0, 0, 0}, []byte("mdat"), make([]byte, 50)), false},
		"mp4 large":             {large, false},
		"mp4 large cut":         {large[:len(large)-1], true},
		"mp4 damaged":           {join(box("ftyp", 8), box("moov", 8), []byte{0, 0, 0, 5}, []byte("mdat"), make([]byte, 50)), false},
		"matroska":              {mkv, false},
		"matroska cut":          {mkv[:len(mkv)-1], true},
		"matroska before":       {mkv[:12], true},
		"matroska live":         {live, false},
		"wav":                   {wav, false},
		"wav cut":               {wav[:60], true},
		"transport stream":      {ts, false},
		"transport stream cut":  {ts[:len(ts)-100], true},
		"mxf":                   {join(mxf, make([]byte, 500), footer, make([]byte, 50)), false},
		"mxf without its end":   {join(mxf, make([]byte, 500)), true},
		"text":                  {[]byte("hello, this is only text"), false},
		"empty":                 {nil, false},
		"short":                 {[]byte("ab"), false},
		"G is for many things":  {append([]byte("Good day "), make([]byte, 1000)...), false},
		"matroska length of 0s": {[]byte{0x1a, 0x45, 0xdf, 0xa3, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false},
	} {
		if why := CutOff(bytes.NewReader(c.content), int64(len(c.content))); (why != "") != c.cut {
			t.Errorf("%s: %q, want cut off %v", name, why, c.cut)
		}
	}
}

// TestWholeFilesLookWhole goes over real files: taking one for cut off would keep it out for a day.
func TestWholeFilesLookWhole(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus here (shared/media above the working directory, or SLUICE_MEDIA)")
	}
	n := 0
	for _, sub := range []string{"video", "audio", "ts", "image", "synthetic"} {
		files, err := filepath.Glob(filepath.Join(dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			st, err := f.Stat()
			if err == nil && st.Mode().IsRegular() {
				n++
				if why := CutOff(f, st.Size()); why != "" {
					t.Errorf("%s/%s: %s", sub, filepath.Base(path), why)
				}
			}
			_ = f.Close()
		}
	}
	t.Logf("%d files", n)
}

func FuzzIncomplete(f *testing.F) {
	f.Add(join(box("ftyp", 8), box("moov", 8)))
	f.Add([]byte{0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4, 0x18, 0x53, 0x80, 0x67, 0x40, 0x64})
	f.Fuzz(func(_ *testing.T, b []byte) { CutOff(bytes.NewReader(b), int64(len(b))) })
}
