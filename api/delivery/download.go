package delivery

import (
	"net/http"
	"path"
	"strings"

	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

// raw serves an entry's file as it was received, as a download unless direct_serve asks for it in place.
func (s *Service) raw(w http.ResponseWriter, a *ask) error {
	if err := s.find(a, a.first("entry_id", "entryId"), access.Download); err != nil {
		return rawMissing(w, err)
	}
	if err := a.allowed(); err != nil {
		return err
	}
	want, ok := a.original()
	if ext := strings.ToLower(a.params["format"]); ok && a.params["type"] == "download" && ext != "" && ext != kaltura.FileExt(want) {
		ok = false // another format than the original's
	}
	if !ok || a.access.Preview() > 0 {
		if want, ok = a.web(); !ok {
			return rawMissing(w, fail(fileNotFound, "file not found"))
		}
	}
	name := a.params["file_name"]
	if name == "" {
		name = sources.DownloadName(a.entry, want)
	}
	if v := a.params["direct_serve"]; v != "" && v != "0" {
		name = ""
	}
	return s.serveAsset(w, a, want, name)
}

// rawMissing says which of the two handlers of files failed.
func rawMissing(w http.ResponseWriter, err error) error {
	w.Header().Set("KalturaRaw", "not found")
	return err
}

// download serves an asset as a download: the one named, else the best for the web, else the original.
func (s *Service) download(w http.ResponseWriter, a *ask) error {
	if err := s.find(a, a.first("entry_id", "entryId"), access.Download); err != nil {
		return err
	}
	var want catalog.Asset
	id := a.first("flavor", "flavor_id", "flavorId", "asset", "asset_id")
	var ok bool
	if id == "" {
		if want, ok = a.web(); !ok {
			want, ok = a.original()
		}
	} else {
		want, ok = a.asset(id)
	}
	if err := a.allowed(); err != nil && (!ok || a.session == nil || !a.session.Has("downloadasset", string(want.ID))) {
		return err
	}
	if !ok {
		return fail(flavorNotFound, "flavor not found")
	}
	name := a.params["file_name"]
	if name == "" {
		name = sources.DownloadName(a.entry, want)
	}
	return s.serveAsset(w, a, want, name)
}

// original is the entry's file as received.
func (a *ask) original() (catalog.Asset, bool) {
	for _, asset := range a.assets {
		if asset.Original && asset.Version == a.entry.Version && asset.Status == catalog.AssetReady {
			return asset, true
		}
	}
	return catalog.Asset{}, false
}

// web is the best flavor that may be had as a file.
func (a *ask) web() (catalog.Asset, bool) {
	c := sources.Choice{Verdict: &a.access.Verdict}
	selection := sources.Select(a.entry, a.assets, sources.Download, c)
	return selection.Best(c)
}

// asset finds a ready asset of the entry that the rules allow.
func (a *ask) asset(id string) (catalog.Asset, bool) {
	c := sources.Choice{Flavors: []string{id}, Verdict: &a.access.Verdict}
	selection := sources.Select(a.entry, a.assets, sources.Download, c)
	if selection.Named {
		return selection.Flavors[0], true
	}
	for _, asset := range a.assets {
		if string(asset.ID) == id && asset.Status == catalog.AssetReady && asset.Type != catalog.AssetFlavor && asset.Type != catalog.AssetStoryboard {
			return asset, true
		}
	}
	return catalog.Asset{}, false
}

// serveAsset hands the file on to the origin.
func (s *Service) serveAsset(w http.ResponseWriter, a *ask, asset catalog.Asset, name string) error {
	urls, err := s.urls(a)
	if err != nil {
		return err
	}
	urls.Base, urls.FileName, urls.From, urls.To = "", name, 0, a.access.Preview().Milliseconds()
	to, err := urls.File(asset)
	if err != nil {
		return err
	}
	location := "/mp4"
	if sources.Stored(asset) {
		location = "/raw"
	} else if name != "" {
		w.Header().Set("Content-Disposition", disposition(name))
	}
	if location == "/mp4" && path.Ext(to) == "" {
		return fail(fileNotFound, "file not found")
	}
	serve := func(w http.ResponseWriter, r *http.Request) error { return s.handOn(w, r, to, location, to) }
	if bytes, ok := a.preview(); ok {
		return first(bytes, w, a.Request, serve)
	}
	return serve(w, a.Request)
}
