package remux_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager/remux"
)

func TestM4ASaysHowMuchToSkip(t *testing.T) {
	in := hls(t)
	out := filepath.Join(t.TempDir(), "out.m4a")
	r := run(t, remux.Options{Input: in, Output: out, Priming: 1024})
	strict(t, out)
	if len(r.Tracks) != 1 || r.Tracks[0].Kind != "audio" || r.Tracks[0].Codec != "mp4a" {
		t.Fatalf("tracks %+v", r.Tracks)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b[4:], []byte("ftypM4A ")) || !bytes.Contains(b, []byte(" 00000000 00000400 00000000 00000000000")) {
		t.Error("no M4A brand or no iTunSMPB with a priming of 1024")
	}
	if got := probe(t, out, "format_tags=iTunSMPB"); !strings.Contains(got, "00000400") {
		t.Errorf("ffprobe reads iTunSMPB %q", got)
	}
	// A player that honours the edit list gives the frames without the first.
	want := decoded(t, in, "a", false)
	_, want, _ = strings.Cut(want, "\n")
	if diff := cmp.Diff(want, decoded(t, out, "a", false)); diff != "" {
		t.Errorf("frames differ:\n%.400s", diff)
	}
}

func TestMP4InputKeepsItsEdits(t *testing.T) {
	for name, flags := range map[string]string{"progressive": "+faststart", "moov last": "0", "fragmented": "+frag_keyframe+delay_moov"} {
		dir := t.TempDir()
		ffmpeg(t, dir, "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=3", "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=3",
			"-c:v", "libx264", "-preset", "superfast", "-bf", "3", "-c:a", "aac", "-movflags", flags, "in.mp4")
		in, out := filepath.Join(dir, "in.mp4"), filepath.Join(dir, "out.mp4")
		run(t, remux.Options{Input: in, Output: out})
		strict(t, out)
		if diff := cmp.Diff(decoded(t, in, "v", true), decoded(t, out, "v", true)); diff != "" {
			t.Errorf("%s: pictures differ:\n%.400s", name, diff)
		}
		want := decoded(t, in, "a", false)
		if name == "fragmented" { // ffmpeg shows the priming of a fragmented file, which the edit list hides
			_, want, _ = strings.Cut(want, "\n")
		}
		if diff := cmp.Diff(want, decoded(t, out, "a", false)); diff != "" {
			t.Errorf("%s: audio differs:\n%.400s", name, diff)
		}
		if got := probe(t, out, "stream=start_time"); got != "0.000000\n0.000000" {
			t.Errorf("%s: starts at %q", name, got)
		}
		m4a := filepath.Join(dir, "out.m4a")
		run(t, remux.Options{Input: in, Output: m4a})
		if got := probe(t, m4a, "format_tags=iTunSMPB"); !strings.Contains(got, "00000400") {
			t.Errorf("%s: iTunSMPB %q", name, got)
		}
	}
}

