package delivery

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

// serveFlavor hands requests for a flavor on to the origin, which knows the same paths behind a location. Requests that
// name the location themselves (/hls/p/…, /dash/p/…) reach the origin directly.
func (s *Service) serveFlavor(w http.ResponseWriter, a *ask) error {
	raw := a.URL.EscapedPath()
	dir, name := path.Split(raw)
	location := locationOf(name)
	if location == "" {
		var err error
		if location, name, err = s.file(a, name); err != nil {
			return err
		}
		if file := a.params["fileName"]; file != "" && location == "/mp4" {
			w.Header().Set("Content-Disposition", disposition(file))
		}
	}
	return s.handOn(w, a.Request, raw, location, dir+name)
}

// handOn serves what the origin has at a location of its own for a path that has none.
func (s *Service) handOn(w http.ResponseWriter, r *http.Request, raw, location, to string) error {
	front := ""
	if t := token(raw); t != "" {
		front = "/t/" + t
	}
	_, to, _ = strings.Cut(to, "/p/")
	return s.media(w, r, front+location+"/p/"+to)
}

// media serves an escaped path of the origin's.
func (s *Service) media(w http.ResponseWriter, r *http.Request, escaped string) error {
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return fail(badQuery, "broken percent-encoding in the path")
	}
	to := *r
	to.URL = &url.URL{Path: plain, RawPath: escaped, RawQuery: r.URL.RawQuery}
	s.cfg.Media.ServeHTTP(w, &to)
	return nil
}

// locationOf is the origin's location of an object that is no file of its own; "" for a file.
func locationOf(name string) string {
	base, _, _ := strings.Cut(name, "-")
	switch path.Ext(name) {
	case ".m3u8", ".ts", ".vtt":
		return "/hls"
	case ".mpd":
		return "/dash"
	case ".m4s":
		if base == "seg" {
			return "/hls"
		}
		return "/dash"
	case ".mp4":
		if base == "init" || base == "track" {
			return "/hls"
		}
	case ".aac":
		if base == "seg" {
			return "/hls"
		}
	case ".jpg":
		if base == "thumb" {
			return "/thumb"
		}
	}
	return ""
}

// file finds out how a flavor is served as a file: as it is stored, or made on request under a name that the origin makes.
func (s *Service) file(a *ask, name string) (location, object string, err error) {
	e, assets, err := s.cfg.Entry(a.Context(), catalog.EntryID(a.params["entryId"]))
	if err != nil || e.Account != a.partner {
		return "", "", fail(entryNotFound, "entry not found")
	}
	id := catalog.AssetID(a.params["flavorId"])
	for _, asset := range assets {
		switch {
		case asset.ID != id || asset.Status != catalog.AssetReady:
		case sources.Stored(asset):
			return "/raw", name, nil
		default:
			if ext := path.Ext(name); ext != ".mp4" && ext != ".m4a" && ext != ".aac" {
				name = "a." + kaltura.FileExt(asset)
			}
			return "/mp4", name, nil
		}
	}
	return "", "", fail(flavorNotFound, "flavor not found")
}

// disposition makes a response a download (RFC 6266), its name in ASCII and in full.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || strings.ContainsRune(`"\/%`, r) {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
