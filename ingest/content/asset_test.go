//go:build cgo

package content_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/internal/pgtest"
	"sluice/storage"
)

func (r *rig) setAsset(id catalog.AssetID, src content.Source) {
	r.Helper()
	if err := r.SetAsset(r.Context(), account, id, src); err != nil {
		r.Fatal(err)
	}
}

func TestCaptionsAndAttachmentsGetTheirContent(t *testing.T) {
	const srt = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/gone" {
			http.Error(w, "gone", http.StatusGone)
			return
		}
		_, _ = io.WriteString(w, srt)
	}))
	defer srv.Close()
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	caption := r.asset(id, catalog.Asset{Type: catalog.AssetCaption, Name: "caption"})
	r.setAsset(caption, content.Text{Content: srt})
	a := r.wantAsset(caption, catalog.AssetReady)
	if got := string(r.bytes(a.Key)); got != srt || a.Revision != 1 || a.Size != int64(len(srt)) || a.SHA256 == "" {
		t.Errorf("caption %+v: %q", a, got)
	}
	// The next content takes the place of the first.
	r.setAsset(caption, content.Token{ID: r.upload("en.srt", []byte(srt+"\n"))})
	b := r.wantAsset(caption, catalog.AssetReady)
	if got := string(r.bytes(b.Key)); got != srt+"\n" || b.Revision != 2 || b.Key == a.Key {
		t.Errorf("caption %+v: %q", b, got)
	}
	if _, err := r.store.Stat(t.Context(), a.Key); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("the first content is still there: %v", err)
	}
	// From a URL it comes later, and until then the asset is importing.
	r.setAsset(caption, content.URL{URL: srv.URL + "/en.srt"})
	r.wantAsset(caption, catalog.AssetImporting)
	r.work(id)
	if c := r.wantAsset(caption, catalog.AssetReady); string(r.bytes(c.Key)) != srt || c.Revision != 3 {
		t.Errorf("caption %+v", c)
	}
	// A failure is the asset's, not the entry's.
	r.setAsset(caption, content.URL{URL: srv.URL + "/gone"})
	r.work(id)
	if c := r.wantAsset(caption, catalog.AssetError); !strings.Contains(c.ErrorText, "410") {
		t.Errorf("error %q", c.ErrorText)
	}
	r.wantEntry(id, catalog.EntryNoContent)

	attachment := r.asset(id, catalog.Asset{Type: catalog.AssetAttachment, Name: "notes"})
	r.setAsset(attachment, content.URL{URL: srv.URL + "/notes.txt"})
	r.wantAsset(attachment, catalog.AssetReady)
	r.setAsset(attachment, content.URL{URL: srv.URL + "/gone"})
	r.wantAsset(attachment, catalog.AssetError)
	r.setAsset(attachment, content.Asset{ID: caption2(r, id, srt)})
	r.wantAsset(attachment, catalog.AssetReady)

	// An upload may still be under way.
	tok, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: account, FileName: "notes.txt"})
	if err != nil {
		t.Fatal(err)
	}
	r.setAsset(attachment, content.Token{ID: tok.ID})
	r.wantAsset(attachment, catalog.AssetImporting)
	r.send(tok.ID, []byte("some notes"))
	r.work(id)
	if c := r.wantAsset(attachment, catalog.AssetReady); string(r.bytes(c.Key)) != "some notes" {
		t.Errorf("attachment %+v", c)
	}
}

func caption2(r *rig, id catalog.EntryID, text string) catalog.AssetID {
	r.Helper()
	a := r.asset(id, catalog.Asset{Type: catalog.AssetCaption, Name: "second"})
	r.setAsset(a, content.Text{Content: text})
	return a
}

