package delivery_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

func (h *house) thumb(rest string) string {
	return "/p/102/sp/10200/thumbnail/entry_id/" + string(h.entry.ID) + rest
}

func (h *house) image(path string) (image.Image, string) {
	h.t.Helper()
	got := h.get(path)
	if got.StatusCode != 200 {
		h.t.Fatalf("%s: %d %s", path, got.StatusCode, got.Header.Get("X-Kaltura-App"))
	}
	img, format, err := image.Decode(bytes.NewReader(got.body))
	if err != nil {
		h.t.Fatalf("%s: %v", path, err)
	}
	if want := "image/" + format; got.Header.Get("Content-Type") != want {
		h.t.Errorf("%s: a %s of type %s", path, format, got.Header.Get("Content-Type"))
	}
	return img, format
}

// colours of the picture that the tests use.
const (
	red   = "red"
	green = "green"
	blue  = "blue"
	white = "white"
	black = "black"
	other = "other"
)

// colour names the colour at a point given in percents of the picture.
func colour(img image.Image, x, y int) string {
	b := img.Bounds()
	c := color.RGBAModel.Convert(img.At(b.Min.X+x*(b.Dx()-1)/100, b.Min.Y+y*(b.Dy()-1)/100)).(color.RGBA)
	on := func(v uint8) int {
		switch {
		case v > 200:
			return 1
		case v < 55:
			return 0
		}
		return 9
	}
	switch on(c.R)*100 + on(c.G)*10 + on(c.B) {
	case 100:
		return red
	case 10:
		return green
	case 1:
		return blue
	case 111:
		return white
	case 0:
		return black
	}
	return fmt.Sprint(other, c)
}

// TestThumbnailsAreShapedAsAsked: the poster is 400 by 200, green in its top third, red at the left and blue at the right below.
func TestThumbnailsAreShapedAsAsked(t *testing.T) {
	h := newHouse(t)
	type at struct {
		x, y int
		want string
	}
	for name, tt := range map[string]struct {
		keys string
		w, h int
		at   []at
	}{
		"default":                  {"", 120, 60, []at{{50, 10, green}, {10, 90, red}, {90, 90, blue}}},
		"width":                    {"/width/200", 200, 100, nil},
		"height":                   {"/height/50", 100, 50, nil},
		"extension on the value":   {"/width/200.jpg", 200, 100, nil},
		"fit inside":               {"/width/100/height/100/type/1", 100, 50, nil},
		"larger than the source":   {"/width/800", 800, 400, nil},
		"fit and pad":              {"/width/100/height/100/type/2", 100, 100, []at{{50, 5, white}, {50, 95, white}, {10, 70, red}}},
		"pad with a colour":        {"/width/100/height/100/type/2/bgcolor/0000ff", 100, 100, []at{{50, 5, blue}}},
		"pad with a short colour":  {"/width/100/height/100/type/2/bgcolor/ff", 100, 100, []at{{50, 5, blue}}},
		"crop the middle":          {"/width/100/height/100/type/3", 100, 100, []at{{5, 90, red}, {95, 90, blue}, {50, 5, green}}},
		"crop to a strip":          {"/width/400/height/50/type/3", 400, 50, []at{{10, 50, red}, {10, 5, red}}},
		"crop keeping the top":     {"/width/400/height/50/type/4", 400, 50, []at{{10, 50, green}, {90, 95, green}}},
		"stretch":                  {"/width/100/height/100/type/5", 100, 100, []at{{50, 10, green}, {10, 90, red}, {90, 90, blue}}},
		"stretch by mark":          {"/width/100!/height/100", 100, 100, nil},
		"default size":             {"/def_width/60/def_height/60", 60, 30, nil},
		"default size unused":      {"/width/80/def_width/60", 80, 40, nil},
		"cut in pixels":            {"/src_x/0/src_y/100/src_w/100/src_h/100/width/50", 50, 50, []at{{50, 50, red}, {95, 95, red}}},
		"cut to the edge":          {"/src_x/300/src_y/100/width/50", 50, 50, []at{{50, 50, blue}}},
		"cut in units":             {"/src_x/50/src_y/50/src_w/50/src_h/50/rel_width/100/rel_height/100/width/50", 50, 25, []at{{50, 50, blue}}},
		"png":                      {"/width/200/format/png", 200, 100, []at{{10, 90, red}}},
		"quality":                  {"/width/200/quality/1", 200, 100, nil},
		"other keys":               {"/version/7/density/72/strip/1/crop_provider/x/flavor_id/1/width/200", 200, 100, nil},
		"by query":                 {"?width=200&height=200&type=5", 200, 200, nil},
		"second":                   {"/vid_sec/5/width/40", 40, 20, nil},
		"fraction of a second":     {"/vid_sec/5.5/width/40", 40, 20, nil},
		"slice":                    {"/vid_slices/4/vid_slice/2/width/40", 40, 20, nil},
		"all slices":               {"/vid_slices/4/width/40", 160, 20, nil},
		"slices of a part":         {"/vid_slices/2/start_sec/10/end_sec/14/width/40", 80, 20, nil},
		"nearest shape, one there": {"/nearest_aspect_ratio/1/width/90/height/160/type/3", 90, 160, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			img, format := h.image(h.thumb(tt.keys))
			if got := img.Bounds().Size(); got != image.Pt(tt.w, tt.h) {
				t.Errorf("%v, want %d by %d", got, tt.w, tt.h)
			}
			if want := map[bool]string{true: "png", false: "jpeg"}[name == "png"]; format != want {
				t.Errorf("a %s", format)
			}
			for _, a := range tt.at {
				if got := colour(img, a.x, a.y); got != a.want {
					t.Errorf("at %d%%, %d%%: %s, want %s", a.x, a.y, got, a.want)
				}
			}
		})
	}
}

