package remux_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager/remux"
)

// join writes a playlist over the segments of others, one after the other with a discontinuity between, and returns its path.
func join(t *testing.T, playlists ...string) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:10\n")
	for i, p := range playlists {
		if i > 0 {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		sub := fmt.Sprint(i)
		if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(filepath.Dir(p))); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(p)
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "#EXTINF"), strings.HasPrefix(line, "#EXT-X-BYTERANGE"):
				fmt.Fprintln(&b, line)
			case strings.HasPrefix(line, "#EXT-X-MAP"):
				fmt.Fprintln(&b, strings.Replace(line, `URI="`, `URI="`+sub+"/", 1))
			case line != "" && line[0] != '#':
				fmt.Fprintln(&b, sub+"/"+line)
			}
		}
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	out := filepath.Join(dir, "index.m3u8")
	if err := os.WriteFile(out, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDiscontinuityWithOtherCodecsJoinsWithoutGap(t *testing.T) {
	for name, args := range map[string][]string{"ts": nil, "fmp4": {"-hls_segment_type", "fmp4"}} {
		t.Run(name, func(t *testing.T) {
			a := hls(t, args...)
			b := hls(t, append(args, "-s", "96x64", "-g", "25")...)
			out := filepath.Join(t.TempDir(), "out.mp4")
			r := run(t, remux.Options{Input: join(t, a, b), Output: out})
			if r.Discontinuities != 1 || len(r.Tracks) != 2 || r.Tracks[0].Entries != 2 {
				t.Errorf("report %+v", r)
			}
			moovFirst(t, out)
			want := decoded(t, a, "v", false) + decoded(t, b, "v", false)
			// One frame of each size is decoded to a hash of its own, so the two parts compare one by one.
			got, _ := shell(t, "", "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", out, "-map", "0:v", "-autoscale", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
			if diff := cmp.Diff(want, frames(t, got, false)); diff != "" {
				t.Errorf("frames differ (-in +out):\n%.600s", diff)
			}
			if d := r.Duration90k - r.Playlist90k; d < -9000 || d > 9000 {
				t.Errorf("lasts %d, playlist %d", r.Duration90k, r.Playlist90k)
			}
		})
	}
}

func TestDiscontinuityWithTheSameCodecsKeepsOneEntry(t *testing.T) {
	a := hls(t)
	out := filepath.Join(t.TempDir(), "out.mp4")
	r := run(t, remux.Options{Input: join(t, a, a, a), Output: out})
	strict(t, out)
	if r.Tracks[0].Entries != 1 || r.Tracks[0].Samples != 450 || r.Discontinuities != 2 {
		t.Errorf("report %+v", r)
	}
	if d := r.Duration90k - 3*6*90000; d < -9000 || d > 9000 {
		t.Errorf("lasts %d", r.Duration90k)
	}
}

func TestMissingSegmentsAreFilled(t *testing.T) {
	cases := map[string]struct {
		change func(dir, playlist string)
		gap    string
	}{
		"file is missing": {func(dir, _ string) { os.Remove(filepath.Join(dir, "index1.ts")) }, "index1.ts"},
		"marked as gap": {func(_, p string) {
			edit(t, p, func(s string) string {
				i := strings.LastIndex(s[:strings.Index(s, "index1.ts")], "#EXTINF")
				return s[:i] + "#EXT-X-GAP\n" + s[i:]
			})
		}, "EXT-X-GAP"},
		"missing at a discontinuity": {func(dir, p string) {
			os.Remove(filepath.Join(dir, "index1.ts"))
			edit(t, p, func(s string) string {
				i := strings.LastIndex(s[:strings.Index(s, "index2.ts")], "#EXTINF")
				return s[:i] + "#EXT-X-DISCONTINUITY\n" + s[i:]
			})
		}, "index1.ts"},
		"error page": {func(dir, _ string) {
			os.WriteFile(filepath.Join(dir, "index1.ts"), []byte("<html>Sorry</html>"), 0o644)
		}, "neither"},
		"last is missing": {func(dir, _ string) { os.Remove(filepath.Join(dir, "index2.ts")) }, "index2.ts"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := hls(t)
			c.change(filepath.Dir(in), in)
			out := filepath.Join(t.TempDir(), "out.mp4")
			r := run(t, remux.Options{Input: in, Output: out})
			strict(t, out)
			if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Reason, c.gap) {
				t.Errorf("gaps %+v", r.Gaps)
			}
			if d := r.Duration90k - 6*90000; d < -9000 || d > 9000 {
				t.Errorf("lasts %d ticks of 6 s", r.Duration90k)
			}
			if r.Tracks[0].Samples != 100 || r.Tracks[1].Silent < 90 || r.Tracks[1].Silent > 96 {
				t.Errorf("tracks %+v", r.Tracks)
			}
			decoded(t, out, "v", true)
			decoded(t, out, "a", true)
			if strings.HasPrefix(name, "marked") {
				return
			}
			_, err := remux.Run(t.Context(), remux.Options{Input: in, Output: out + "2", OnGap: remux.GapFail})
			if want := map[bool]remux.Code{false: remux.MissingSegment, true: remux.Corrupt}[name == "error page"]; code(err) != want {
				t.Errorf("with GapFail: %v", err)
			}
		})
	}
}