// TestADubJoinsItsEntry gives a ready entry further languages: one whose samples can be kept, and one that must be encoded.
func TestADubJoinsItsEntry(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	r.setEntry(id, content.Token{ID: r.upload("film.mp4", film(t))})
	r.wantReady(id)
	aac := clip(t, ".m4a", "-f", "lavfi", "-i", "sine=frequency=880:sample_rate=48000:d=5", "-c:a", "aac", "-b:a", "96k")
	wav := clip(t, ".wav", "-f", "lavfi", "-i", "sine=frequency=880:sample_rate=44100:d=5")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(aac) }))
	defer srv.Close()
	for name, c := range map[string]struct {
		src    content.Source
		copied bool
	}{"es": {content.URL{URL: srv.URL + "/es.m4a"}, true}, "fr": {content.Token{ID: r.upload("fr.wav", wav)}, false}} {
		dub := r.asset(id, catalog.Asset{Type: catalog.AssetFlavor, Name: name, Language: name, Title: "Dub", Kind: "audio"})
		r.setAsset(dub, c.src)
		r.wantAsset(dub, catalog.AssetImporting)
		r.work(id)
		a := r.wantAsset(dub, catalog.AssetReady)
		if a.Kind != "audio" || a.Language != name || a.Title != "Dub" || a.IndexKey == "" || a.Codec != "mp4a.40.2" ||
			strings.Contains(string(a.Props), `"copied":true`) != c.copied {
			t.Errorf("dub %+v %s", a, a.Props)
		}
		if out, err := exec.Command("ffmpeg", "-v", "error", "-i", r.store.Dir()+"/"+a.Key, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("the dub does not decode: %v %s", err, out)
		}
	}
	if e := r.wantEntry(id, catalog.EntryReady); e.DurationMS > 5100 {
		t.Errorf("%d ms", e.DurationMS)
	}
	for o, err := range r.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(o.Key, "received") || strings.Contains(o.Key, "work-") {
			t.Errorf("left behind: %s", o.Key)
		}
	}
}

// TestRenditionsMadeElsewhereMakeAnEntry gives an entry two renditions and no original.
func TestRenditionsMadeElsewhereMakeAnEntry(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	small := clip(t, ".mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4", "-f", "lavfi", "-i", "sine=d=4", "-c:v", "libx264", "-preset", "ultrafast",
		"-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac")
	large := clip(t, ".mp4", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4", "-f", "lavfi", "-i", "sine=d=4", "-c:v", "libx264", "-preset", "ultrafast",
		"-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac")
	pending, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: account, FileName: "large.mp4"})
	if err != nil {
		t.Fatal(err)
	}
	err = r.SetEntry(t.Context(), account, id, []content.Part{
		{Source: content.Token{ID: r.upload("small.mp4", small)}, AssetParams: 11}, {Source: content.Token{ID: pending.ID}, AssetParams: 12},
	}, content.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.wantEntry(id, catalog.EntryImport)
	r.work(id)
	r.wantReady(id)
	r.send(pending.ID, large)
	e := r.wantReady(id)
	if e.DurationMS < 3900 || e.DurationMS > 4100 {
		t.Errorf("%d ms", e.DurationMS)
	}
	for params, width := range map[int64]int{11: 160, 12: 320} {
		a := r.assets(id, func(a catalog.Asset) bool { return a.ParamsID == params })
		if len(a) != 1 || a[0].Width != width || a[0].Status != catalog.AssetReady || !strings.Contains(string(a[0].Props), `"copied":true`) {
			t.Errorf("rendition %d: %+v", params, a)
		}
	}
	if n := len(r.assets(id, func(a catalog.Asset) bool { return a.Kind == "audio" })); n != 1 {
		t.Errorf("%d sounds", n)
	}
	if n := len(r.assets(id, func(a catalog.Asset) bool { return a.Type == catalog.AssetThumb })); n != 1 {
		t.Errorf("%d posters", n)
	}
}

