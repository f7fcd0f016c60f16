package remux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sluice/packager/remux"
)

// BenchmarkRemux compares a remux of a TS playlist with that of ffmpeg: 5 Mb/s, 6 s segments.
func BenchmarkRemux(b *testing.B) {
	dir := b.TempDir()
	ffmpeg(b, dir, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=24,noise=alls=20:allf=t", "-f", "lavfi", "-i",
		"sine=sample_rate=48000:duration=24", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "5M", "-maxrate", "5M", "-bufsize", "5M",
		"-g", "50", "-bf", "2", "-c:a", "aac", "-b:a", "128k", "-f", "mp4", "in.mp4")
	ffmpeg(b, dir, "-stream_loop", "24", "-i", "in.mp4", "-c", "copy", "-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod",
		"-hls_list_size", "0", "index.m3u8")
	in, out := filepath.Join(dir, "index.m3u8"), filepath.Join(dir, "out.mp4")
	var size int64
	segments, _ := filepath.Glob(filepath.Join(dir, "*.ts"))
	for _, s := range segments {
		st, err := os.Stat(s)
		if err != nil {
			b.Fatal(err)
		}
		size += st.Size()
	}
	b.Run("sluice", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := remux.Run(b.Context(), remux.Options{Input: in, Output: out}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ffmpeg", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", in, "-c", "copy", "-movflags", "+faststart", out).Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
