package asset_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc/access"
	"sluice/catalog"
	"sluice/ingest/content"
)

// TestOnlyFilesForEverybodyAreCached fetches captions before and after a rule lets some addresses have them only: what one of
// them got must not be kept for others.
func TestOnlyFilesForEverybodyAreCached(t *testing.T) {
	f := newFixture(t)
	c := f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "English"}})
	f.must("102", captions, "setContent", obj{"id": c["id"], "contentResource": text(srt)})
	url, _ := f.call("102", captions, "getUrl", obj{"id": c["id"]}).(string)
	cached := func(want bool) {
		t.Helper()
		for _, u := range []string{url, as(url, "serveWebVTT") + "/segmentIndex/-1", as(url, "serveAsJson")} {
			resp, err := http.Get(strings.Replace(u, "http://media.test", f.url, 1))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			h := resp.Header
			public := strings.HasPrefix(h.Get("Cache-Control"), "public")
			if resp.StatusCode != http.StatusOK || public != want || !public && !strings.Contains(h.Get("Cache-Control"), "no-store") || public && h.Get("Expires") != "" {
				t.Errorf("%s: status %d, %q, expires %q", u, resp.StatusCode, h.Get("Cache-Control"), h.Get("Expires"))
			}
		}
	}
	cached(true)
	p, err := f.db.AddAccessControl(t.Context(), 102, catalog.AccessControl{Name: "not from there", Rules: []catalog.AccessRule{{
		Actions: []catalog.AccessAction{{Type: access.Block}}, Conditions: []catalog.AccessCondition{{Type: access.IPAddress, Values: []string{"10.9.8.7"}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.db.UpdateEntry(t.Context(), catalog.EntryID(f.entry), func(e *catalog.Entry) error { e.AccessControl = p.ID; return nil }); err != nil {
		t.Fatal(err)
	}
	cached(false)
}

// asked remembers how the last picture was asked for; the picture says nothing.
type asked map[string]string

func (a asked) Picture(_ context.Context, _ catalog.Entry, keys map[string]string) ([]byte, string, error) {
	clear(a)
	maps.Copy(a, keys)
	return []byte("picture"), "image/jpeg", nil
}

func TestThumbnailsAreServedInTheShapeAskedFor(t *testing.T) {
	f := newFixture(t)
	const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
		"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa7\x35\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
	a := f.must("102", "thumbasset", "add", obj{"entryId": f.entry, "thumbAsset": obj{}})
	id, _ := a["id"].(string)
	source := content.Stream{Name: "a.png", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(png)), nil }}
	if err := f.content.SetAsset(t.Context(), 102, catalog.AssetID(id), source); err != nil {
		t.Fatal(err)
	}
	params := obj{"width": 60, "height": 40, "cropType": 3, "cropX": 1, "cropWidth": 9, "backgroundColor": "ff0000", "format": "png", "videoOffset": 3}
	url, _ := f.call("102", "thumbasset", "getUrl", obj{"id": a["id"], "thumbParams": params}).(string)
	if status, body := f.fetch(url); status != http.StatusOK || body != "picture" {
		t.Fatalf("%s: status %d, %q", url, status, body)
	}
	want := asked{"thumb_asset_id": id, "width": "60", "height": "40", "type": "3", "src_x": "1", "src_w": "9", "bgcolor": "ff0000", "format": "png"}
	if d := cmp.Diff(want, f.asked); d != "" {
		t.Errorf("asked for (-want +got)\n%s", d)
	}
	url, _ = f.call("102", "thumbasset", "getUrl", obj{"id": a["id"]}).(string)
	if status, body := f.fetch(url); status != http.StatusOK || body != png {
		t.Errorf("as it is: status %d, %q", status, body)
	}
}
