//go:build cgo

package content_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/ingest/content"
)

func (r *rig) setEntry(id catalog.EntryID, src content.Source) {
	r.Helper()
	if err := r.SetEntry(r.Context(), account, id, []content.Part{{Source: src}}, content.Options{}); err != nil {
		r.Fatal(err)
	}
}

// wantReady does the entry's work and checks that it has a picture and a sound that play.
func (r *rig) wantReady(id catalog.EntryID) catalog.Entry {
	r.Helper()
	r.work(id)
	e := r.wantEntry(id, catalog.EntryReady)
	for _, kind := range []string{"video", "audio"} {
		if len(r.assets(id, func(a catalog.Asset) bool {
			return a.Kind == kind && a.Status == catalog.AssetReady && a.IndexKey != ""
		})) == 0 {
			r.Errorf("entry %s has no %s that plays", id, kind)
		}
	}
	return e
}

func TestACompleteUploadBecomesTheOriginal(t *testing.T) {
	r := newRig(t)
	id, b := r.entry(catalog.MediaVideo), film(t)
	token := r.upload("My Film.MP4", b)
	r.setEntry(id, content.Token{ID: token})
	r.wantEntry(id, catalog.EntryPreconvert)
	tok, _ := r.Catalog.UploadToken(t.Context(), account, token)
	if tok.Status != catalog.UploadClosed || tok.AttachedID != string(id) {
		t.Errorf("token: status %d, for %s %s", tok.Status, tok.AttachedType, tok.AttachedID)
	}
	err := r.SetEntry(t.Context(), account, id, []content.Part{{Source: content.Text{Content: "x"}}}, content.Options{})
	if content.KindOf(err) != content.HasContent {
		t.Errorf("content for the second time: %v", err)
	}
	other := r.entry(catalog.MediaVideo)
	err = r.SetEntry(t.Context(), account, other, []content.Part{{Source: content.Token{ID: token}}}, content.Options{})
	if content.KindOf(err) != content.TokenState {
		t.Errorf("the same token again: %v", err)
	}
	r.wantEntry(other, catalog.EntryNoContent)
	r.wantReady(id)
	orig := r.original(id)
	if !bytes.Equal(r.bytes(orig.Key), b) || filepath.Ext(orig.Key) != ".mp4" || orig.SHA256 == "" {
		t.Errorf("original %s is not what was uploaded (%q)", orig.Key, orig.SHA256)
	}
	left, err := os.ReadDir(filepath.Join(r.dir, "uploads"))
	if err != nil || len(left) != 0 {
		t.Errorf("left of the upload: %v, %v", left, err)
	}
}

func TestAnUnfinishedUploadIsWaitedFor(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	tok, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: account, FileName: "film.mp4"})
	if err != nil {
		t.Fatal(err)
	}
	r.setEntry(id, content.Token{ID: tok.ID})
	r.wantEntry(id, catalog.EntryImport)
	r.work(id)
	r.wantEntry(id, catalog.EntryImport)
	if tok = r.send(tok.ID, film(t)); tok.Status != catalog.UploadClosed {
		t.Errorf("token has status %d", tok.Status)
	}
	r.wantEntry(id, catalog.EntryPreconvert)
	r.wantReady(id)
	if key := r.original(id).Key; filepath.Ext(key) != ".mp4" {
		t.Errorf("original %s", key)
	}
}

func TestAnUploadOfOtherBytesThanItsSenderSaidFailsItsEntry(t *testing.T) {
	r := newRig(t)
	b := film(t)
	sum := sha256.Sum256(b)
	for _, sent := range [][]byte{b, append(bytes.Clone(b), 0)} {
		id := r.entry(catalog.MediaVideo)
		tok, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: account, FileName: "a.mp4"})
		if err != nil {
			t.Fatal(err)
		}
		r.setEntry(id, content.Token{ID: tok.ID, SHA256: strings.ToUpper(hex.EncodeToString(sum[:]))})
		r.send(tok.ID, sent)
		r.work(id)
		if len(sent) == len(b) {
			r.wantReady(id)
		} else if e := r.wantEntry(id, catalog.EntryErrorImporting); e.ErrorCode != string(codec.IncompleteUpload) {
			t.Errorf("error %s", e.ErrorCode)
		}
	}
}

