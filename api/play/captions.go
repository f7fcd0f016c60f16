package play

import (
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/packager/origin"
)

// Captions serves whole caption files at /captions/{entry}/{asset}.vtt and, with a token for that path or a prefix of it, at
// /t/{token}/captions/{entry}/{asset}.vtt. When Tokens is set, the token is needed; with Open, for restricted entries only.
type Captions struct {
	Library *Library
	Tokens  *origin.Tokens
	Open    bool
}

// ServeHTTP implements http.Handler for patterns with the wildcards token, entry and file.
func (c Captions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entry, file := r.PathValue("entry"), r.PathValue("file")
	token := r.PathValue("token")
	if c.Tokens != nil && (token != "" || !c.Open) {
		ip, _ := netip.ParseAddrPort(r.RemoteAddr)
		if _, err := c.Tokens.Verify(token, "/captions/"+entry+"/"+file, ip.Addr().Unmap(), r.URL.Query().Get("sid")); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
	}
	t, err := c.Library.Acquire(r.Context(), catalog.EntryID(entry))
	if err != nil {
		http.Error(w, "no such entry", http.StatusNotFound)
		return
	}
	defer t.Release()
	if t.Facts().Restricted && (c.Tokens == nil || token == "") {
		http.Error(w, "a token is required", http.StatusForbidden)
		return
	}
	id, ok := strings.CutSuffix(file, ".vtt")
	i := slices.IndexFunc(t.Assets, func(a catalog.Asset) bool {
		return string(a.ID) == id && a.Type == catalog.AssetCaption && a.Status == catalog.AssetReady
	})
	if !ok || i < 0 {
		http.Error(w, "no such caption", http.StatusNotFound)
		return
	}
	a := t.Assets[i]
	f, err := c.Library.Store.Open(r.Context(), a.Key)
	if err != nil {
		http.Error(w, "the caption cannot be read", http.StatusBadGateway)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "text/vtt; charset=utf-8")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("ETag", `"`+f.Object().ETag+`"`)
	http.ServeContent(w, r, "", a.UpdatedAt, io.NewSectionReader(f, 0, f.Object().Size))
}
