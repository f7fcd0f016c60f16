package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/origin"
	"sluice/packager/uri"
	"sluice/storage"
	"sluice/storage/disk"
)

// house is a library over a real catalog and a real store, with one entry.
type house struct {
	t     testing.TB
	db    *catalog.DB
	store storage.Store
	lib   *Library
	entry catalog.Entry
}

func newHouse(t testing.TB) *house {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, store: store, lib: &Library{Catalog: db, Store: store}}
	t.Cleanup(func() {
		h.lib.Close()
		store.Close()
		db.Close()
	})
	if _, _, err := db.EnsureAccount(t.Context(), 101, "test"); err != nil {
		t.Fatal(err)
	}
	h.entry = h.newEntry("song")
	return h
}

func (h *house) newEntry(name string) catalog.Entry {
	h.t.Helper()
	e, _, _, err := h.db.CreateEntry(h.t.Context(), catalog.NewEntry{Account: 101, Name: name, DedupKey: name}, nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// put stores chunk number n of a second of AAC frames and returns its object keys.
func (h *house) put(name string, n int) (key, index string, size int64) {
	h.t.Helper()
	media := packager.Media{Kind: packager.Audio, Entry: "mp4a", Config: []byte{0x11, 0x90}, Timescale: 48000, SampleRate: 48000, Channels: 2}
	var buf bytes.Buffer
	w := cmaf.NewWriter(&buf, media, cmaf.Options{Chunk: n})
	for i := range int64(48) {
		at := (int64(n)*48 + i) * 1024
		if err := w.Write(cmaf.Unit{DTS: at, PTS: at, Dur: 1024, Sync: true, Data: []byte(name)}); err != nil {
			h.t.Fatal(err)
		}
	}
	res, err := w.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	key, index = fmt.Sprintf("101/%s/%d.mp4", name, n), fmt.Sprintf("101/%s/%d.idx", name, n)
	for k, b := range map[string][]byte{key: buf.Bytes(), index: res.Index} {
		if _, err := h.store.Put(h.t.Context(), k, bytes.NewReader(b)); err != nil {
			h.t.Fatal(err)
		}
	}
	return key, index, int64(buf.Len())
}

func (h *house) addAsset(e catalog.EntryID, a catalog.Asset) catalog.Asset {
	h.t.Helper()
	a.Version = 1
	got, err := h.db.AddAssets(h.t.Context(), e, []catalog.Asset{a})
	if err != nil {
		h.t.Fatal(err)
	}
	return got[0]
}

// finished adds a complete rendition.
func (h *house) finished(e catalog.EntryID, name string) catalog.Asset {
	key, index, size := h.put(name, 0)
	return h.addAsset(e, catalog.Asset{Type: catalog.AssetFlavor, Status: catalog.AssetReady, Name: name, Kind: "audio", Key: key, IndexKey: index, Size: size})
}

func (h *house) acquire(id catalog.EntryID) (*Title, *packager.Set) {
	h.t.Helper()
	t, err := h.lib.Acquire(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	set, err := t.Set()
	if err != nil {
		h.t.Fatal(err)
	}
	return t, set
}

// expire makes the next Acquire look at the catalog.
func (h *house) expire() {
	h.lib.mu.Lock()
	defer h.lib.mu.Unlock()
	for _, el := range h.lib.titles {
		el.Value.(*Title).checked.Store(0)
	}
}

func TestAnUnchangedEntryKeepsItsSet(t *testing.T) {
	h := newHouse(t)
	h.finished(h.entry.ID, "a")
	t1, set1 := h.acquire(h.entry.ID)
	defer t1.Release()
	h.expire()
	t2, set2 := h.acquire(h.entry.ID)
	defer t2.Release()
	if set1 != set2 {
		t.Error("the same entry gave two sets")
	}
	if !set1.Complete || len(set1.Files) != 1 || set1.Files[0].Tracks[0].Len() != 48 {
		t.Errorf("set %+v", set1)
	}
}

func TestAChangedEntryIsOpenedAnewAndTheOldTitleStaysUsable(t *testing.T) {
	h := newHouse(t)
	h.finished(h.entry.ID, "a")
	old, oldSet := h.acquire(h.entry.ID)
	h.finished(h.entry.ID, "b")
	h.expire()
	now, set := h.acquire(h.entry.ID)
	defer now.Release()
	if len(set.Files) != 2 || set.Version == oldSet.Version {
		t.Errorf("%d files, version %q after %q", len(set.Files), set.Version, oldSet.Version)
	}
	s := oldSet.Files[0].Tracks[0].Sample(0)
	b := make([]byte, s.Size)
	if _, err := oldSet.Files[0].Tracks[0].Files[0].ReadAt(b, s.Offset); err != nil || string(b) != "a" {
		t.Errorf("the title in use reads %q, %v", b, err)
	}
	old.Release()
	if _, err := oldSet.Files[0].Tracks[0].Files[0].ReadAt(b, s.Offset); err == nil {
		t.Error("the old title's files are still open after its last holder left")
	}
}

func TestAGrowingRenditionPlaysFromItsChunks(t *testing.T) {
	h := newHouse(t)
	a := h.addAsset(h.entry.ID, catalog.Asset{Type: catalog.AssetFlavor, Status: catalog.AssetConverting, Name: "grow", Kind: "audio"})
	title, set := h.acquire(h.entry.ID)
	if len(set.Files) != 0 {
		t.Errorf("an entry without chunks has %d files", len(set.Files))
	}
	title.Release()
	for n := range 3 {
		key, index, size := h.put("grow", n)
		if n == 1 {
			continue // the second chunk is late
		}
		err := h.db.UpdateAsset(t.Context(), a.ID, func(a *catalog.Asset) error {
			a.Parts = append(a.Parts, catalog.Part{Index: n, Key: key, IndexKey: index, Size: size})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.expire()
	title, set = h.acquire(h.entry.ID)
	defer title.Release()
	if set.Complete || set.Files[0].Tracks[0].Len() != 48 {
		t.Errorf("complete %v, %d samples; want a growing set of the first chunk's 48", set.Complete, set.Files[0].Tracks[0].Len())
	}
}

func TestChoicesNameAssetsOfTheEntry(t *testing.T) {
	h := newHouse(t)
	a, b := h.finished(h.entry.ID, "a"), h.finished(h.entry.ID, "b")
	for path, want := range map[string][]catalog.AssetID{
		"/hls/" + string(h.entry.ID) + "/master.m3u8":                                                    {a.ID, b.ID},
		"/hls/" + string(h.entry.ID) + "/," + string(b.ID) + "," + string(a.ID) + ",.urlset/master.m3u8": {b.ID, a.ID},
		"/hls/" + string(h.entry.ID) + "/" + string(b.ID) + "/master.m3u8":                               {b.ID},
	} {
		req, err := uri.Parse(uri.HLS, strings.TrimPrefix(path, "/hls/"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Resolver{h.lib}.Resolve(t.Context(), &req.Source)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var got []catalog.AssetID
		for _, f := range p.Set.Files {
			got = append(got, catalog.AssetID(f.ID))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: files %v, want %v", path, got, want)
		}
		p.Release()
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	h := newHouse(t)
	h.finished(h.entry.ID, "a")
	gone := h.newEntry("gone")
	h.finished(gone.ID, "g")
	title, _ := h.acquire(gone.ID)
	title.Release()
	if err := h.db.DeleteEntry(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	h.expire()
	for _, file := range []string{"0_zzzzzzzz", string(gone.ID), string(h.entry.ID) + "/0_zzzzzzzz"} {
		req, err := uri.Parse(uri.HLS, file+"/master.m3u8")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (Resolver{h.lib}).Resolve(context.Background(), &req.Source); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("%s: error %v, want not found", file, err)
		}
	}
}

// TestNothingIsGivenAwayBeforeTheScansVerdict: originals are looked at for viruses, and an entry's address may be known before that.
func TestNothingIsGivenAwayBeforeTheScansVerdict(t *testing.T) {
	h := newHouse(t)
	h.lib.Scanned = true
	id := h.entry.ID
	h.finished(id, "rendition")
	key, index, size := h.put("original", 0)
	orig := h.addAsset(id, catalog.Asset{
		Type: catalog.AssetFlavor, Status: catalog.AssetReady, Name: "original", Kind: "audio", Original: true, Key: key, IndexKey: index, Size: size,
	})
	given := func() bool {
		h.expire()
		title, err := h.lib.Acquire(t.Context(), id)
		if err == nil {
			title.Release()
		} else if !errors.Is(err, catalog.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	verdict := func(s *catalog.AssetScan) {
		if err := h.db.UpdateAsset(t.Context(), orig.ID, func(a *catalog.Asset) error { a.Details.Scan = s; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if given() {
		t.Error("given away before its verdict")
	}
	if verdict(&catalog.AssetScan{Bytes: size}); !given() {
		t.Error("withheld though it is clean")
	}
	if verdict(&catalog.AssetScan{Bytes: size, Virus: "Test.Mark"}); given() {
		t.Error("given away with a virus")
	}
	verdict(nil)
	if h.lib.Scanned = false; !given() {
		t.Error("withheld though nothing is scanned here")
	}
	h.lib.Scanned = true
	if err := h.db.UpdateEntry(t.Context(), id, func(e *catalog.Entry) error { e.Status = catalog.EntryReady; return nil }); err != nil {
		t.Fatal(err)
	}
	if !given() {
		t.Error("withheld though it was ready before originals were scanned")
	}
}

func TestTheLibraryIsBoundedByTracks(t *testing.T) {
	h := newHouse(t)
	h.lib.MaxTracks = 3
	var ids []catalog.EntryID
	for i := range 6 {
		e := h.newEntry(fmt.Sprint("e", i))
		h.finished(e.ID, fmt.Sprint("r", i))
		ids = append(ids, e.ID)
	}
	for _, id := range ids {
		title, _ := h.acquire(id)
		title.Release()
	}
	if h.lib.tracks != 3 || len(h.lib.titles) != 3 {
		t.Errorf("%d tracks of %d titles are open, want 3 of 3", h.lib.tracks, len(h.lib.titles))
	}
	if _, ok := h.lib.titles[ids[0]]; ok {
		t.Error("the title used longest ago is still open")
	}
}

func TestCaptionsNeedTheirToken(t *testing.T) {
	h := newHouse(t)
	if _, err := h.store.Put(t.Context(), "101/c.vtt", strings.NewReader("WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n")); err != nil {
		t.Fatal(err)
	}
	c := h.addAsset(h.entry.ID, catalog.Asset{Type: catalog.AssetCaption, Status: catalog.AssetReady, Name: "s0", Kind: "text", Key: "101/c.vtt", Language: "en"})
	tokens, err := origin.NewTokens(origin.Key{ID: "k", Secret: []byte("sixteen bytes or more")})
	if err != nil {
		t.Fatal(err)
	}
	grant := func(prefix string) string {
		tok, err := tokens.Issue(origin.Grant{Prefix: prefix, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	path := "/captions/" + string(h.entry.ID) + "/" + string(c.ID) + ".vtt"
	for _, tc := range []struct {
		path   string
		tokens *origin.Tokens
		status int
	}{
		{path, nil, http.StatusOK},
		{path, tokens, http.StatusForbidden},
		{"/t/" + grant("/captions/"+string(h.entry.ID)) + path, tokens, http.StatusOK},
		{"/t/" + grant("/captions/0_zzzzzzzz") + path, tokens, http.StatusForbidden},
		{"/captions/" + string(h.entry.ID) + "/0_zzzzzzzz.vtt", nil, http.StatusNotFound},
	} {
		mux := http.NewServeMux()
		mux.Handle("GET /captions/{entry}/{file}", Captions{Library: h.lib, Tokens: tc.tokens})
		mux.Handle("GET /t/{token}/captions/{entry}/{file}", Captions{Library: h.lib, Tokens: tc.tokens})
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tc.path, nil))
		body, _ := io.ReadAll(w.Body)
		if w.Code != tc.status || w.Code == http.StatusOK && !strings.Contains(string(body), "hello") {
			t.Errorf("GET %s: status %d, want %d: %s", tc.path, w.Code, tc.status, body)
		}
	}
}
