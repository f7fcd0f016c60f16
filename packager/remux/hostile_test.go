package remux_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/corpus"
	"sluice/packager/remux"
)

func media(t *testing.T, name string) string {
	t.Helper()
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no shared/media folder above the working directory and SLUICE_MEDIA not set")
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// expected reads the corpus' table of outcomes: file, expected code, another acceptable one.
func expected(t *testing.T, prefix string) map[string][]string {
	t.Helper()
	f, err := os.Open(media(t, "hostile/expected.tsv"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	out := map[string][]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if c := strings.Split(s.Text(), "\t"); len(c) >= 3 && strings.HasPrefix(c[0], prefix) {
			out[c[0]] = c[1:3]
		}
	}
	return out
}

func TestHostilePlaylistsOfTheCorpus(t *testing.T) {
	for name, want := range expected(t, "playlists/") {
		if filepath.Ext(name) != ".m3u8" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.mp4")
			_, err := remux.Run(t.Context(), remux.Options{Input: media(t, "hostile/"+name), Output: out})
			if got := string(code(err)); got != want[0] && got != want[1] {
				t.Errorf("code %q (%v), want %q", got, err, want)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestMediaThatIsNone(t *testing.T) {
	for name, want := range map[string][]remux.Code{
		"hostile/empty/zero-bytes.mp4":             {remux.EmptyFile},
		"hostile/empty/one-byte.mp4":               {remux.NotMedia},
		"hostile/empty/all-zeros-64k.mp4":          {remux.NotMedia},
		"hostile/notmedia/random-64k.mp4":          {remux.NotMedia},
		"hostile/mismatch/srt-named.mp4":           {remux.NotMedia},
		"hostile/mismatch/ts-null-packets-only.ts": {remux.Corrupt, remux.NotMedia},
		"hostile/references/m3u8-named.mp4":        {remux.NotMedia, remux.Blocked},
		"hostile/references/m3u8-named.avi":        {remux.NotMedia, remux.Blocked},
		"hostile/references/ffconcat-named.mp4":    {remux.NotMedia, remux.Blocked},
		"hostile/references/mpd-named.mp4":         {remux.NotMedia, remux.Blocked},
	} {
		_, err := remux.Run(t.Context(), remux.Options{Input: media(t, name), Output: filepath.Join(t.TempDir(), "out.mp4")})
		ok := false
		for _, c := range want {
			ok = ok || code(err) == c
		}
		if !ok {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// one writes a media playlist of one segment beside a secret file, and returns its path.
func one(t *testing.T, uri string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret.ts"), make([]byte, 188), 0o644); err != nil {
		t.Fatal(err)
	}
	p := filepath.Join(dir, "in", "index.m3u8")
	text := "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n" + uri + "\n#EXT-X-ENDLIST\n"
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLocalPlaylistsReachOnlyBesideAndBelow(t *testing.T) {
	for _, uri := range []string{
		"../secret.ts", "%2e%2e/secret.ts", "x/../../secret.ts", "/etc/hostname", "file:///etc/hostname", `..\secret.ts`, "//host/x.ts",
		"http://example.com/x.ts", "link.ts", "linkdir/secret.ts",
	} {
		p := one(t, uri)
		if strings.HasPrefix(uri, "link") {
			dir := filepath.Dir(p)
			if err := os.Symlink("../secret.ts", filepath.Join(dir, "link.ts")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("..", filepath.Join(dir, "linkdir")); err != nil {
				t.Fatal(err)
			}
		}
		_, err := remux.Run(t.Context(), remux.Options{Input: p, Output: filepath.Join(t.TempDir(), "out.mp4")})
		if code(err) != remux.Blocked {
			t.Errorf("%s: %v, want blocked_reference", uri, err)
		}
	}
}

func TestRemoteInputCannotReachTheLocalNetwork(t *testing.T) {
	url := serve(t, filepath.Dir(one(t, "x.ts")), nil)
	port := url[strings.LastIndex(url, ":"):]
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "0",
		"169.254.169.254", "10.0.0.1", "192.168.1.1", "user@127.0.0.1", "100.64.0.1", "[fe80::1]", "[fc00::1]", "[64:ff9b::7f00:1]",
	} {
		_, err := remux.Run(t.Context(), remux.Options{Input: "http://" + host + port + "/index.m3u8", Output: filepath.Join(t.TempDir(), "out.mp4")})
		if c := code(err); c != remux.Blocked && c != remux.SourceIO || c == remux.SourceIO && !strings.Contains(err.Error(), "no such host") && !strings.Contains(err.Error(), "lookup") {
			t.Errorf("%s: %v, want blocked_reference", host, err)
		}
	}
}

func TestRedirectionsAreBoundedAndChecked(t *testing.T) {
	dir := filepath.Dir(one(t, "x.ts"))
	hops := 0
	url := serve(t, dir, func(files http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/loop"):
				hops++
				http.Redirect(w, r, fmt.Sprintf("/loop%d", hops), http.StatusFound)
			case r.URL.Path == "/file":
				w.Header().Set("Location", "file:///etc/hostname")
				w.WriteHeader(http.StatusFound)
			default:
				files.ServeHTTP(w, r)
			}
		})
	})
	for path, want := range map[string]remux.Code{"/loop": remux.LimitExceeded, "/file": remux.Blocked} {
		_, err := remux.Run(t.Context(), remux.Options{Input: url + path, Output: filepath.Join(t.TempDir(), "out.mp4"), AllowPrivate: true})
		if code(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if hops > 7 {
		t.Errorf("%d redirections followed", hops)
	}
}

func TestEverySizeIsBounded(t *testing.T) {
	in := hls(t)
	for name, l := range map[string]remux.Limits{
		"playlist": {PlaylistBytes: 100}, "line": {LineBytes: 8}, "segments": {Segments: 2}, "segment": {SegmentBytes: 1000},
		"total": {TotalBytes: 100_000}, "samples": {Samples: 20},
	} {
		_, err := remux.Run(t.Context(), remux.Options{Input: in, Output: filepath.Join(t.TempDir(), "out.mp4"), Limits: l})
		if code(err) != remux.LimitExceeded {
			t.Errorf("%s: %v, want limit_exceeded", name, err)
		}
	}
	fmp4 := hls(t, "-hls_segment_type", "fmp4")
	for name, l := range map[string]remux.Limits{"fragment": {FragmentBytes: 1000}, "init": {InitBytes: 100}} {
		_, err := remux.Run(t.Context(), remux.Options{Input: fmp4, Output: filepath.Join(t.TempDir(), "out.mp4"), Limits: l})
		if code(err) != remux.LimitExceeded {
			t.Errorf("%s: %v, want limit_exceeded", name, err)
		}
	}
}