// The edit list stands in the init section, and every segment is read by itself.
func TestSegmentsFollowTheEditsOfTheirInitSection(t *testing.T) {
	dir := t.TempDir()
	ffmpeg(t, dir, "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=6", "-c:a", "aac", "-movflags", "+delay_moov+default_base_moof",
		"-frag_duration", "2000000", "in.mp4")
	b, err := os.ReadFile(filepath.Join(dir, "in.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n")
	for at := bytes.Index(b, []byte("moof")) - 4; ; {
		if text.Len() < 80 {
			fmt.Fprintf(&text, "#EXT-X-MAP:URI=\"in.mp4\",BYTERANGE=\"%d@0\"\n", at)
		}
		next := bytes.Index(b[at+8:], []byte("moof"))
		end := at + 8 + next - 4
		if next < 0 {
			end = bytes.LastIndex(b, []byte("mfra")) - 4
			if end < at {
				end = len(b)
			}
		}
		fmt.Fprintf(&text, "#EXTINF:2,\n#EXT-X-BYTERANGE:%d@%d\nin.mp4\n", end-at, at)
		if at = end; next < 0 {
			break
		}
	}
	text.WriteString("#EXT-X-ENDLIST\n")
	list := filepath.Join(dir, "index.m3u8")
	if err := os.WriteFile(list, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.m4a")
	r := run(t, remux.Options{Input: list, Output: out})
	if r.Segments < 3 || r.Tracks[0].Silent+r.Tracks[0].Dropped > 0 {
		t.Errorf("report %+v", r)
	}
	_, want, _ := strings.Cut(decoded(t, filepath.Join(dir, "in.mp4"), "a", false), "\n") // without the priming, which ffmpeg shows
	if diff := cmp.Diff(want, decoded(t, out, "a", false)); diff != "" {
		t.Errorf("frames differ:\n%.400s", diff)
	}
	if got := probe(t, out, "format_tags=iTunSMPB"); !strings.Contains(got, "00000400") {
		t.Errorf("iTunSMPB %q", got)
	}
}

func TestADTS(t *testing.T) {
	in := hls(t)
	var buf bytes.Buffer
	r, err := remux.Run(t.Context(), remux.Options{Input: in, Out: &buf, Format: remux.ADTS})
	if err != nil || int64(buf.Len()) != r.Bytes {
		t.Fatalf("%v, %d bytes, report %+v", err, buf.Len(), r)
	}
	out := filepath.Join(t.TempDir(), "out.aac")
	run(t, remux.Options{Input: in, Output: out})
	b, err := os.ReadFile(out)
	if err != nil || !bytes.Equal(b, buf.Bytes()) {
		t.Errorf("file and writer differ (%v)", err)
	}
	if diff := cmp.Diff(decoded(t, in, "a", false), decoded(t, out, "a", false)); diff != "" {
		t.Errorf("frames differ:\n%.400s", diff)
	}
	_, err = remux.Run(t.Context(), remux.Options{Input: hls(t, "-vn", "-c:a", "ac3"), Out: &buf, Format: remux.ADTS})
	if code(err) != remux.UnsupportedCodec {
		t.Errorf("AC-3: %v", err)
	}
	_, err = remux.Run(t.Context(), remux.Options{Input: hls(t, "-an"), Out: &buf, Format: remux.ADTS})
	if code(err) != remux.NotMedia {
		t.Errorf("no audio: %v", err)
	}
}

func TestCMAFTracks(t *testing.T) {
	for name, args := range map[string][]string{"ts": nil, "fmp4": {"-hls_segment_type", "fmp4"}} {
		in := hls(t, args...)
		dir := filepath.Join(t.TempDir(), "tracks")
		r := run(t, remux.Options{Input: in, Output: dir, Format: remux.CMAF})
		if len(r.Tracks) != 2 {
			t.Fatalf("%s: tracks %+v", name, r.Tracks)
		}
		for _, tr := range r.Tracks {
			p := filepath.Join(dir, tr.File)
			if diff := cmp.Diff(decoded(t, in, tr.Kind[:1], true), decoded(t, p, tr.Kind[:1], true)); diff != "" {
				t.Errorf("%s %s differs:\n%.400s", name, tr.Kind, diff)
			}
			if st, err := os.Stat(p + ".idx"); err != nil || st.Size() == 0 {
				t.Errorf("%s: no index: %v", tr.File, err)
			}
		}
		if _, err := remux.Run(t.Context(), remux.Options{Input: in, Output: dir, Format: remux.CMAF}); code(err) != remux.SinkIO {
			t.Errorf("an existing folder is overwritten: %v", err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]remux.Options{
		"no input": {Output: "x.mp4"}, "no output": {Input: "x.ts"}, "writer for mp4": {Input: "x.ts", Out: &bytes.Buffer{}, Format: remux.MP4},
		"format": {Input: "x.ts", Output: "x", Format: "avi"}, "policy": {Input: "x.ts", Output: "x", OnGap: "hope"},
	} {
		if _, err := remux.Run(t.Context(), o); err == nil || code(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := remux.Run(t.Context(), remux.Options{Input: filepath.Join(t.TempDir(), "none.m3u8"), Output: filepath.Join(t.TempDir(), "x.mp4")})
	if code(err) != remux.SourceIO || !strings.Contains(err.Error(), "none.m3u8") {
		t.Errorf("missing input: %v", err)
	}
	_, err = remux.Run(t.Context(), remux.Options{Input: hls(t), Output: filepath.Join(t.TempDir(), "no", "folder", "x.mp4")})
	if code(err) != remux.SinkIO {
		t.Errorf("missing folder: %v", err)
	}
}