func TestARenditionThatIsNoMediaFailsAlone(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	r.setEntry(id, content.Token{ID: r.upload("film.mp4", film(t))})
	r.wantReady(id)
	bad := r.asset(id, catalog.Asset{Type: catalog.AssetFlavor, Name: "dub"})
	r.setAsset(bad, content.Token{ID: r.upload("dub.mp3", bytes.Repeat([]byte("no sound "), 500))})
	r.work(id)
	if a := r.wantAsset(bad, catalog.AssetError); a.ErrorText == "" {
		t.Error("no reason is given")
	}
	r.wantEntry(id, catalog.EntryReady)
	// The next content is another chance.
	r.setAsset(bad, content.Token{ID: r.upload("film.mp4", film(t))})
	r.work(id)
	r.wantAsset(bad, catalog.AssetReady)
	// Without anything else the entry fails with its only rendition.
	lone := r.entry(catalog.MediaVideo)
	only := r.asset(lone, catalog.Asset{Type: catalog.AssetFlavor, Name: "only", ParamsID: 5})
	r.setAsset(only, content.Token{ID: r.upload("x.mp4", bytes.Repeat([]byte("no film "), 500))})
	r.wantEntry(lone, catalog.EntryImport)
	r.work(lone)
	r.wantAsset(only, catalog.AssetError)
	r.wantEntry(lone, catalog.EntryErrorConverting)
}

func TestContentOfAssetsIsRefused(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	flavor := r.asset(id, catalog.Asset{Type: catalog.AssetFlavor, Name: "dub"})
	for name, c := range map[string]struct {
		asset catalog.AssetID
		src   content.Source
		kind  content.Kind
	}{
		"unknown":      {"0_zzzzzzzz", content.Text{Content: "x"}, content.NoAsset},
		"text flavor":  {flavor, content.Text{Content: "x"}, content.NotSupported},
		"clips flavor": {flavor, content.Clips{Of: content.URL{URL: "http://example.com/"}, Parts: []content.Clip{{}}}, content.NotSupported},
		"empty text":   {flavor, content.Text{}, content.NoText},
	} {
		if err := r.SetAsset(t.Context(), account, c.asset, c.src); content.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %q", name, err, c.kind)
		}
	}
	notes := r.asset(id, catalog.Asset{Type: catalog.AssetAttachment, Name: "notes"})
	program := content.Stream{Name: "notes.txt", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("\x7fELF…")), nil }}
	if err := r.SetAsset(t.Context(), account, notes, program); content.KindOf(err) != content.Restricted {
		t.Errorf("a program: %v", err)
	}
	if err := r.SetAsset(t.Context(), account+1, flavor, content.Text{Content: "x"}); content.KindOf(err) != content.NoAsset {
		t.Errorf("another's asset: %v", err)
	}
	if a := r.wantAsset(flavor, catalog.AssetQueued); a.Revision != 0 {
		t.Errorf("the asset changed: %+v", a)
	}
}

// TestContentComesInOnPostgreSQL attaches uploads while they end, on the database where transactions run side by side.
func TestContentComesInOnPostgreSQL(t *testing.T) {
	url := pgtest.Start(t)
	r := newRig(t)
	db, err := catalog.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	r.Catalog, r.Uploads.Catalog, r.env.Catalog = db, db, db
	b := film(t)
	waiting := map[catalog.EntryID]catalog.UploadTokenID{}
	var all sync.WaitGroup
	for range 12 {
		id := r.entry(catalog.MediaVideo)
		tok, err := r.Uploads.Add(t.Context(), catalog.UploadToken{Account: account, FileName: "film.mp4"})
		if err != nil {
			t.Fatal(err)
		}
		waiting[id] = tok.ID
		all.Go(func() {
			if _, err := r.Uploads.Upload(t.Context(), account, tok.ID, wholeFile(b)); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := r.SetEntry(t.Context(), account, id, []content.Part{{Source: content.Token{ID: tok.ID}}}, content.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for id, token := range waiting {
		r.wantEntry(id, catalog.EntryPreconvert)
		if tok, err := db.UploadToken(t.Context(), account, token); err != nil || tok.Status != catalog.UploadClosed {
			t.Errorf("token has status %d, %v", tok.Status, err)
		}
	}
	id := r.entry(catalog.MediaVideo)
	r.setEntry(id, content.Token{ID: r.upload("film.mp4", film(t))})
	r.wantReady(id)
	dub := r.asset(id, catalog.Asset{Type: catalog.AssetFlavor, Name: "dub", Kind: "audio"})
	r.setAsset(dub, content.Entry{ID: id})
	r.work(id)
	r.wantAsset(dub, catalog.AssetReady)
}
