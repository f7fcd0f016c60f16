package console_test

import (
	"net/http"
	"testing"

	"sluice/api/console"
	"sluice/catalog"
)

func TestRecentUploadsComeWithTheirEntries(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Account = account })
	e, _ := f.entry("Film", nil, nil)
	if _, _, err := f.db.EnsureAccount(t.Context(), account+1, "other"); err != nil {
		t.Fatal(err)
	}
	add := func(tok catalog.UploadToken) catalog.UploadToken {
		t.Helper()
		tok, err := f.db.AddUploadToken(t.Context(), tok, 0)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	add(catalog.UploadToken{Account: account + 1, FileName: "theirs.mp4"})
	add(catalog.UploadToken{Account: account, FileName: "alone.mp4"})
	tok := add(catalog.UploadToken{Account: account, FileName: "film.mp4", FileSize: 1000, Carrier: "tus"})
	_, err := f.db.UpdateUploadToken(t.Context(), account, tok.ID, func(n *catalog.UploadToken) error {
		n.Status, n.Extents = catalog.UploadPartial, catalog.Extents{{From: 0, To: 300}, {From: 500, To: 600}}
		n.AttachedType, n.AttachedID = "entry", string(e.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := f.call("GET", "/v1/uploads", http.StatusOK)
	list := got["uploads"].([]any)
	if len(list) != 2 || got["total"] != 2.0 {
		t.Fatalf("%v", got)
	}
	film, alone := list[0].(map[string]any), list[1].(map[string]any)
	for name, want := range map[string]any{"file_name": "film.mp4", "size": 1000.0, "received": 400.0, "state": "arriving", "carrier": "tus"} {
		if film[name] != want {
			t.Errorf("%s is %v, want %v", name, film[name], want)
		}
	}
	if entry, _ := film["entry"].(map[string]any); entry["id"] != string(e.ID) || entry["name"] != "Film" {
		t.Errorf("entry %v", film["entry"])
	}
	if alone["state"] != "waiting" || alone["entry"] != nil {
		t.Errorf("%v", alone)
	}
	// What belongs to an entry that is gone stands alone.
	if err := f.db.DeleteEntry(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	f.call("GET", "/v1/uploads", http.StatusOK)
}

func TestOtherSitesCannotUpload(t *testing.T) {
	asked := 0
	f := start(t, func(c *console.Config) {
		c.Uploads = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; w.WriteHeader(http.StatusCreated) })
	})
	for origin, want := range map[string]int{"": http.StatusCreated, "https://evil.example": http.StatusForbidden} {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
			h.Set("Sec-Fetch-Site", "cross-site")
		}
		if response, body := f.do("POST", "/v1/uploads/tus/", h); response.StatusCode != want {
			t.Errorf("from %q: %d, want %d: %s", origin, response.StatusCode, want, body)
		}
	}
	if response, _ := f.do("POST", "/v1/uploads/tus/", http.Header{"Host": {"evil.example"}}); response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("for another name: %d", response.StatusCode)
	}
	if asked != 1 {
		t.Errorf("%d requests came through", asked)
	}
}