func TestAnUploadThatIsGivenUpFailsItsEntry(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	tok, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	r.setEntry(id, content.Token{ID: tok.ID})
	if err := r.Uploads.Delete(t.Context(), account, tok.ID); err != nil {
		t.Fatal(err)
	}
	if e := r.wantEntry(id, catalog.EntryErrorImporting); e.ErrorCode != content.CodeUploadLost {
		t.Errorf("error %s", e.ErrorCode)
	}
}

func TestAURLIsDownloadedWithItsHeaders(t *testing.T) {
	b := film(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("X-Secret") != "open" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		http.ServeContent(w, req, "film.mp4", time.Unix(1e9, 0), bytes.NewReader(b))
	}))
	defer srv.Close()
	r := newRig(t)
	good, bad := r.entry(catalog.MediaVideo), r.entry(catalog.MediaVideo)
	r.setEntry(good, content.URL{URL: srv.URL + "/a/film.mp4?token=secret", Headers: []string{"X-Secret: open"}})
	r.wantEntry(good, catalog.EntryImport)
	tasks, err := r.Catalog.Tasks(t.Context(), good)
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	for _, task := range tasks {
		if strings.Contains(string(task.Payload), "secret") || strings.Contains(string(task.Payload), "X-Secret") {
			t.Errorf("the row of task %q shows a secret: %s", task.Name, task.Payload)
		}
	}
	e := r.wantReady(good)
	if strings.Contains(e.SourceKey, "secret") || !bytes.Equal(r.bytes(r.original(good).Key), b) {
		t.Errorf("source %q, original %s", e.SourceKey, r.original(good).Key)
	}
	if e.DurationMS < 4990 || e.DurationMS > 5030 || e.Width != 160 || e.Height != 90 {
		t.Errorf("%d ms, %dx%d", e.DurationMS, e.Width, e.Height)
	}
	r.setEntry(bad, content.URL{URL: srv.URL + "/a/film.mp4"})
	r.work(bad)
	if e := r.wantEntry(bad, catalog.EntryErrorImporting); e.ErrorCode != "url_refused" {
		t.Errorf("error %s", e.ErrorCode)
	}
	left, err := os.ReadDir(filepath.Join(r.dir, "fetch"))
	if err != nil || len(left) != 0 {
		t.Errorf("left of the downloads: %v, %v", left, err)
	}
}

