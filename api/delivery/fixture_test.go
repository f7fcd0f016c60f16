package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/api/delivery"
	"sluice/api/play"
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/mp4"
	"sluice/packager/origin"
	"sluice/packager/uri"
	"sluice/storage"
	"sluice/storage/disk"
)

const account catalog.AccountID = 102

// seconds is the length of the film that the tests play.
const filmSeconds = 20

// films are made once for all tests: two rungs of a film with English sound, and a Spanish sound.
var films struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if films.dir != "" {
		_ = os.RemoveAll(films.dir)
	}
	os.Exit(code)
}

func film(t testing.TB, name string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg to make a film")
	}
	films.once.Do(func() {
		films.dir, films.err = os.MkdirTemp("", "delivery")
		if films.err != nil {
			return
		}
		video := func(size string) []string {
			return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%s:r=25:d=%d", size, filmSeconds), "-c:v", "libx264", "-preset", "ultrafast", "-g", "50",
				"-keyint_min", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p"}
		}
		sound := func(hz int) []string {
			return []string{"-f", "lavfi", "-i", fmt.Sprintf("sine=f=%d:r=48000:d=%d", hz, filmSeconds), "-c:a", "aac", "-b:a", "64k"}
		}
		for name, args := range map[string][]string{"large.mp4": video("640x360"), "small.mp4": video("320x180"), "en.mp4": sound(440), "es.mp4": sound(880)} {
			if out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-nostdin"}, args...), filepath.Join(films.dir, name))...).CombinedOutput(); err != nil {
				films.err = fmt.Errorf("%s: %w: %s", name, err, out)
				return
			}
		}
		out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-i", filepath.Join(films.dir, "large.mp4"), "-i", filepath.Join(films.dir, "en.mp4"), "-c", "copy",
			filepath.Join(films.dir, "source.mp4")).CombinedOutput()
		if err != nil {
			films.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if films.err != nil {
		t.Fatal(films.err)
	}
	return filepath.Join(films.dir, name)
}

// sessions knows tokens by name; those named expired and broken are refused as such.
type sessions map[string]*ks.Session

func (s sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	switch found, ok := s[token]; {
	case ok:
		return found, nil
	case token == "expired":
		return nil, rpc.E("INVALID_KS", "KSID", "EXPIRED", "ERR_CODE", "-5", "ERR_DESC", "EXPIRED")
	case token == "ended":
		return nil, rpc.E("INVALID_KS", "KSID", "LOGOUT", "ERR_CODE", "-6", "ERR_DESC", "LOGOUT")
	}
	return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
}

func (sessions) Count(context.Context, *ks.Session) error { return nil }
func (sessions) Permits(context.Context, *ks.Session, string, string) (bool, error) {
	return true, nil
}

// house is a delivery over a real catalog, a real store and a real origin, behind a real server.
type house struct {
	t        testing.TB
	db       *catalog.DB
	store    storage.Store
	lib      atomic.Pointer[play.Library]
	guard    *access.Guard
	sessions sessions
	tokens   *origin.Tokens
	always   bool   // everything is signed
	upload   string // the file of the upload "0_up" of the account
	url      string

	entry                     catalog.Entry
	source, large, small      catalog.Asset
	english, spanish, caption catalog.Asset
	poster                    catalog.Asset
}

type signer struct{ *origin.Tokens }

func (s signer) Sign(prefix string, lifetime time.Duration) (string, error) {
	return s.Issue(origin.Grant{Prefix: prefix, Expires: time.Now().Add(lifetime)})
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
	for _, id := range []catalog.AccountID{account, account + 1} {
		if _, _, err := db.EnsureAccount(t.Context(), id, "test"); err != nil {
			t.Fatal(err)
		}
	}
	tokens, err := origin.NewTokens(origin.Key{ID: "k", Secret: []byte("sixteen bytes or more")})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, store: store, guard: &access.Guard{Catalog: db}, sessions: sessions{}, tokens: tokens}
	h.lib.Store(h.library())
	media, err := origin.New(origin.Config{Resolver: resolver{h}, Tokens: tokens, Open: true, Refused: delivery.Refused})
	if err != nil {
		t.Fatal(err)
	}
	service, err := delivery.New(delivery.Config{
		Entry: h.facts, Guard: h.guard, Sessions: h.sessions, Store: store, Media: media, Signer: signer{tokens},
		Upload: func(_ context.Context, owner catalog.AccountID, id catalog.UploadTokenID) (string, error) {
			if owner != account || id != "0_up" || h.upload == "" {
				return "", catalog.ErrNotFound
			}
			return h.upload, nil
		},
		Base: func(r *http.Request) string { return "http://" + r.Host },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	service.Mount(mux)
	for _, p := range []string{"/hls/", "/dash/", "/mp4/", "/thumb/", "/raw/", "/t/"} {
		mux.Handle(p, media)
	}
	captions := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		play.Captions{Library: h.lib.Load(), Tokens: tokens, Open: true}.ServeHTTP(w, r)
	})
	mux.Handle("GET /captions/{entry}/{file}", captions)
	mux.Handle("GET /t/{token}/captions/{entry}/{file}", captions)
	srv := httptest.NewServer(mux)
	h.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		h.lib.Load().Close()
		store.Close()
		db.Close()
	})
	h.fill()
	return h
}

