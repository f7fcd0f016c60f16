package delivery

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

const typeM3U8 = "application/x-mpegurl"

// hls writes the multivariant playlist, with a URL for each flavor. What it says of the flavors is measured by the origin,
// which is asked for its own playlist of the same flavors.
func (s *Service) hls(w http.ResponseWriter, m *manifest) error {
	dir, err := m.urls.Path("hls", m.selection.Flavors...)
	if err != nil {
		return err
	}
	text, err := s.text(m.Request, dir+"/master.m3u8")
	if err != nil {
		return err
	}
	body, err := m.master(string(text))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", typeM3U8)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if m.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(body) // the client left: nobody to tell
	return nil
}

// master turns the origin's multivariant playlist into one whose variants are the flavors by themselves.
func (m *manifest) master(text string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	groups := ""
	if len(m.selection.Sounds) > 0 {
		groups += `,AUDIO="audio"`
		if err := m.sounds(&b); err != nil {
			return nil, err
		}
	}
	captions, err := m.captions(&b)
	if err != nil {
		return nil, err
	}
	if captions {
		groups += `,SUBTITLES="subs"`
	}
	variant := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF:"):
			variant = line
		case variant != "" && line != "" && line[0] != '#':
			to, err := m.urls.Flavor("hls", m.selection.Flavors[fileOf(line, len(m.selection.Flavors))])
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%s%s\n%s/index.m3u8\n", without(variant, "AUDIO", "SUBTITLES"), groups, to)
			variant = ""
		}
	}
	return b.Bytes(), nil
}

// fileOf is which of n files (from 0) the name of a media playlist stands for.
func fileOf(name string, n int) int {
	_, rest, ok := strings.Cut(name, "-f")
	if !ok {
		return 0
	}
	end := 0
	for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
		end++
	}
	f, err := strconv.Atoi(rest[:end])
	if err != nil || f < 1 || f > n {
		return 0
	}
	return f - 1
}

// without removes attributes with quoted values from a tag.
func without(line string, names ...string) string {
	for _, n := range names {
		before, after, ok := strings.Cut(line, ","+n+`="`)
		if ok {
			_, after, _ = strings.Cut(after, `"`)
			line = before + after
		}
	}
	return line
}

// sounds writes the renditions of sound: the one that the flavors have in them, which has no URL of its own, and the others.
func (m *manifest) sounds(b *bytes.Buffer) error {
	var names []string
	if main := mainSound(m.entry, m.assets); main != nil {
		fmt.Fprintf(b, "%s,AUTOSELECT=YES,DEFAULT=YES\n", rendition("AUDIO", "audio", *main, &names))
	}
	for _, a := range m.selection.Sounds {
		to, err := m.urls.Flavor("hls", a)
		if err != nil {
			return err
		}
		described := ""
		if slices.Contains(a.Details.Tags, "audio_description") {
			described = `,CHARACTERISTICS="public.accessibility.describes-video"`
		}
		fmt.Fprintf(b, "%s%s,AUTOSELECT=YES,DEFAULT=NO,URI=%q\n", rendition("AUDIO", "audio", a, &names), described, to+"/index.m3u8")
	}
	return nil
}

// captions writes the renditions of captions that players show, unless the client wants none.
func (m *manifest) captions(b *bytes.Buffer) (any bool, err error) {
	if v := m.params["disableCaptions"]; v != "" && v != "0" && v != "false" {
		return false, nil
	}
	var names []string
	for _, a := range m.assets {
		if a.Type != catalog.AssetCaption || a.Status != catalog.AssetReady || a.Details.Hidden || !playsAsText(a) {
			continue
		}
		to, err := m.urls.Captions(a)
		if err != nil {
			return false, err
		}
		def := "NO"
		if a.Default && !any {
			def = "YES"
		}
		any = true
		fmt.Fprintf(b, "%s,AUTOSELECT=YES,DEFAULT=%s,URI=%q\n", rendition("SUBTITLES", "subs", a, &names), def, to)
	}
	return any, nil
}

// playsAsText says whether the origin can make playlists of the captions.
func playsAsText(a catalog.Asset) bool {
	switch kaltura.CaptionFile(a) {
	case "vtt", "webvtt", "srt", "ttml", "dfxp", "ssa", "ass", "stl":
		return true
	}
	return false
}

// rendition begins an EXT-X-MEDIA tag (RFC 8216 §4.3.4.1), with a name that no other rendition of the group has.
func rendition(kind, group string, a catalog.Asset, names *[]string) string {
	name := a.Title
	if name == "" {
		name = kaltura.LanguageName(a.Language)
	}
	name = strings.Map(func(r rune) rune {
		if r == '"' || r < 0x20 {
			return -1
		}
		return r
	}, name)
	unique := name
	for k := 2; slices.Contains(*names, unique); k++ {
		unique = name + " " + strconv.Itoa(k)
	}
	*names = append(*names, unique)
	tag := `#EXT-X-MEDIA:TYPE=` + kind + `,GROUP-ID="` + group + `"`
	if a.Language != "" && a.Language != "und" {
		tag += `,LANGUAGE="` + strings.ReplaceAll(a.Language, `"`, "") + `"`
	}
	return tag + `,NAME="` + unique + `"`
}

// text asks the origin for a short text.
func (s *Service) text(r *http.Request, escaped string) ([]byte, error) {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, err
	}
	req := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path, RawPath: escaped}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Host: r.Host, RemoteAddr: r.RemoteAddr,
	}
	m := memory{header: http.Header{}}
	s.cfg.Media.ServeHTTP(&m, req.WithContext(r.Context()))
	if m.status != http.StatusOK {
		return nil, fail(flavorNotFound, "nothing to play yet")
	}
	return m.body.Bytes(), nil
}

// memory keeps a response.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header { return m.header }
func (m *memory) WriteHeader(s int)   { m.status = s }
func (m *memory) Write(b []byte) (int, error) {
	if m.status == 0 {
		m.status = http.StatusOK
	}
	return m.body.Write(b)
}

func mainSound(e catalog.Entry, assets []catalog.Asset) *catalog.Asset {
	return kaltura.MainSound(e, assets)
}