func TestThumbnailsShowTheVideoAtTheTime(t *testing.T) {
	h := newHouse(t)
	grey := func(img image.Image, x, y int) int {
		b := img.Bounds()
		return int(color.GrayModel.Convert(img.At(b.Min.X+x*(b.Dx()-1)/100, b.Min.Y+y*(b.Dy()-1)/100)).(color.Gray).Y)
	}
	near := func(name string, got, want int) {
		t.Helper()
		if got < want-6 || got > want+6 {
			t.Errorf("%s: grey %d, want %d", name, got, want)
		}
	}
	for path, second := range map[string]int{"/vid_sec/7/width/40": 7, "/vid_slices/4/vid_slice/3/width/40": 15, "/vid_slices/5/vid_slice/1/start_sec/10/end_sec/20/width/40": 12} {
		img, _ := h.image(h.thumb(path))
		near(path, grey(img, 50, 50), 10*second)
	}
	strip, _ := h.image(h.thumb("/vid_slices/4/width/40"))
	for i, second := range []int{0, 5, 10, 15} {
		near("strip", grey(strip, i*25+12, 50), 10*second)
	}
}

func TestThumbnailsRefuseWhatMakesNoSense(t *testing.T) {
	h := newHouse(t)
	for keys, number := range map[string]int{
		"/width/x": 25, "/width/-1": 25, "/width/10001": 25, "/height/1e3": 25, "/type/0": 25, "/type/6": 25, "/quality/101": 25, "/bgcolor/red": 25, "/bgcolor/1234567": 25,
		"/format/tiff": 25, "/src_x/99999": 25, "/vid_sec/x": 25, "/vid_sec/NaN": 25, "/vid_slices/4/vid_slice/4": 25, "/start_sec/5/end_sec/5/vid_slices/2": 25,
		"/width/9000/height/9000/type/5": 25, "/src_x/500/src_w/10": 25, "/vid_slices/2000/width/40": 25, "/vid_slices/900/width/80": 25, "/vid_sec/100": 10, "/nearest_aspect_ratio/7": 25,
	} {
		if got := h.get(h.thumb(keys)); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != fmt.Sprintf("error-%d", number) || len(got.body) != 0 {
			t.Errorf("%s: %d %s %s", keys, got.StatusCode, got.Header.Get("X-Kaltura"), got.Header.Get("X-Kaltura-App"))
		}
	}
	bare, _, _, err := h.db.CreateEntry(t.Context(), catalog.NewEntry{Account: account, Name: "bare", DedupKey: "bare"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.get("/p/102/thumbnail/entry_id/" + string(bare.ID)); got.Header.Get("X-Kaltura") != "error-10" {
		t.Errorf("an entry without thumbnail: %s", got.Header.Get("X-Kaltura"))
	}
}

func TestThumbnailsOfDeletedEntries(t *testing.T) {
	h := newHouse(t)
	if err := h.db.DeleteEntry(t.Context(), h.entry.ID); err != nil {
		t.Fatal(err)
	}
	h.forget()
	for path, want := range map[string]string{
		h.thumb("/width/40"): "error-9", strings.Replace(h.thumb("/width/40"), "/p/102/", "/p/103/", 1): "error-1", h.manifest("/format/applehttp"): "error-1",
	} {
		if got := h.get(path); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != want {
			t.Errorf("%s: %d %q, want %q", path, got.StatusCode, got.Header.Get("X-Kaltura"), want)
		}
	}
}

func TestThumbnailsOfImagesAndTheNearestShape(t *testing.T) {
	h := newHouse(t)
	tall := h.add(catalog.Asset{Type: catalog.AssetThumb, Name: "tall", Kind: "image", Key: h.put("tall.jpg", picture(100, 200)), Width: 100, Height: 200})
	h.forget()
	if img, _ := h.image(h.thumb("/width/90/height/160")); img.Bounds().Size() != image.Pt(90, 45) {
		t.Errorf("the default thumbnail, inside: %v", img.Bounds().Size())
	}
	if img, _ := h.image(h.thumb("/width/90/height/160/nearest_aspect_ratio/1")); img.Bounds().Size() != image.Pt(80, 160) {
		t.Errorf("the nearest shape, inside: %v", img.Bounds().Size())
	}
	if err := h.db.UpdateAsset(t.Context(), tall.ID, func(a *catalog.Asset) error { a.Details.Tags = []string{"default_thumb"}; return nil }); err != nil {
		t.Fatal(err)
	}
	h.forget()
	if img, _ := h.image(h.thumb("/width/90/height/160")); img.Bounds().Size() != image.Pt(80, 160) {
		t.Errorf("the chosen default: %v", img.Bounds().Size())
	}
	e, _, _, err := h.db.CreateEntry(t.Context(), catalog.NewEntry{Account: account, Name: "photo", MediaType: catalog.MediaImage, DedupKey: "photo"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.db.AddAssets(t.Context(), e.ID, []catalog.Asset{{Type: catalog.AssetFlavor, Status: catalog.AssetReady, Original: true, Name: "source", Kind: "image", Key: h.put("photo.jpg", picture(300, 100))}})
	if err != nil {
		t.Fatal(err)
	}
	if img, _ := h.image("/p/102/thumbnail/entry_id/" + string(e.ID) + "/width/150"); img.Bounds().Size() != image.Pt(150, 50) {
		t.Errorf("an image: %v", img.Bounds().Size())
	}
	if got := h.get("/p/102/raw/entry_id/" + string(e.ID) + "/direct_serve/1"); got.StatusCode != 200 || got.Header.Get("Content-Type") != "image/jpeg" || got.Header.Get("Content-Disposition") != "" {
		t.Errorf("the image itself: %d %v", got.StatusCode, got.Header)
	}
}

func TestThumbnailsKeepToTheRulesAboutThem(t *testing.T) {
	h := newHouse(t)
	admin := h.session("admin", ks.AdminType)
	rule := func(action string, contexts ...string) catalog.AccessRule {
		return catalog.AccessRule{Contexts: contexts, Actions: []catalog.AccessAction{{Type: action, Seconds: 6}}}
	}
	check := func(path string, want string) {
		t.Helper()
		if got := h.get(h.thumb(path)); got.Header.Get("X-Kaltura") != want {
			t.Errorf("%s: %d %q, want %q", path, got.StatusCode, got.Header.Get("X-Kaltura"), want)
		}
	}
	h.rules(rule(access.Block, string(access.Play)))
	check("/width/40", "")
	check("/vid_sec/5/width/40", "")
	h.rules(rule(access.Block, string(access.Thumbnail)))
	check("/width/40", "error-3")
	check("/width/40/ks/"+admin, "")
	check("/width/40/ks/expired", "error-31")
	h.rules(rule(access.Block, string(access.Download)))
	check("/width/40/ks/expired", "")
	h.rules(rule(access.LimitThumbnailCapture))
	check("/width/40", "")
	check("/vid_sec/5/width/40", "error-38")
	check("/vid_slices/4/width/40", "error-38")
	check("/vid_sec/5/width/40/ks/"+admin, "")
	h.rules(rule(access.Preview))
	check("/vid_sec/5/width/40", "")
	check("/vid_sec/7/width/40", "error-38")
}

func TestThumbnailsAreCachedAndValidated(t *testing.T) {
	h := newHouse(t)
	first := h.get(h.thumb("/width/200"))
	tag := first.Header.Get("ETag")
	if tag == "" || !strings.HasPrefix(first.Header.Get("Cache-Control"), "public") {
		t.Fatalf("%v", first.Header)
	}
	if got := h.get(h.thumb("/width/200"), "If-None-Match", tag); got.StatusCode != 304 {
		t.Errorf("again: %d", got.StatusCode)
	}
	if got := h.do(http.MethodHead, h.thumb("/width/200")); got.StatusCode != 200 || len(got.body) != 0 || got.Header.Get("Content-Length") != fmt.Sprint(len(first.body)) {
		t.Errorf("HEAD: %d %v", got.StatusCode, got.Header)
	}
	if got := h.get(h.thumb("/width/200"), "Range", "bytes=0-1"); got.StatusCode != 206 || string(got.body) != "\xff\xd8" {
		t.Errorf("range: %d %x", got.StatusCode, got.body)
	}
	if got := h.get(h.thumb("/width/201")); got.Header.Get("ETag") == tag {
		t.Error("another picture has the same validator")
	}
	h.put("poster.jpg", picture(200, 200))
	if err := h.db.UpdateAsset(t.Context(), h.poster.ID, func(a *catalog.Asset) error { a.Width, a.Height = 200, 200; return nil }); err != nil {
		t.Fatal(err)
	}
	h.forget()
	if img, _ := h.image(h.thumb("/width/200")); img.Bounds().Dy() != 200 {
		t.Errorf("a replaced poster still looks as before: %v", img.Bounds())
	}
}

func TestPicturesOfUploads(t *testing.T) {
	h := newHouse(t)
	url := "/p/102/sp/10200/thumbnail/upload_token_id/"
	h.upload = filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(h.upload, picture(300, 150), 0o600); err != nil {
		t.Fatal(err)
	}
	img, format := h.image(url + "0_up/width/100/height/100/type/2.jpg")
	if format != "jpeg" || img.Bounds().Dx() != 100 || img.Bounds().Dy() != 100 || colour(img, 50, 2) != white || colour(img, 5, 60) != red {
		t.Errorf("a %s of %v, %s above and %s at the left", format, img.Bounds(), colour(img, 50, 2), colour(img, 5, 60))
	}
	if _, format = h.image(url + "0_up/width/50/format/png"); format != "png" {
		t.Errorf("asked for png, got %s", format)
	}
	if got := h.get(url + "0_up/width/50"); got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("uploads are cached: %v", got.Header)
	}
	film := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(film, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		url + "0_nobody/width/50":                        "error-10",
		url + "0_up/width/50/vid_sec/1":                  "error-38",
		url + "0_up/width/x":                             "error-25",
		"/p/103/sp/10300/thumbnail/upload_token_id/0_up": "error-10",
	} {
		if got := h.get(path); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != want {
			t.Errorf("%s: %d %s, want %s", path, got.StatusCode, got.Header.Get("X-Kaltura"), want)
		}
	}
	h.upload = film
	if got := h.get(url + "0_up/width/51"); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != "error-10" {
		t.Errorf("no picture: %d %s", got.StatusCode, got.Header.Get("X-Kaltura"))
	}
}
