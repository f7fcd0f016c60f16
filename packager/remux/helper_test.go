package remux_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sluice/packager/remux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell runs a program in dir and fails the test when it fails.
func shell(t testing.TB, dir, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed; this test makes or reads media with it", name)
	}
	var out, diag bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &diag
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, diag.String())
	}
	return out.String(), diag.String()
}

func ffmpeg(t testing.TB, dir string, args ...string) {
	t.Helper()
	shell(t, dir, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
}

// hls makes an HLS presentation in a temporary folder and returns its playlist: 6 s of B-frames and stereo AAC in 2 s segments.
// args go before the output.
func hls(t testing.TB, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	base := []string{"-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=6", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=6",
		"-ac", "2", "-c:v", "libx264", "-preset", "superfast", "-g", "50", "-bf", "3", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "96k",
		"-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_list_size", "0"}
	ffmpeg(t, dir, append(append(base, args...), "index.m3u8")...)
	return filepath.Join(dir, "index.m3u8")
}

// run remuxes and fails the test on an error or an unverified file.
func run(t testing.TB, o remux.Options) remux.Report {
	t.Helper()
	r, err := remux.Run(t.Context(), o)
	if err != nil {
		t.Fatalf("remux %s: %v", o.Input, err)
	}
	if !r.Verified {
		t.Errorf("remux %s: not verified: %+v", o.Input, r)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(o.Output), ".*partial"))
	if o.Output != "" && len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
	return r
}

// decoded returns the hash and the presentation time, in milliseconds from the first frame's, of every decoded frame.
func decoded(t testing.TB, path, selector string, times bool) string {
	t.Helper()
	out, diag := shell(t, "", "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-map", "0:"+selector,
		"-fps_mode", "passthrough", "-f", "framemd5", "-")
	if strings.TrimSpace(diag) != "" {
		t.Errorf("decoding %s: %s", filepath.Base(path), diag)
	}
	return frames(t, out, times)
}

// coded does the same for the packets as they are stored.
func coded(t testing.TB, path, selector string, times bool) string {
	t.Helper()
	out, _ := shell(t, "", "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-map", "0:"+selector, "-c", "copy", "-f", "framemd5", "-")
	return frames(t, out, times)
}

func frames(t testing.TB, framemd5 string, times bool) string {
	var b strings.Builder
	var num, den, first int64
	have := false
	for line := range strings.Lines(framemd5) {
		if rest, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			fmt.Sscanf(rest, "%d/%d", &num, &den)
		}
		f := strings.Split(line, ",")
		if len(f) < 6 || line[0] == '#' { // there may be side data behind the hash
			continue
		}
		var pts int64
		fmt.Sscanf(strings.TrimSpace(f[2]), "%d", &pts)
		if !have {
			first, have = pts, true
		}
		if times {
			fmt.Fprintf(&b, "%d ", ((pts-first)*num*1000+den/2)/den)
		}
		b.WriteString(strings.TrimSpace(f[5]))
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		t.Error("no frames decoded")
	}
	return b.String()
}

// strict reads a file with ffprobe and fails on any line of diagnosis, on decode times that do not rise, and unless it starts at 0.
func strict(t testing.TB, path string) {
	t.Helper()
	out, diag := shell(t, "", "ffprobe", "-v", "warning", "-show_entries", "packet=stream_index,dts,pts", "-of", "csv=p=0", path)
	if diag != "" {
		t.Errorf("ffprobe %s: %s", filepath.Base(path), diag)
	}
	last := map[string]int64{}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) < 3 {
			continue
		}
		var dts int64
		if _, err := fmt.Sscanf(f[2], "%d", &dts); err != nil {
			continue
		}
		if l, ok := last[f[0]]; ok && dts <= l {
			t.Fatalf("%s: stream %s has DTS %d after %d", filepath.Base(path), f[0], dts, l)
		}
		last[f[0]] = dts
	}
}

// moovFirst fails unless moov stands before mdat.
func moovFirst(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	moov, mdat := bytes.Index(b, []byte("moov")), bytes.Index(b, []byte("mdat"))
	if moov < 0 || mdat < moov {
		t.Errorf("moov at %d, mdat at %d", moov, mdat)
	}
}

func code(err error) remux.Code {
	var e *remux.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func probe(t testing.TB, path, entries string) string {
	t.Helper()
	out, _ := shell(t, "", "ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", path)
	return strings.TrimSpace(out)
}

// serve serves a folder over HTTP; wrap may stand in for files.
func serve(t testing.TB, dir string, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	h := http.FileServer(http.Dir(dir))
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func edit(t testing.TB, playlist string, change func(string) string) {
	t.Helper()
	b, err := os.ReadFile(playlist)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(playlist, []byte(change(string(b))), 0o644); err != nil {
		t.Fatal(err)
	}
}
