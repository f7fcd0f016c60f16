// Package mediatest makes media for tests and reads it back with ffmpeg's command-line tools.
package mediatest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/packager"
)

// Run runs a command and returns its standard output. Anything it prints to standard error fails the test.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// Make runs ffmpeg with args to make a file called name and returns its path.
func Make(t testing.TB, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	Run(t, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), path)...)
	return path
}

// Movie makes an MP4 of H.264 with B-frames and AAC: secs seconds at 25 fps with a sync sample every gop frames.
func Movie(t testing.TB, secs, gop string, extra ...string) string {
	t.Helper()
	args := []string{"-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=" + secs, "-f", "lavfi", "-i", "sine=r=48000:d=" + secs,
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-b_strategy", "0", "-g", gop, "-keyint_min", gop,
		"-sc_threshold", "0", "-threads", "1", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k"}
	return Make(t, "movie.mp4", append(args, extra...)...)
}

// FrameMD5 returns the checksum lines of the packets of stream spec ("v:0", "a:0") in path, without times.
func FrameMD5(t testing.TB, path, spec string, extra ...string) []string {
	t.Helper()
	var sums []string
	for _, f := range frames(t, path, spec, extra...) {
		sums = append(sums, f[5])
	}
	return sums
}

// Frames returns "pts duration checksum" of the packets of stream spec in path, in the timescale ffmpeg sees.
func Frames(t testing.TB, path, spec string, extra ...string) []string {
	t.Helper()
	var out []string
	for _, f := range frames(t, path, spec, extra...) {
		out = append(out, f[2]+" "+f[3]+" "+f[5])
	}
	return out
}

func frames(t testing.TB, path, spec string, extra ...string) [][]string {
	t.Helper()
	args := append([]string{"-v", "warning", "-nostdin"}, extra...)
	args = append(args, "-i", path, "-map", "0:"+spec, "-c", "copy", "-copyts", "-f", "framemd5", "-")
	var out [][]string
	for line := range strings.Lines(Run(t, "ffmpeg", args...)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			f := strings.Split(line, ",")
			for i := range f {
				f[i] = strings.TrimSpace(f[i])
			}
			out = append(out, f)
		}
	}
	return out
}

// Decoded returns the checksums of the decoded frames of stream spec in path; any complaint of the decoder fails the test.
func Decoded(t testing.TB, path, spec string) []string {
	t.Helper()
	var out []string
	args := []string{"-v", "warning", "-nostdin", "-xerror", "-i", path, "-map", "0:" + spec, "-f", "framemd5", "-"}
	for line := range strings.Lines(Run(t, "ffmpeg", args...)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			f := strings.Split(line, ",")
			out = append(out, strings.TrimSpace(f[2])+" "+strings.TrimSpace(f[5]))
		}
	}
	return out
}

// File opens path for the duration of the test.
func File(t testing.TB, path string) *packager.LocalFile {
	t.Helper()
	f, err := packager.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Bytes returns the whole of body.
func Bytes(t testing.TB, body packager.Body) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := body.WriteRange(context.Background(), &b, 0, body.Size()); err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != body.Size() {
		t.Fatalf("body of size %d wrote %d bytes", body.Size(), b.Len())
	}
	return b.Bytes()
}

// Save writes data to a file called name and returns its path.
func Save(t testing.TB, name string, data ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, bytes.Join(data, nil), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Samples returns all samples of tr.
func Samples(tr *packager.Track) []packager.Sample {
	out := make([]packager.Sample, 0, tr.Len())
	tr.Walk(0, tr.Len(), func(_ int, s packager.Sample) bool { out = append(out, s); return true })
	return out
}

// Data returns the bytes of s.
func Data(t testing.TB, tr *packager.Track, s packager.Sample) []byte {
	t.Helper()
	b := make([]byte, s.Size)
	if _, err := tr.Files[s.File].ReadAt(b, s.Offset); err != nil {
		t.Fatal(err)
	}
	return b
}