func TestFirstSegmentMissing(t *testing.T) {
	in := hls(t)
	os.Remove(filepath.Join(filepath.Dir(in), "index0.ts"))
	out := filepath.Join(t.TempDir(), "out.mp4")
	r := run(t, remux.Options{Input: in, Output: out})
	strict(t, out)
	if len(r.Gaps) != 1 || r.Tracks[0].Samples != 100 {
		t.Errorf("report %+v", r)
	}
}

func TestEmptyAndTruncatedSegments(t *testing.T) {
	in := hls(t)
	dir := filepath.Dir(in)
	if err := os.WriteFile(filepath.Join(dir, "index1.ts"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(dir, "index2.ts")
	st, _ := os.Stat(last)
	if err := os.Truncate(last, st.Size()/2+17); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.mp4")
	r := run(t, remux.Options{Input: in, Output: out})
	if n := r.Tracks[0].Samples; n < 50 || n >= 100 {
		t.Errorf("%d pictures", n)
	}
	strict(t, out)
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Reason, "empty") {
		t.Errorf("gaps %+v", r.Gaps)
	}
}

const keyInfo = "key.bin\nkey.bin\n"

// clearOf is the same as encrypted, in the clear.
func clearOf(t *testing.T) string {
	dir := t.TempDir()
	ffmpeg(t, dir, "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=6", "-c:v", "libx264", "-preset", "superfast", "-g", "50", "out.mp4")
	return filepath.Join(dir, "out.mp4")
}

func encrypted(t *testing.T, iv bool, args ...string) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.bin"), []byte("0123456789abcdef"), 0o644); err != nil {
		t.Fatal(err)
	}
	info := keyInfo
	if iv {
		info += "00112233445566778899aabbccddeeff\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "key.info"), []byte(info), 0o644); err != nil {
		t.Fatal(err)
	}
	ffmpeg(t, dir, append([]string{"-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=6", "-c:v", "libx264", "-preset", "superfast", "-g", "50",
		"-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_key_info_file", "key.info"}, append(args, "index.m3u8")...)...)
	return filepath.Join(dir, "index.m3u8")
}

