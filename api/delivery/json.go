package delivery

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path"
	"regexp"
	"strconv"

	"sluice/api/rpc/sources"
)

// flavorJSON is a flavor in the answer to responseFormat=json.
type flavorJSON struct {
	URL     string `json:"url"`
	Ext     string `json:"ext"`
	Bitrate int64  `json:"bitrate"` // kilobits a second
	Width   int    `json:"width"`
	Height  int    `json:"height"`
}

var callbackName = regexp.MustCompile(`^[0-9_a-zA-Z.]+$`)

// flavors lists the flavors with their URLs in the manifest's format.
func (m *manifest) flavors() ([]flavorJSON, error) {
	out := []flavorJSON{}
	for _, a := range m.selection.Flavors {
		var to string
		var err error
		switch m.format {
		case sources.HLS:
			to, err = m.urls.Flavor("hls", a)
			to += "/index.m3u8"
		case sources.DASH:
			to, err = m.urls.Flavor("dash", a)
			to += "/manifest.mpd"
		default:
			to, err = m.urls.File(a)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, flavorJSON{to, path.Ext(to)[1:], sources.Rate(a), a.Width, a.Height})
	}
	return out, nil
}

// json lists the flavors with their URLs.
func (m *manifest) json(w http.ResponseWriter) error {
	out := struct {
		EntryID  string       `json:"entryId"`
		Duration int64        `json:"duration"` // seconds
		BaseURL  string       `json:"baseUrl"`
		Flavors  []flavorJSON `json:"flavors"`
	}{EntryID: string(m.entry.ID), Duration: (m.entry.DurationMS + 500) / 1000}
	var err error
	if out.Flavors, err = m.flavors(); err != nil {
		return err
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if m.params["responseFormat"] == "jsonp" {
		callback := m.params["callback"]
		if !callbackName.MatchString(callback) {
			return fail(badParameter, "callback is no name")
		}
		h.Set("Content-Type", "application/javascript")
		body = bytes.Join([][]byte{[]byte(callback + "("), body, []byte(");")}, nil)
	}
	m.answer(w, body)
	return nil
}

// answer writes a manifest's text.
func (m *manifest) answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if m.Method != http.MethodHead {
		_, _ = w.Write(body) // the client left: nobody to tell
	}
}
