package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/api/console"
	"sluice/catalog"
	"sluice/ingest/manifest"
	"sluice/storage/disk"
)

// TestBrowserPlaysEveryTechnique drives web/e2e through a console whose outputs were made by ffmpeg. It takes about a minute
// and needs the built pages, so it runs only on demand.
func TestBrowserPlaysEveryTechnique(t *testing.T) {
	if os.Getenv("SLUICE_CONSOLE_E2E") == "" {
		t.Skip("set SLUICE_CONSOLE_E2E=1 to run it; it needs `npm run build`, ffmpeg and Chromium")
	}
	dir := t.TempDir()
	makeMedia(t, dir)

	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f := startOn(t, mux, server.URL)
	e := f.mediaEntry()
	mux.Handle("/hls/"+string(e.ID)+"/container/fmp4/", http.StripPrefix("/hls/"+string(e.ID)+"/container/fmp4", media(dir, "fmp4")))
	mux.Handle("/hls/"+string(e.ID)+"/", http.StripPrefix("/hls/"+string(e.ID), media(dir, "ts")))
	mux.Handle("/dash/"+string(e.ID)+"/", http.StripPrefix("/dash/"+string(e.ID), media(dir, "dash")))
	mux.Handle("/mp4/"+string(e.ID)+"/{choice}/", media(dir, "mp4"))
	mux.Handle("/thumb/"+string(e.ID)+"/", http.StripPrefix("/thumb/"+string(e.ID), media(dir, "thumb")))
	mux.Handle("/captions/"+string(e.ID)+"/", http.StripPrefix("/captions/"+string(e.ID), media(dir, "captions")))

	live := f.liveEntry()
	doomed, _ := f.entry("Rehearsal, to be deleted", withStatus(catalog.EntryNoContent), nil)
	failed, tasks := f.entry("Broken interview.mov", nil, nil,
		catalog.NewTask{Stage: catalog.StageImport}, catalog.NewTask{Stage: catalog.StageProbe, After: []int{0}})
	f.kill(tasks[0].ID, "not_media", "The file is not a media file: it has no moov box.")
	for i := range 9 {
		f.entry(fmt.Sprintf("Lecture %02d", i+1), func(e *catalog.Entry) {
			e.Status, e.DurationMS, e.Width, e.Height = catalog.EntryReady, int64(i+1)*613_000, 1280, 720
		}, nil)
	}
	t.Logf("entry %s, in work %s, failed %s", e.ID, live, failed.ID)

	run := exec.CommandContext(t.Context(), "node", "e2e/run.mjs")
	run.Dir = "web"
	run.Env = append(os.Environ(), "BASE_URL="+server.URL, "ENTRY_ID="+string(e.ID), "LIVE_ID="+string(live),
		"DELETE_ID="+string(doomed.ID), "RETRY=1")
	out, err := run.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the browser found faults: %v", err)
	}
	if _, err := f.db.EntryByID(t.Context(), doomed.ID); err != nil {
		t.Fatal(err)
	}
}