func TestAES128(t *testing.T) {
	const want = 150
	clear := decoded(t, clearOf(t), "v", true)
	for name, in := range map[string]string{
		"explicit iv": encrypted(t, true), "implicit iv": encrypted(t, false), "implicit iv, later sequence": encrypted(t, false, "-start_number", "300"),
		"rotated": encrypted(t, true, "-hls_flags", "periodic_rekey"),
	} {
		if name == "rotated" { // a second key from the second segment on
			rotate(t, in)
		}
		out := filepath.Join(t.TempDir(), "out.mp4")
		r := run(t, remux.Options{Input: in, Output: out})
		strict(t, out)
		if r.Tracks[0].Samples != want || r.CorruptUnits > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if got := decoded(t, out, "v", true); got != clear {
			t.Errorf("%s: frames differ from those of the clear stream", name)
		}
	}
	in := encrypted(t, true)
	if err := os.WriteFile(filepath.Join(filepath.Dir(in), "key.bin"), []byte("another key 9876"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := remux.Run(t.Context(), remux.Options{Input: in, Output: filepath.Join(t.TempDir(), "out.mp4")})
	if code(err) != remux.Corrupt {
		t.Errorf("wrong key: %v", err)
	}
	for what, key := range map[string][]byte{"short": []byte("short"), "missing": nil} {
		p := filepath.Join(filepath.Dir(in), "key.bin")
		os.Remove(p)
		if key != nil {
			os.WriteFile(p, key, 0o644)
		}
		_, err := remux.Run(t.Context(), remux.Options{Input: in, Output: filepath.Join(t.TempDir(), "out.mp4")})
		if code(err) != remux.Encrypted {
			t.Errorf("%s key: %v", what, err)
		}
	}
	edit(t, in, func(s string) string { return strings.Replace(s, "AES-128", "SAMPLE-AES", 1) })
	if _, err = remux.Run(t.Context(), remux.Options{Input: in, Output: filepath.Join(t.TempDir(), "out.mp4")}); code(err) != remux.Encrypted {
		t.Errorf("SAMPLE-AES: %v", err)
	}
}

// rotate decrypts segment 1 and encrypts it with another key, which the playlist names from there on; segment 2 goes clear.
func rotate(t *testing.T, playlist string) {
	t.Helper()
	dir := filepath.Dir(playlist)
	const k1, k2, iv = "30313233343536373839616263646566", "66656463626139383736353433323130", "00112233445566778899aabbccddeeff"
	for _, n := range []string{"index1.ts", "index2.ts"} {
		shell(t, dir, "openssl", "enc", "-d", "-aes-128-cbc", "-K", k1, "-iv", iv, "-in", n, "-out", n+".clear")
	}
	shell(t, dir, "openssl", "enc", "-aes-128-cbc", "-K", k2, "-iv", iv, "-in", "index1.ts.clear", "-out", "index1.ts")
	if err := errors.Join(os.Rename(filepath.Join(dir, "index2.ts.clear"), filepath.Join(dir, "index2.ts")),
		os.WriteFile(filepath.Join(dir, "key2.bin"), []byte("fedcba9876543210"), 0o644)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	edit(t, playlist, func(s string) string {
		var b strings.Builder
		for line := range strings.Lines(s) {
			if strings.HasPrefix(line, "#EXT-X-KEY") && seen > 0 {
				continue
			}
			if strings.HasPrefix(line, "#EXTINF") {
				switch seen++; seen {
				case 2:
					b.WriteString("#EXT-X-KEY:METHOD=AES-128,URI=\"key2.bin\",IV=0x" + iv + "\n")
				case 3:
					b.WriteString("#EXT-X-KEY:METHOD=NONE\n")
				}
			}
			b.WriteString(line)
		}
		return b.String()
	})
}

func TestHTTPWithFailures(t *testing.T) {
	in := hls(t)
	dir := filepath.Dir(in)
	var cuts, fails atomic.Int32
	url := serve(t, dir, func(files http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/index0.ts" && fails.Add(1) <= 2:
				http.Error(w, "busy", http.StatusServiceUnavailable)
			case r.URL.Path == "/index1.ts" && cuts.Add(1) <= 2 && r.Header.Get("Range") == "":
				b, _ := os.ReadFile(filepath.Join(dir, "index1.ts"))
				w.Header().Set("Content-Length", fmt.Sprint(len(b)))
				w.Write(b[:len(b)/2])
				panic(http.ErrAbortHandler)
			default:
				files.ServeHTTP(w, r)
			}
		})
	})
	out := filepath.Join(t.TempDir(), "out.mp4")
	var progress []remux.Progress
	r := run(t, remux.Options{Input: url + "/index.m3u8", Output: out, AllowPrivate: true, Progress: func(p remux.Progress) { progress = append(progress, p) }})
	if diff := cmp.Diff(decoded(t, in, "v", true), decoded(t, out, "v", true)); diff != "" {
		t.Errorf("frames differ:\n%.500s", diff)
	}
	if r.Retries < 3 || len(r.Gaps) > 0 {
		t.Errorf("report %+v", r)
	}
	if n := len(progress); n == 0 || progress[n-1].Segments != 3 || progress[n-1].Media90k == 0 {
		t.Errorf("progress %+v", progress)
	}

	gone := serve(t, dir, func(files http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/index1.ts" {
				http.NotFound(w, r)
				return
			}
			files.ServeHTTP(w, r)
		})
	})
	r = run(t, remux.Options{Input: gone + "/index.m3u8", Output: out, AllowPrivate: true})
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Reason, "404") || r.Tracks[0].Samples != 100 {
		t.Errorf("report %+v", r)
	}
}