func TestContentOfOthersIsCopied(t *testing.T) {
	r := newRig(t)
	b := film(t)
	from := r.entry(catalog.MediaVideo)
	r.setEntry(from, content.Token{ID: r.upload("film.mp4", b)})
	r.wantReady(from)
	video := r.assets(from, func(a catalog.Asset) bool { return a.Kind == "video" && !a.Original })[0]
	err := r.Catalog.UpdateAsset(t.Context(), video.ID, func(a *catalog.Asset) error {
		a.ParamsID = 7
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]content.Source{
		"entry": content.Entry{ID: from}, "original": content.Asset{ID: r.original(from).ID},
		"rendition": content.Entry{ID: from, Params: 7}, "rendition by id": content.Asset{ID: video.ID},
	} {
		id := r.entry(catalog.MediaVideo)
		r.setEntry(id, src)
		r.wantEntry(id, catalog.EntryImport)
		e := r.wantReady(id)
		same := bytes.Equal(r.bytes(r.original(id).Key), b)
		if wantSame := !strings.HasPrefix(name, "rendition"); same != wantSame || e.DurationMS < 4900 || e.DurationMS > 5100 {
			t.Errorf("%s: the same bytes: %v; %d ms", name, same, e.DurationMS)
		}
	}
}

// TestSourcesAreRefused tries what cannot be content, and checks that nothing changed.
func TestSourcesAreRefused(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	if _, _, err := r.Catalog.EnsureAccount(t.Context(), 102, "other"); err != nil {
		t.Fatal(err)
	}
	other, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: 102})
	if err != nil {
		t.Fatal(err)
	}
	empty := r.entry(catalog.MediaVideo)
	for name, c := range map[string]struct {
		src  content.Source
		kind content.Kind
	}{
		"unknown token":         {content.Token{ID: catalog.NewUploadTokenID()}, content.NoToken},
		"another's token":       {content.Token{ID: other.ID}, content.NoToken},
		"unknown entry":         {content.Entry{ID: "0_zzzzzzzz"}, content.NoEntry},
		"entry without content": {content.Entry{ID: empty}, content.NoFile},
		"unknown asset":         {content.Asset{ID: "0_zzzzzzzz"}, content.NoAsset},
		"file URL":              {content.URL{URL: "file:///etc/passwd"}, content.BadURL},
		"no URL":                {content.URL{URL: "http://"}, content.BadURL},
		"bad header":            {content.URL{URL: "http://example.com/", Headers: []string{"A\r\nB: c"}}, content.BadURL},
		"text":                  {content.Text{Content: "x"}, content.NotSupported},
		"missing file":          {content.File{Path: "/nonexistent/film.mp4"}, content.NoFile},
		"no clips":              {content.Clips{Of: content.Entry{ID: empty}}, content.BadClip},
		"clips of clips":        {content.Clips{Of: content.Clips{}, Parts: []content.Clip{{}}}, content.NotSupported},
		"nothing":               {nil, content.NotSupported},
	} {
		err := r.SetEntry(t.Context(), account, id, []content.Part{{Source: c.src}}, content.Options{})
		if content.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %q", name, err, c.kind)
		}
	}
	e := r.wantEntry(id, catalog.EntryNoContent)
	if e.Revision != 2 || len(r.assets(id, func(catalog.Asset) bool { return true })) != 0 {
		t.Errorf("the entry changed: %+v", e)
	}
	if err := r.SetEntry(t.Context(), 102, id, nil, content.Options{}); content.KindOf(err) != content.NoEntry {
		t.Errorf("another account's entry: %v", err)
	}
}

