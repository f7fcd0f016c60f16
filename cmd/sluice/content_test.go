package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/upload"
	"sluice/storage/disk"
)

// client calls the API of a server with an administrator's session.
type client struct {
	*server
	ks string
}

var adminSecret = regexp.MustCompile(`admin secret +([0-9a-f]{32})`)

func (s *server) client() *client {
	s.t.Helper()
	// The server tells a new account's secrets once.
	found := adminSecret.FindStringSubmatch(s.procs["all"].log.String())
	if found == nil {
		s.t.Fatal("the server did not tell the admin secret")
	}
	c := &client{server: s}
	var ks any
	c.call(&ks, "session", "start", map[string]any{"secret": found[1], "userId": "tester", "type": 2, "partnerId": 101, "expiry": 86400}, nil)
	c.ks, _ = ks.(string)
	if c.ks == "" {
		s.t.Fatalf("session.start answers %v", ks)
	}
	return c
}

// call calls an action and decodes its answer; a file goes along as fileData.
func (c *client) call(out any, service, action string, params map[string]any, file []byte) {
	c.t.Helper()
	if err := c.try(out, service, action, params, file); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) try(out any, service, action string, params map[string]any, file []byte) error {
	all := map[string]any{"ks": c.ks, "format": 1}
	for k, v := range params {
		all[k] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	body, contentType := io.Reader(bytes.NewReader(text)), "application/json"
	if file != nil {
		var buf bytes.Buffer
		w := multipart.NewWriter(&buf)
		_ = w.WriteField("json", string(text))
		part, err := w.CreateFormFile("fileData", "film.mp4")
		if err != nil {
			return err
		}
		if _, err := part.Write(file); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		body, contentType = &buf, w.FormDataContentType()
	}
	resp, err := http.Post("http://"+c.addr+"/api_v3/service/"+service+"/action/"+action, contentType, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var failure struct{ Code, Message string }
	if json.Unmarshal(b, &failure) == nil && failure.Code != "" && failure.Message != "" {
		return fmt.Errorf("%s.%s: %s: %s", service, action, failure.Code, failure.Message)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s.%s answers %s", service, action, b)
	}
	return nil
}

type apiEntry struct {
	ID         string
	Status     int
	MSDuration int64
	Width      int
}

type apiToken struct {
	ID               string
	Status           int
	UploadedFileSize string
}

func (c *client) addEntry() string {
	c.t.Helper()
	var e apiEntry
	c.call(&e, "media", "add", map[string]any{"entry": map[string]any{"objectType": "KalturaMediaEntry", "name": "film", "mediaType": 1}}, nil)
	if e.Status != 7 {
		c.t.Fatalf("a new entry has status %d", e.Status)
	}
	return e.ID
}

func (c *client) addContent(id string, resource map[string]any) apiEntry {
	c.t.Helper()
	var e apiEntry
	c.call(&e, "media", "addContent", map[string]any{"entryId": id, "resource": resource}, nil)
	return e
}

func (c *client) waitEntry(id string, status int) apiEntry {
	c.t.Helper()
	var e apiEntry
	c.eventually(3*time.Minute, fmt.Sprintf("entry %s to have status %d", id, status), func() bool {
		return c.try(&e, "media", "get", map[string]any{"entryId": id}, nil) == nil && (e.Status == status || e.Status < 0)
	})
	if e.Status != status {
		got, _ := c.catalog().EntryByID(c.t.Context(), catalog.EntryID(id))
		c.t.Fatalf("entry %s has status %d: %s %s", id, e.Status, got.ErrorCode, got.ErrorText)
	}
	return e
}

func (c *client) wantOriginal(id string, want []byte) {
	c.t.Helper()
	assets, err := c.catalog().Assets(c.t.Context(), catalog.EntryID(id), catalog.AssetFlavor)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, a := range assets {
		if !a.Original {
			continue
		}
		b, err := os.ReadFile(filepath.Join(c.data, "objects", a.Key))
		if err != nil || !bytes.Equal(b, want) {
			c.t.Errorf("the original of %s has %d bytes, %v; want %d", id, len(b), err, len(want))
		}
		return
	}
	c.t.Errorf("entry %s has no original", id)
}

// again kills the server and starts it anew.
func (s *server) again(flags ...string) {
	s.t.Helper()
	s.kill("all")
	s.start("all", append([]string{"serve"}, flags...)...)
	s.waitReady()
}

func apiFilm(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(clip(t, "api.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "6",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAnUploadSurvivesKills attaches a token to an entry, and kills the server between and during its chunks.
func TestAnUploadSurvivesKills(t *testing.T) {
	film := apiFilm(t)
	s := startServer(t, "--worker-lease=2s", "--upload-wait=1s")
	c := s.client()
	id := c.addEntry()
	var tok apiToken
	c.call(&tok, "uploadToken", "add", nil, nil)
	if tok.Status != 0 {
		t.Errorf("a new token has status %d", tok.Status)
	}
	token := map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID}
	if e := c.addContent(id, token); e.Status != 0 {
		t.Errorf("an entry that waits for its upload has status %d", e.Status)
	}
	send := func(out *apiToken, at int, n int, final bool) error {
		return c.try(out, "uploadToken", "upload", map[string]any{
			"uploadTokenId": tok.ID, "resume": at > 0, "finalChunk": final, "resumeAt": at,
		}, film[at:at+n])
	}
	part := len(film)/7 + 1
	for at, kills := 0, 0; at < len(film); {
		n := min(part, len(film)-at)
		if kills < 3 && at > 0 {
			kills++
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = send(&apiToken{}, at, n, at+n == len(film)) // whether it counted is asked below
			}()
			time.Sleep(time.Duration(kills*7) * time.Millisecond)
			s.again("--worker-lease=2s", "--upload-wait=1s")
			<-done
			c.call(&tok, "uploadToken", "get", map[string]any{"uploadTokenId": tok.ID}, nil)
			if _, err := fmt.Sscan(tok.UploadedFileSize, &at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := send(&tok, at, n, at+n == len(film)); err != nil {
			t.Fatal(err)
		}
		at += n
	}
	if tok.Status != 3 {
		t.Errorf("the token has status %d at the end", tok.Status)
	}
	s.again("--worker-lease=2s")
	if e := c.waitEntry(id, 2); e.MSDuration < 5900 || e.MSDuration > 6100 || e.Width != 320 {
		t.Errorf("the entry lasts %d ms and is %d wide", e.MSDuration, e.Width)
	}
	c.wantOriginal(id, film)
	ffmpeg(t, "-i", "http://"+s.addr+"/hls/"+id+"/master.m3u8", "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
	if left, err := os.ReadDir(filepath.Join(s.data, "uploads")); err != nil || len(left) != 0 {
		t.Errorf("left of the upload: %v, %v", left, err)
	}
}

// TestADownloadSurvivesKills kills the server while it downloads from a slow origin.
func TestADownloadSurvivesKills(t *testing.T) {
	film := append(apiFilm(t), make([]byte, 40<<20)...) // what follows the last box is of no interest
	var sent atomic.Int64
	var slow atomic.Bool
	slow.Store(true)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Secret") != "open" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		w.Header().Set("ETag", `"film"`)
		http.ServeContent(&slowWriter{w, r, &slow, &sent}, r, "film.mp4", time.Time{}, bytes.NewReader(film))
	}))
	defer origin.Close()
	flags := []string{"--worker-lease=2s", "--fetch-allow=127.0.0.1"}
	s := startServer(t, flags...)
	c := s.client()
	id := c.addEntry()
	e := c.addContent(id, map[string]any{
		"objectType": "KalturaUrlResource", "url": origin.URL + "/film.mp4?sig=secret",
		"urlHeaders": []any{map[string]any{"objectType": "KalturaString", "value": "X-Secret: open"}},
	})
	if e.Status != 0 {
		t.Errorf("the entry has status %d", e.Status)
	}
	s.eventually(time.Minute, "most of the file to be sent", func() bool { return sent.Load() > 36<<20 })
	s.eventually(time.Minute, "progress to be shown", func() bool {
		tasks, err := s.catalog().Tasks(t.Context(), catalog.EntryID(id))
		return err == nil && len(tasks) > 0 && tasks[0].Stage == catalog.StageFetch && tasks[0].Done > 0 && tasks[0].Total == int64(len(film))
	})
	slow.Store(false)
	s.again(flags...)
	c.waitEntry(id, 2)
	c.wantOriginal(id, film)
	if total := sent.Load(); total > int64(len(film))*3/2 {
		t.Errorf("the origin sent %d bytes of a file of %d", total, len(film))
	}
	for name, p := range s.procs {
		if strings.Contains(p.log.String(), "sig=secret") {
			t.Errorf("the log of %s tells the URL's secret", name)
		}
	}
}

// slowWriter holds the last part of an answer back while slow is set.
type slowWriter struct {
	http.ResponseWriter
	req  *http.Request
	slow *atomic.Bool
	sent *atomic.Int64
}

func (w *slowWriter) Write(b []byte) (int, error) {
	for w.slow.Load() && w.sent.Load() > 37<<20 {
		select {
		case <-w.req.Context().Done():
			return 0, w.req.Context().Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	n, err := w.ResponseWriter.Write(b)
	w.sent.Add(int64(n))
	return n, err
}

// TestAForbiddenAddressFailsTheEntry lets the API fetch from loopback, which nobody allowed.
func TestAForbiddenAddressFailsTheEntry(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("loopback was reached") }))
	defer origin.Close()
	s := startServer(t)
	c := s.client()
	id := c.addEntry()
	c.addContent(id, map[string]any{"objectType": "KalturaUrlResource", "url": origin.URL})
	c.waitEntry(id, -2)
	if e, err := s.catalog().EntryByID(t.Context(), catalog.EntryID(id)); err != nil || e.ErrorCode != "url_refused" {
		t.Errorf("error %s, %v", e.ErrorCode, err)
	}
}

// TestADubIsPlayed gives a ready entry another language, and finds it in the playlist.
func TestADubIsPlayed(t *testing.T) {
	s := startServer(t)
	c := s.client()
	id := c.addEntry()
	var tok apiToken
	c.call(&tok, "uploadToken", "add", nil, nil)
	c.call(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": tok.ID}, apiFilm(t))
	c.addContent(id, map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID})
	c.waitEntry(id, 2)
	dub, err := os.ReadFile(clip(t, "es.m4a", "-f", "lavfi", "-i", "sine=frequency=880:sample_rate=48000", "-t", "6", "-c:a", "aac", "-ac", "2"))
	if err != nil {
		t.Fatal(err)
	}
	db := s.catalog()
	store, err := disk.Open(filepath.Join(s.data, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	svc := &content.Service{Catalog: db, Store: store, Uploads: &upload.Engine{Catalog: db, Dir: filepath.Join(s.data, "uploads")}}
	made, err := db.AddAssets(t.Context(), catalog.EntryID(id), []catalog.Asset{{Type: catalog.AssetFlavor, Name: "dub", Language: "es", Title: "Spanish", Kind: "audio"}})
	if err != nil {
		t.Fatal(err)
	}
	c.call(&tok, "uploadToken", "add", nil, nil)
	c.call(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": tok.ID}, dub)
	if err := svc.SetAsset(t.Context(), 101, made[0].ID, content.Token{ID: catalog.UploadTokenID(tok.ID)}); err != nil {
		t.Fatal(err)
	}
	var playlist string
	s.eventually(time.Minute, "the dub to be in the playlist", func() bool {
		_, b, err := s.tryGet("/hls/" + id + "/master.m3u8")
		playlist = string(b)
		return err == nil && strings.Contains(playlist, `LANGUAGE="es"`)
	})
	for line := range strings.Lines(playlist) {
		if strings.Contains(line, `LANGUAGE="es"`) && (!strings.HasPrefix(line, "#EXT-X-MEDIA:TYPE=AUDIO") || !strings.Contains(line, `NAME="Spanish"`)) {
			t.Errorf("the dub is %s", line)
		}
	}
	ffmpeg(t, "-i", "http://"+s.addr+"/hls/"+id+"/master.m3u8", "-map", "0:a:m:language:spa?", "-map", "0:v:0", "-f", "null", "-")
}

// TestClipsAndRenditionsThroughTheAPI cuts a new entry out of another, trims that one, and makes an entry of two renditions.
func TestClipsAndRenditionsThroughTheAPI(t *testing.T) {
	s := startServer(t)
	c := s.client()
	upload := func() map[string]any {
		var tok apiToken
		c.call(&tok, "uploadToken", "add", nil, nil)
		c.call(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": tok.ID}, apiFilm(t))
		return map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID}
	}
	source := c.addEntry()
	c.addContent(source, upload())
	c.waitEntry(source, 2)
	cut := func(of string, parts ...[2]int) map[string]any {
		var clips []any
		for _, p := range parts {
			clips = append(clips, map[string]any{"objectType": "KalturaClipAttributes", "offset": p[0], "duration": p[1]})
		}
		return map[string]any{
			"objectType": "KalturaOperationResource", "resource": map[string]any{"objectType": "KalturaEntryResource", "entryId": of}, "operationAttributes": clips,
		}
	}
	clipped := c.addEntry()
	c.addContent(clipped, cut(source, [2]int{1000, 2000}, [2]int{4000, 1000}))
	if e := c.waitEntry(clipped, 2); e.MSDuration < 2950 || e.MSDuration > 3050 {
		t.Errorf("the clips last %d ms", e.MSDuration)
	}
	nested := cut(source, [2]int{0, 1000})
	nested["resource"] = cut(source, [2]int{0, 1000})
	err := c.try(&apiEntry{}, "media", "addContent", map[string]any{"entryId": c.addEntry(), "resource": nested}, nil)
	if err == nil || !strings.Contains(err.Error(), "RESOURCE_TYPE_NOT_SUPPORTED") {
		t.Errorf("clips of clips: %v", err)
	}
	renditions := c.addEntry()
	part := func(params int) map[string]any {
		return map[string]any{"objectType": "KalturaAssetParamsResourceContainer", "assetParamsId": params, "resource": upload()}
	}
	c.addContent(renditions, map[string]any{"objectType": "KalturaAssetsParamsResourceContainers", "resources": []any{part(3), part(4)}})
	c.waitEntry(renditions, 2)
	for _, id := range []string{clipped, renditions} {
		ffmpeg(t, "-i", "http://"+s.addr+"/hls/"+id+"/master.m3u8", "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
	}
	s.eventually(time.Minute, "both renditions to be there", func() bool {
		assets, err := s.catalog().Assets(t.Context(), catalog.EntryID(renditions), catalog.AssetFlavor)
		ready := 0
		for _, a := range assets {
			if a.ParamsID > 0 && a.Status == catalog.AssetReady {
				ready++
			}
		}
		return err == nil && ready == 2
	})
	// A trim of an entry goes on in a hidden one, and takes its place.
	var e apiEntry
	c.call(&e, "media", "updateContent", map[string]any{"entryId": clipped, "resource": cut(clipped, [2]int{500, 1500})}, nil)
	s.eventually(2*time.Minute, "the trimmed content to be in place", func() bool {
		return c.try(&e, "media", "get", map[string]any{"entryId": clipped}, nil) == nil && e.Status == 2 && e.MSDuration > 1450 && e.MSDuration < 1550
	})
	ffmpeg(t, "-i", "http://"+s.addr+"/hls/"+clipped+"/master.m3u8", "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
}