func TestCancellationLeavesNothing(t *testing.T) {
	in := hls(t)
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, filepath.Dir(in), func(files http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/index1.ts" {
				w.Header().Set("Content-Length", "1000000")
				w.Write(make([]byte, 1000))
				w.(http.Flusher).Flush()
				cancel()
				<-r.Context().Done()
				return
			}
			files.ServeHTTP(w, r)
		})
	})
	dir := t.TempDir()
	_, err := remux.Run(ctx, remux.Options{Input: url + "/index.m3u8", Output: filepath.Join(dir, "out.mp4"), AllowPrivate: true})
	if code(err) != remux.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMasterTakesTheBestVariantAndItsAudio(t *testing.T) {
	small, big, audio := hls(t, "-s", "96x64", "-an"), hls(t, "-an"), hls(t, "-vn")
	dir := t.TempDir()
	for name, p := range map[string]string{"small": small, "big": big, "audio": audio} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Dir(p))); err != nil {
			t.Fatal(err)
		}
	}
	master := filepath.Join(dir, "master.m3u8")
	text := `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=96x64,AUDIO="a"
small/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=192x108,AUDIO="a"
big/index.m3u8
`
	if err := os.WriteFile(master, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.mp4")
	for _, c := range []struct {
		o    remux.Options
		from string
		size string
	}{
		{remux.Options{}, big, "192,108"}, {remux.Options{MaxHeight: 100}, small, "96,64"}, {remux.Options{MaxHeight: 10}, small, "96,64"},
	} {
		c.o.Input, c.o.Output = master, out
		r := run(t, c.o)
		strict(t, out)
		if got := probe(t, out, "stream=width,height"); !strings.HasPrefix(got, c.size) {
			t.Errorf("size %s, want %s", got, c.size)
		}
		if len(r.Tracks) != 2 || r.Tracks[1].Language != "en" {
			t.Errorf("tracks %+v", r.Tracks)
		}
		if decoded(t, c.from, "v", true) != decoded(t, out, "v", true) || decoded(t, audio, "a", false) != decoded(t, out, "a", false) {
			t.Error("frames differ")
		}
	}
	r := run(t, remux.Options{Input: master, Output: filepath.Join(t.TempDir(), "out.m4a")})
	if r.Format != remux.M4A || len(r.Tracks) != 1 || decoded(t, audio, "a", false) != decoded(t, r.Output, "a", false) {
		t.Errorf("audio only: %+v", r)
	}
}
