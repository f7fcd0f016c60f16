package delivery

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"sluice/api/rpc/access"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

// Lifetimes of manifests that say the same to everybody: of an entry that is ready, and of one in the making.
const (
	manifestTTL = "public, max-age=60"
	growingTTL  = "public, max-age=3"
)

// playManifest answers with a playlist, or sends the client to where the format is.
func (s *Service) playManifest(w http.ResponseWriter, a *ask) error {
	format, known := sources.ParseFormat(a.params["format"])
	context := access.Play
	if format == sources.Download {
		context = access.Download
	}
	if err := s.find(a, a.first("entryId", "entry_id"), context); err != nil {
		return err
	}
	if !known {
		return fail(badQuery, "format %q is not served", a.params["format"])
	}
	if err := a.allowed(); err != nil {
		return err
	}
	switch {
	case a.entry.Type == catalog.EntryLiveStream:
		return fail(notLive, "the entry is not live")
	case a.entry.Type != catalog.EntryMedia && a.entry.Type != "" || a.entry.MediaType == catalog.MediaImage:
		return fail(wrongEntryType, "invalid entry type")
	}
	choice, err := a.choice()
	if err != nil {
		return err
	}
	urls, err := s.urls(a)
	if err != nil {
		return err
	}
	if a.params["playbackRate"] != "" && a.params["playbackRate"] != "1" {
		return fail(badParameter, "playback at another speed is not served")
	}
	account, err := s.cfg.Guard.Account(a.Context(), a.entry.Account)
	switch {
	case err != nil:
		return err
	case !sources.Playable(a.entry, account):
		return fail(flavorNotFound, "the entry does not play yet")
	case !a.access.AllowsDeliveryProfile(format.DeliveryProfile()):
		return fail(accessControl, "access control: this format is not allowed")
	}
	selection := sources.Select(a.entry, a.assets, format, choice)
	if len(selection.Flavors) == 0 {
		return fail(flavorNotFound, "no flavor to play")
	}
	m := &manifest{ask: a, urls: urls, choice: choice, selection: selection, format: format}
	w.Header().Set("Cache-Control", m.lifetime())
	return s.render(w, m)
}

// manifest is what playManifest answers from.
type manifest struct {
	*ask
	urls      *sources.URLs
	choice    sources.Choice
	selection sources.Selection
	format    sources.Format
}

func (m *manifest) lifetime() string {
	switch {
	case !m.access.Cacheable() || m.urls.Signer != nil:
		return "no-store"
	case m.entry.Status != catalog.EntryReady:
		return growingTTL
	}
	return manifestTTL
}

func (s *Service) render(w http.ResponseWriter, m *manifest) error {
	switch m.params["responseFormat"] {
	case "", "m3u8", "redirect":
	case "json", "jsonp":
		return m.json(w)
	case "f4m", "f4mv2", "smil":
		return m.xml(w, m.params["responseFormat"])
	default:
		return fail(badQuery, "responseFormat %q is not served", m.params["responseFormat"])
	}
	redirect := m.params["responseFormat"] == "redirect"
	switch m.format {
	case sources.HLS:
		if redirect {
			return m.redirect(w, "hls", "/master.m3u8")
		}
		return s.hls(w, m)
	case sources.DASH:
		return m.redirect(w, "dash", "/manifest.mpd")
	}
	return m.file(w)
}

// choice reads which flavors the client wants.
func (a *ask) choice() (sources.Choice, error) {
	c := sources.Choice{
		Flavors: a.list("flavorIds", "flavorId"), Params: a.list("flavorParamIds", "flavorParamId", "flavorParamsIds", "flavorParamsId"), Tags: a.list("tags"),
		Verdict: &a.access.Verdict,
	}
	var err error
	if c.Min, err = a.kbps("minBitrate", minBitrateError); err != nil {
		return c, err
	}
	if c.Max, err = a.kbps("maxBitrate", maxBitrateError); err != nil {
		return c, err
	}
	if v, err := strconv.ParseInt(a.params["preferredBitrate"], 10, 64); err == nil {
		c.Preferred = v
	}
	return c, nil
}

// kbps reads a bound of bit rates.
func (a *ask) kbps(name string, number int) (int64, error) {
	v := a.params[name]
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 {
		return 0, fail(number, "%s is not a bit rate", name)
	}
	return n, nil
}

// redirect sends the client to the origin's own playlist or manifest of all flavors and sounds.
func (m *manifest) redirect(w http.ResponseWriter, location, name string) error {
	list := m.selection.Flavors
	if location == "dash" {
		list = m.everySound()
	}
	dir, err := m.urls.Flavor(location, list[:min(len(list), maxFlavors)]...)
	if err != nil {
		return err
	}
	found(w, dir+name)
	return nil
}

// maxFlavors bounds the flavors of one URL.
const maxFlavors = 32

// everySound are the flavors with the sound that goes with them as flavors of their own, so that a manifest names it once.
func (m *manifest) everySound() []catalog.Asset {
	list := m.selection.Flavors
	if len(list) == 1 && len(m.selection.Sounds) == 0 {
		return list
	}
	if main := mainSound(m.entry, m.assets); main != nil && list[0].Kind != "audio" {
		list = append(list[:len(list):len(list)], *main)
	}
	return append(list[:len(list):len(list)], m.selection.Sounds...)
}

// file sends the client to one flavor as a file.
func (m *manifest) file(w http.ResponseWriter) error {
	best, ok := m.selection.Best(m.choice)
	if !ok {
		return fail(flavorNotFound, "no flavor to play")
	}
	if m.format == sources.Download {
		m.urls.FileName = sources.DownloadName(m.entry, best)
	}
	if _, ok := m.preview(); ok { // the origin's URLs are of the whole file
		w.Header().Set("Cache-Control", "no-store")
		a := m.entry.Account
		found(w, fmt.Sprintf("%s/p/%d/sp/%d00/download/entry_id/%s/flavor/%s/ks/%s", m.urls.Base, a, a, m.entry.ID, best.ID, url.PathEscape(m.session.Token)))
		return nil
	}
	to, err := m.urls.File(best)
	if err != nil {
		return err
	}
	found(w, to)
	return nil
}

// found redirects.
func found(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}
