package asset

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

// forAll is the Cache-Control of files that everybody may have.
const forAll = "public, max-age=60"

// allowed says whether the call may have the bytes of an entry in a context: the exception, or nil; and for how long others
// may have the same.
func (s *Service) allowed(c *rpc.Call, e catalog.Entry, ctx access.Context) (cache string, err error) {
	r := &access.Request{Contexts: []access.Context{ctx}, Session: c.Session, IP: c.ClientIP, Now: c.Now}
	if c.Request != nil {
		r.Header, r.UserAgent, r.Referrer = c.Request.Header, c.Request.UserAgent(), c.Request.Referer()
	}
	d, err := s.Guard.Decide(c, e, r)
	if err != nil {
		return "", err
	}
	if !d.Allowed() {
		return "", rpc.E("SERVICE_ACCESS_CONTROL_RESTRICTED", "SERVICE", "access control")
	}
	if d.Cacheable() && access.Scheduled(e, c.Now) && !access.Moderated(e) {
		cache = forAll
	}
	return cache, nil
}

// file serves an asset's object, whole or by ranges; name makes it a download of that name.
func (s *Service) file(a wanted, contentType, name string) (*rpc.File, error) {
	if contentType == "" {
		if contentType = mime.TypeByExtension("." + a.Details.FileExt); contentType == "" || risky(contentType) {
			contentType = "application/octet-stream"
		}
	}
	return &rpc.File{Cache: a.cache, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := s.Store.Open(r.Context(), a.Key)
		if err != nil {
			s.Log.Error("asset cannot be read", "asset", a.ID, "key", a.Key, "error", err)
			w.Header().Set("X-Kaltura", "error- FILE_DOESNT_EXIST")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		defer f.Close()
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("ETag", `"`+f.Object().ETag+`"`)
		if name != "" {
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		}
		http.ServeContent(w, r, "", a.UpdatedAt, io.NewSectionReader(f, 0, f.Object().Size))
	})}, nil
}

// risky says whether a browser would run what is of that type.
func risky(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	switch strings.TrimSpace(t) {
	case "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "text/javascript", "application/javascript":
		return true
	}
	return false
}

// serveURL is the URL of an asset's serve action. A restricted entry's works with the caller's session.
func (s *Service) serveURL(c *rpc.Call, e catalog.Entry, service, param string, a catalog.Asset) (string, error) {
	url := c.Base + "/api_v3/index.php/service/" + service + "/action/serve/" + param + "/" + string(a.ID) + "/v/" + version(a)
	restricted, err := s.Guard.Restricted(c, e)
	if err != nil {
		return "", err
	}
	if restricted && c.Session != nil {
		url += "/ks/" + c.Session.Token
	}
	return url, nil
}

// urls writes the URLs of an entry's media, signed when not everybody may have them.
func (s *Service) urls(c *rpc.Call, e catalog.Entry) (*sources.URLs, error) {
	restricted, err := s.Guard.Restricted(c, e)
	if err != nil {
		return nil, err
	}
	u := &sources.URLs{Base: c.Base, Entry: e}
	if restricted {
		u.Signer = s.Signer
	}
	return u, nil
}