// startOn is start on a server of the caller's.
func startOn(t *testing.T, mux *http.ServeMux, url string) *fixture {
	t.Helper()
	f := start(t, nil)
	store, err := disk.Open(filepath.Join(t.TempDir(), "objects"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c, err := console.New(console.Config{Catalog: f.db, System: testSystem, Bulk: &manifest.Jobs{Catalog: f.db, Store: store}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx) // it has no way to fail
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	mux.Handle("/", c)
	f.url = url
	return f
}

func testSystem(context.Context) console.System {
	return console.System{
		Status: console.OK, Version: "0.1.0-test", StartedAt: time.Now().Add(-3 * time.Hour),
		Isolation: console.Isolation{
			Level: "strong", Mechanisms: []string{"landlock", "seccomp", "no network", "rlimits"}, Missing: []string{"memory cgroup"},
		},
		Components: []console.Component{
			{Name: "catalog", Version: "SQLite 3.50", Status: console.OK, Detail: "14 entries"},
			{Name: "redis", Version: "7.0.15", Status: console.OK, Detail: "embedded"},
			{Name: "storage", Status: console.Degraded, Detail: "11 % of the disk is free"},
		},
		MetricsURL: "/metrics",
	}
}

// mediaEntry is a ready entry whose outputs makeMedia made.
func (f *fixture) mediaEntry() catalog.Entry {
	probe, err := json.Marshal(map[string]any{"format": map[string]any{"name": "matroska", "duration_us": 24_000_000}})
	if err != nil {
		f.Fatal(err)
	}
	video := func(w, h int) func(*catalog.Asset) {
		return func(a *catalog.Asset) {
			a.Kind, a.Codec, a.Container, a.Width, a.Height = "video", "avc1.42c01e", "cmaf", w, h
			a.FrameRate, a.BitRate, a.Size = 25, int64(w)*1000, int64(w)*3000
		}
	}
	audio := func(language string) func(*catalog.Asset) {
		return func(a *catalog.Asset) {
			a.Kind, a.Codec, a.Container, a.Language, a.BitRate, a.Size = "audio", "mp4a.40.2", "cmaf", language, 64_000, 192_000
		}
	}
	e, tasks := f.entry("Colour bars, in two languages", nil, []catalog.Asset{
		ready(catalog.AssetFlavor, "source", func(a *catalog.Asset) {
			a.Original, a.Container, a.Size, a.Props = true, "mkv", 1_234_567, json.RawMessage(`{"source":"inbox"}`)
		}),
		ready(catalog.AssetFlavor, "360p", video(640, 360)),
		ready(catalog.AssetFlavor, "180p", video(320, 180)),
		ready(catalog.AssetFlavor, "a0-en", audio("en")),
		ready(catalog.AssetFlavor, "a1-de", audio("de")),
		ready(catalog.AssetThumb, "poster", nil),
		ready(catalog.AssetStoryboard, "storyboard", nil),
		ready(catalog.AssetCaption, "s0-en", func(a *catalog.Asset) { a.Language, a.Title, a.Kind = "en", "English", "text" }),
	}, catalog.NewTask{Stage: catalog.StageImport}, catalog.NewTask{Stage: catalog.StageProbe, After: []int{0}},
		catalog.NewTask{Stage: catalog.StageTranscode, Name: "video 1/2", After: []int{1}},
		catalog.NewTask{Stage: catalog.StageTranscode, Name: "video 2/2", After: []int{1}},
		catalog.NewTask{Stage: catalog.StageThumbs, Optional: true, After: []int{1}},
		catalog.NewTask{Stage: catalog.StageFinish, After: []int{2, 3, 4}})
	for _, t := range tasks {
		claimed, err := f.db.Claim(f.Context(), t.ID, "worker-1", time.Minute)
		if err != nil {
			f.Fatal(err)
		}
		if err := f.db.Heartbeat(f.Context(), t.ID, claimed.Attempt, time.Minute, 50, 100, 1<<20); err != nil {
			f.Fatal(err)
		}
		if err := f.db.Complete(f.Context(), t.ID, claimed.Attempt, json.RawMessage(probe), nil); err != nil {
			f.Fatal(err)
		}
	}
	f.update(e.ID, func(e *catalog.Entry) {
		e.Status, e.DurationMS, e.Width, e.Height = catalog.EntryReady, 24_000, 640, 360
		e.PlayableAt, e.ReadyAt, e.Tags = time.Now(), time.Now(), []string{"test", "bars"}
		e.ReferenceID = "bars-001"
	})
	return e
}

// liveEntry is an entry whose transcoding advances until the test ends.
func (f *fixture) liveEntry() catalog.EntryID {
	e, tasks := f.entry("Evening news, in work", withStatus(catalog.EntryPreconvert), nil,
		catalog.NewTask{Stage: catalog.StageTranscode, Weight: 9}, catalog.NewTask{Stage: catalog.StageFinish, After: []int{0}})
	t, err := f.db.Claim(f.Context(), tasks[0].ID, "worker-2", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	f.Cleanup(func() {
		close(stop)
		<-ended
	})
	go func() {
		defer close(ended)
		tick := time.NewTicker(400 * time.Millisecond)
		defer tick.Stop()
		for done := int64(0); ; done = (done + 7) % 1000 {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if err := f.db.Heartbeat(context.Background(), t.ID, t.Attempt, time.Hour, done, 1000, done<<16); err != nil {
				f.Errorf("heartbeat: %v", err)
				return
			}
		}
	}()
	return e.ID
}

// media serves a directory with the types that players want.
func media(dir, sub string) http.Handler {
	types := map[string]string{
		".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t", ".m4s": "video/iso.segment", ".mp4": "video/mp4",
		".mpd": "application/dash+xml", ".vtt": "text/vtt; charset=utf-8",
	}
	files := http.FileServer(http.Dir(filepath.Join(dir, sub)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch sub {
		case "captions": // every caption asset of the entry is served by the same file
			r.URL.Path = "/captions.vtt"
		case "mp4": // a file is there for every choice of video
			r.URL.Path = "/" + path.Base(r.URL.Path)
		}
		if kind := types[filepath.Ext(r.URL.Path)]; kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		files.ServeHTTP(w, r)
	})
}

// makeMedia encodes 24 s of bars at two sizes with two sounds, and packages them in every way the player page knows.
func makeMedia(t *testing.T, dir string) {
	t.Helper()
	for _, sub := range []string{"fmp4", "ts", "dash", "mp4", "thumb", "captions"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	inputs := strings.Fields("-f lavfi -i testsrc2=size=640x360:rate=25:duration=24 -f lavfi -i sine=440:duration=24 -f lavfi -i sine=880:duration=24")
	encode := strings.Fields("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0 -c:a aac -b:a 64k")
	ffmpeg(t, dir, append(append(inputs, encode...), strings.Fields(
		"-map 0:v -map 0:v -map 1:a -map 2:a -s:v:0 640x360 -b:v:0 600k -s:v:1 320x180 -b:v:1 200k"+
			" -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu all.mp4")...)...)
	streams := "-i all.mp4 -map 0 -c copy"
	hls := " -f hls -hls_time 4 -hls_playlist_type vod -master_pl_name master.m3u8"
	ffmpeg(t, dir, append(strings.Fields(streams+hls+" -hls_segment_type fmp4 -var_stream_map"),
		"v:0,agroup:a v:1,agroup:a a:0,agroup:a,language:en,default:yes a:1,agroup:a,language:de", "fmp4/v%v.m3u8")...)
	ffmpeg(t, dir, append(strings.Fields("-i all.mp4 -map 0:v:0 -map 0:v:1 -map 0:a:0 -map 0:a:0 -c copy"+hls+" -var_stream_map"),
		"v:0,a:0 v:1,a:1", "ts/v%v.m3u8")...)
	ffmpeg(t, dir, append(strings.Fields(streams+" -f dash -seg_duration 4 -adaptation_sets"),
		"id=0,streams=v id=1,streams=2 id=2,streams=3", "dash/manifest.mpd")...)
	ffmpeg(t, dir, strings.Fields("-i all.mp4 -map 0:v:0 -map 0:a:0 -c copy -movflags +faststart mp4/360p.mp4")...)
	ffmpeg(t, dir, strings.Fields("-i all.mp4 -map 0:v:1 -map 0:a:0 -c copy -movflags +faststart mp4/180p.mp4")...)
	ffmpeg(t, dir, strings.Fields("-ss 8 -i all.mp4 -map 0:v:0 -frames:v 1 thumb/poster.jpg")...)
	ffmpeg(t, dir, strings.Fields("-i all.mp4 -map 0:v:0 -vf fps=1,scale=160:90,tile=5x5 -frames:v 1 thumb/storyboard-0.jpg")...)

	board := "WEBVTT\n"
	captions := "WEBVTT\n"
	for i := range 24 {
		span := fmt.Sprintf("\n00:%02d.000 --> 00:%02d.000\n", i, i+1)
		board += span + fmt.Sprintf("storyboard-0.jpg#xywh=%d,%d,160,90\n", i%5*160, i/5*90)
		captions += span + fmt.Sprintf("Second %d of the bars\n", i)
	}
	write(t, filepath.Join(dir, "thumb/storyboard.vtt"), board)
	for _, sub := range []string{"captions", "fmp4", "dash"} {
		write(t, filepath.Join(dir, sub, "captions.vtt"), captions)
	}
	addCaptionsToManifests(t, dir)
}

// addCaptionsToManifests puts the captions into the fMP4 playlist and the DASH manifest, which ffmpeg cannot; the TS playlist
// and the progressive files get them from the side.
func addCaptionsToManifests(t *testing.T, dir string) {
	t.Helper()
	master := filepath.Join(dir, "fmp4/master.m3u8")
	text := string(read(t, master))
	text = strings.Replace(text, "#EXT-X-STREAM-INF:", `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",AUTOSELECT=YES,URI="captions.m3u8"`+
		"\n#EXT-X-STREAM-INF:", 1)
	write(t, master, strings.ReplaceAll(text, "#EXT-X-STREAM-INF:", `#EXT-X-STREAM-INF:SUBTITLES="s",`))
	write(t, filepath.Join(dir, "fmp4/captions.m3u8"),
		"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:24\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:24,\ncaptions.vtt\n#EXT-X-ENDLIST\n")

	manifest := filepath.Join(dir, "dash/manifest.mpd")
	set := `<AdaptationSet id="9" contentType="text" lang="en" mimeType="text/vtt"><Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>` +
		`<Representation id="9" bandwidth="256"><BaseURL>captions.vtt</BaseURL></Representation></AdaptationSet></Period>`
	write(t, manifest, strings.Replace(string(read(t, manifest)), "</Period>", set, 1))
}

func ffmpeg(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-y", "-nostdin"}, args...)...)
	cmd.Dir = dir
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, &complaints)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