func (h *house) facts(ctx context.Context, id catalog.EntryID) (catalog.Entry, []catalog.Asset, error) {
	t, err := h.lib.Load().Acquire(ctx, id)
	if err != nil {
		return catalog.Entry{}, nil, err
	}
	defer t.Release()
	f := t.Facts()
	return f.Entry, f.Assets, nil
}

// fill makes the film.
func (h *house) fill() {
	h.t.Helper()
	ctx := h.t.Context()
	var err error
	h.entry, _, _, err = h.db.CreateEntry(ctx, catalog.NewEntry{Account: account, Name: "A film: take 2", MediaType: catalog.MediaVideo, DedupKey: "film"}, nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.large = h.rung("large", 700_000)
	h.small = h.rung("small", 300_000)
	h.english = h.sound("a0-en-64k", "en.mp4", "en", "English", true)
	h.spanish = h.sound("a1-es-64k", "es.mp4", "es", "Español", false)
	b, err := os.ReadFile(film(h.t, "source.mp4"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.source = h.add(catalog.Asset{Type: catalog.AssetFlavor, Name: "source", Original: true, Kind: "video", Key: h.put("source.mp4", b), Size: int64(len(b)),
		Width: 640, Height: 360, Container: "mov,mp4", BitRate: 900_000})
	h.poster = h.add(catalog.Asset{Type: catalog.AssetThumb, Name: "poster", Kind: "image", Key: h.put("poster.jpg", picture(400, 200)), Width: 400, Height: 200, Container: "jpg"})
	h.caption = h.add(catalog.Asset{Type: catalog.AssetCaption, Name: "s0", Kind: "text", Language: "en", Title: "English",
		Key: h.put("en.vtt", []byte("WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n")), Container: "vtt"})
	text := catalog.Asset{Type: catalog.AssetCaption, Name: "s1", Kind: "text", Language: "fr", Title: "Français", Container: "txt",
		Key: h.put("fr.txt", []byte("1\n00:00:01,000 --> 00:00:02,000\nbonjour\n"))}
	text.Details.Format = "1"
	h.add(text)
	h.storyboard()
	h.update(func(e *catalog.Entry) {
		e.Status, e.DurationMS, e.Width, e.Height, e.PlayableAt = catalog.EntryReady, filmSeconds*1000, 640, 360, time.Now()
	})
}

func (h *house) update(fn func(e *catalog.Entry)) {
	h.t.Helper()
	err := h.db.UpdateEntry(h.t.Context(), h.entry.ID, func(e *catalog.Entry) error {
		fn(e)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.forget()
}

// forget makes the next request look at the catalog.
func (h *house) forget() {
	*h.guard = access.Guard{Catalog: h.db, Geo: h.guard.Geo, Always: h.always}
	h.lib.Swap(h.library()).Close()
}

func (h *house) library() *play.Library {
	return &play.Library{Catalog: h.db, Store: h.store, Restricted: h.guard.Restricted}
}

// resolver finds entries in the library of the moment.
type resolver struct{ *house }

func (r resolver) Resolve(ctx context.Context, src *uri.Source) (origin.Presentation, error) {
	return play.Resolver{Library: r.lib.Load()}.Resolve(ctx, src)
}

func (r resolver) Original(ctx context.Context, file string) (origin.Original, error) {
	return play.Resolver{Library: r.lib.Load()}.Original(ctx, file)
}

func (h *house) put(name string, b []byte) string {
	h.t.Helper()
	key := "102/film/" + name
	if _, err := h.store.Put(h.t.Context(), key, bytes.NewReader(b)); err != nil {
		h.t.Fatal(err)
	}
	return key
}

func (h *house) add(a catalog.Asset) catalog.Asset {
	h.t.Helper()
	a.Status = catalog.AssetReady
	got, err := h.db.AddAssets(h.t.Context(), h.entry.ID, []catalog.Asset{a})
	if err != nil {
		h.t.Fatal(err)
	}
	return got[0]
}

func (h *house) rung(name string, rate int64) catalog.Asset {
	track := h.track(name+".mp4", packager.Video)
	a := h.store1(name, track)
	a.Kind, a.Codec, a.BitRate, a.Width, a.Height, a.FrameRate = "video", track.CodecString(), rate, int(track.Width), int(track.Height), 25
	a.ParamsID = int64(len(name))
	return h.add(a)
}

func (h *house) sound(name, file, language, title string, def bool) catalog.Asset {
	track := h.track(file, packager.Audio)
	a := h.store1(name, track)
	a.Kind, a.Codec, a.BitRate, a.Language, a.Title, a.Default = "audio", track.CodecString(), 64_000, language, title, def
	return h.add(a)
}

func (h *house) track(file string, kind packager.Kind) *packager.Track {
	h.t.Helper()
	f, err := packager.OpenFile(film(h.t, file))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { f.Close() })
	tracks, _, err := mp4.Open(f)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, t := range tracks {
		if t.Kind == kind {
			return t
		}
	}
	h.t.Fatalf("%s has no such track", file)
	return nil
}

// store1 writes a track as the pipeline does.
func (h *house) store1(name string, track *packager.Track) catalog.Asset {
	h.t.Helper()
	var buf bytes.Buffer
	w := cmaf.NewWriter(&buf, track.Media, cmaf.Options{})
	var err error
	track.Walk(0, track.Len(), func(_ int, s packager.Sample) bool {
		b := make([]byte, s.Size)
		if _, err = track.Files[s.File].ReadAt(b, s.Offset); err == nil {
			err = w.Write(cmaf.Unit{DTS: s.DTS, PTS: s.PTS, Dur: int64(s.Dur), Sync: s.Sync, Data: b})
		}
		return err == nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	res, err := w.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	return catalog.Asset{
		Type: catalog.AssetFlavor, Name: name, Key: h.put(name+".cmaf", buf.Bytes()), IndexKey: h.put(name+".idx", res.Index), Size: int64(buf.Len()),
	}
}

// storyboard has a tile of 40 by 20 pixels a second, ten in a row; tile k is of grey level 10k.
func (h *house) storyboard() {
	h.t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 400, 40))
	for y := range 40 {
		for x := range 400 {
			k := y/20*10 + x/40
			img.Set(x, y, color.Gray{Y: uint8(10 * k)})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		h.t.Fatal(err)
	}
	props, err := json.Marshal(map[string]any{"tile_width": 40, "tile_height": 20, "columns": 10, "rows": 2, "interval_ms": 1000, "tiles": 20,
		"sprites": []string{h.put("sprite.jpg", b.Bytes())}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.add(catalog.Asset{Type: catalog.AssetStoryboard, Name: "storyboard", Props: props})
}

// picture is red on its left half, blue on its right, with a green top third.
func picture(w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{R: 0xff, A: 0xff}
			switch {
			case y < h/3:
				c = color.RGBA{G: 0xff, A: 0xff}
			case x >= w/2:
				c = color.RGBA{B: 0xff, A: 0xff}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}) // to memory
	return b.Bytes()
}

// rules gives the film a profile.
func (h *house) rules(rules ...catalog.AccessRule) {
	h.t.Helper()
	p, err := h.db.AddAccessControl(h.t.Context(), account, catalog.AccessControl{Name: "rules", Rules: rules})
	if err != nil {
		h.t.Fatal(err)
	}
	h.update(func(e *catalog.Entry) { e.AccessControl = p.ID })
}

// session adds a session with privileges, under a name that is its token.
func (h *house) session(name string, kind int, privileges ...ks.Privilege) string {
	h.sessions[name] = &ks.Session{Token: name, Account: account, User: "u", Type: kind, Privileges: privileges, Expires: time.Now().Add(time.Hour)}
	return name
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request for a path of the server, or a URL; header are names and values in turn. Redirects are not followed.
func (h *house) do(method, to string, header ...string) answer {
	h.t.Helper()
	if strings.HasPrefix(to, "/") {
		to = h.url + to
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, to, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp, b}
}

func (h *house) get(to string, header ...string) answer {
	h.t.Helper()
	return h.do(http.MethodGet, to, header...)
}

// manifest is the path of a playManifest.
func (h *house) manifest(rest string) string {
	return "/p/102/sp/10200/playManifest/entryId/" + string(h.entry.ID) + rest
}