func TestPicturesAreReadyAtOnce(t *testing.T) {
	var buf bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 64, 48))
	img.Set(3, 3, color.White)
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/ok.png" {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(buf.Bytes())
	}))
	defer srv.Close()
	r := newRig(t)
	for name, src := range map[string]content.Source{
		"token":  content.Token{ID: r.upload("a.png", buf.Bytes())},
		"url":    content.URL{URL: srv.URL + "/ok.png"},
		"stream": content.Stream{Name: "a.png", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil }},
	} {
		id := r.entry(catalog.MediaImage)
		r.setEntry(id, src)
		e := r.wantEntry(id, catalog.EntryReady)
		if e.Width != 64 || e.Height != 48 || !bytes.Equal(r.bytes(r.original(id).Key), buf.Bytes()) {
			t.Errorf("%s: %dx%d", name, e.Width, e.Height)
		}
		r.work(id)
		r.wantEntry(id, catalog.EntryReady)
		if len(r.assets(id, func(a catalog.Asset) bool { return a.Type == catalog.AssetThumb })) != 1 {
			t.Errorf("%s: no poster", name)
		}
		// Another picture in its place.
		err := r.SetEntry(t.Context(), account, id, []content.Part{{Source: content.Token{ID: r.upload("b.png", buf.Bytes())}}}, content.Options{Replace: true})
		if err != nil {
			t.Fatal(err)
		}
		if e := r.wantEntry(id, catalog.EntryReady); e.Version != 2 || r.original(id).Version != 2 {
			t.Errorf("%s: version %d", name, e.Version)
		}
		r.work(id)
		r.wantEntry(id, catalog.EntryReady)
	}
	bad := r.entry(catalog.MediaImage)
	r.setEntry(bad, content.URL{URL: srv.URL + "/missing.png"})
	if e := r.wantEntry(bad, catalog.EntryErrorImporting); e.ErrorCode != "url_not_found" {
		t.Errorf("error %s", e.ErrorCode)
	}
	left, err := filepath.Glob(filepath.Join(r.dir, "*", "*fetch-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestClipsAreCutToTheFrame reads the seconds of a film, which its brightness tells, back from what was cut out of it.
func TestClipsAreCutToTheFrame(t *testing.T) {
	r := newRig(t)
	source := r.entry(catalog.MediaVideo)
	r.setEntry(source, content.Token{ID: r.upload("film.mp4", film(t))})
	r.wantReady(source)
	const frame = 40 * time.Millisecond
	for name, c := range map[string]struct {
		of    content.Source
		parts []content.Clip
		want  string // the second that each of the frames is from, run-length encoded
	}{
		"middle": {content.Entry{ID: source}, []content.Clip{{Offset: time.Second + 3*frame, Duration: 2 * time.Second}}, "1x22 2x25 3x3"},
		"of TS":  {content.Token{ID: r.upload("film.ts", transport(t))}, []content.Clip{{Offset: time.Second + 3*frame, Duration: 2 * time.Second}}, "1x23 2x25 3x2"}, // its sound starts half a frame before its picture
		"to end": {content.Entry{ID: source}, []content.Clip{{Offset: 4*time.Second - frame}}, "3x1 4x25"},
		"several": {content.Token{ID: r.upload("film.mp4", film(t))}, []content.Clip{
			{Offset: 3 * time.Second, Duration: 10 * frame}, {Offset: 0, Duration: 5 * frame}, {Offset: 5*time.Second - 7*frame, Duration: time.Hour},
		}, "3x10 0x5 4x7"},
	} {
		id := r.entry(catalog.MediaVideo)
		r.setEntry(id, content.Clips{Of: c.of, Parts: c.parts})
		e := r.wantReady(id)
		path := r.store.Dir() + "/" + r.original(id).Key
		frames, got := seconds(t, path)
		if got != c.want {
			t.Errorf("%s: frames are %s, want %s", name, got, c.want)
		}
		if want := int64(frames) * frame.Milliseconds(); e.DurationMS < want-30 || e.DurationMS > want+30 {
			t.Errorf("%s: %d ms, want %d", name, e.DurationMS, want)
		}
		samples := soundSamples(t, path)
		if want := frames * 1920; samples < want-1100 || samples > want+1100 {
			t.Errorf("%s: %d samples of sound, want about %d", name, samples, want)
		}
		if keys := r.assets(id, func(a catalog.Asset) bool { return a.Original }); len(keys) != 1 {
			t.Errorf("%s: %d originals", name, len(keys))
		}
	}
	beyond := r.entry(catalog.MediaVideo)
	r.setEntry(beyond, content.Clips{Of: content.Entry{ID: source}, Parts: []content.Clip{{Offset: time.Hour}}})
	r.work(beyond)
	if e := r.wantEntry(beyond, catalog.EntryErrorConverting); e.ErrorText == "" {
		t.Error("a clip beyond the end gives no reason")
	}
}

// transport is the film as a transport stream whose clock starts anywhere, with B-frames.
func transport(t *testing.T) []byte {
	t.Helper()
	return clip(t, ".ts", "-f", "lavfi", "-i", "color=black:s=160x90:r=25:d=5,geq=lum='16+40*floor(T)':cb=128:cr=128",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:d=5", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50", "-c:a", "aac", "-shortest",
		"-output_ts_offset", "95443")
}

// seconds decodes a film and returns how many frames it has and which second each is from.
func seconds(t *testing.T, path string) (int, string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-vf", "scale=1:1:flags=area", "-pix_fmt", "gray", "-vsync", "passthrough", "-f", "rawvideo", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var runs []string
	for i := 0; i < len(out); {
		second, n := (int(out[i])-int(grey(0))+20)/46, 0
		for i < len(out) && (int(out[i])-int(grey(0))+20)/46 == second {
			i, n = i+1, n+1
		}
		runs = append(runs, fmt.Sprintf("%dx%d", second, n))
	}
	return len(out), strings.Join(runs, " ")
}

// grey is the full-range grey of a second: 40 steps of video range a second.
func grey(second int) uint8 { return uint8(40 * second * 255 / 219) }

// soundSamples is how many samples of sound a file plays.
func soundSamples(t *testing.T, path string) int {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-ac", "1", "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return len(out) / 2
}
