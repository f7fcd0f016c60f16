package static

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrittenPackagesAreReadByTheReferenceTool packages a plain MP4 and lets ffmpeg read every format from the disk.
func TestWrittenPackagesAreReadByTheReferenceTool(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "clip.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-t", "14", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-ac", "2", src).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	set, closeSet, err := Open([]string{src})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSet()
	made, err := Write(t.Context(), set, dir, Formats)
	if err != nil {
		t.Fatal(err)
	}
	want := frames(t, src)
	for f, path := range made {
		out, err := exec.Command("ffmpeg", "-v", "warning", "-i", path, "-map", "0", "-c", "copy", "-f", "null", "-").CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
		if got := frames(t, path); got != want {
			t.Errorf("%s: decoded frames differ from the source's", f)
		}
	}
}

// frames are the hashes of the decoded pictures, without their times.
func frames(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-f", "framemd5", "-").Output()
	if err != nil {
		t.Fatalf("framemd5 of %s: %v", path, err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ","); len(f) == 6 {
			b.WriteString(f[5])
		}
	}
	return b.String()
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	if _, err := Write(t.Context(), nil, t.TempDir(), []Format{"mss"}); err == nil || !strings.Contains(err.Error(), `no format "mss"`) {
		t.Errorf("error %v", err)
	}
}
