package hls

import (
	"sort"
	"strconv"
	"strings"

	"sluice/packager"
)

const subtitleGroup = "subs"

// audioGroup is one quality of sound: a rendition for every language, all of one codec.
type audioGroup struct {
	id     string
	family string // codec family; a variant exists for each
	refs   []packager.Ref
}

// sortAudio decides where sound goes: m.own for files that bring their own, m.groups for the rest.
func (m *master) sortAudio() error {
	m.own = make(map[int]packager.Ref)
	var apart, inside []packager.Ref
	video := make(map[int]bool)
	for _, v := range m.sel.Video {
		video[v.File] = true
	}
	for _, a := range m.sel.Audio {
		if video[a.File] {
			inside = append(inside, a)
		} else {
			apart = append(apart, a)
		}
	}
	if len(apart) == 0 && len(inside) > 0 {
		if m.oneEach(inside) {
			for _, a := range inside {
				m.own[a.File] = a
			}
			return nil
		}
		apart = ofFile(inside, inside[0].File)
	}
	if err := m.group(apart); err != nil {
		return err
	}
	families := len(m.families())
	languages := 0
	for _, g := range m.groups {
		languages = max(languages, len(g.refs))
	}
	m.grouped = len(m.groups) > 0 && (m.FMP4 || families > 1 || languages > 1)
	if len(m.sel.Video) == 0 && languages <= 1 {
		m.grouped = false
	}
	return nil
}

// oneEach reports whether every file has one audio track at most.
func (m *master) oneEach(refs []packager.Ref) bool {
	seen := make(map[int]bool)
	for _, r := range refs {
		if seen[r.File] {
			return false
		}
		seen[r.File] = true
	}
	return true
}

func ofFile(refs []packager.Ref, file int) []packager.Ref {
	var out []packager.Ref
	for _, r := range refs {
		if r.File == file {
			out = append(out, r)
		}
	}
	return out
}

// group arranges audio tracks into qualities: tracks that stand for the same thing in the same codec family are ranked by
// bit rate, and group k takes the k-th of each, or the last there is.
func (m *master) group(refs []packager.Ref) error {
	type slot struct {
		key  string
		refs []packager.Ref
	}
	var families []string
	slots := make(map[string][]*slot)
	for _, r := range refs {
		if _, err := m.rate(r); err != nil {
			return err
		}
		media := m.set().Media(r)
		family, key := family(media), meaning(media)
		if slots[family] == nil {
			families = append(families, family)
		}
		var into *slot
		for _, s := range slots[family] {
			if s.key == key {
				into = s
			}
		}
		if into == nil {
			into = &slot{key: key}
			slots[family] = append(slots[family], into)
		}
		into.refs = append(into.refs, r)
	}
	for _, f := range families {
		depth := 0
		for _, s := range slots[f] {
			sort.SliceStable(s.refs, func(i, j int) bool { return m.measured[s.refs[i]].Average > m.measured[s.refs[j]].Average })
			depth = max(depth, len(s.refs))
		}
		for k := range depth {
			g := audioGroup{id: "audio-" + f + "-" + strconv.Itoa(k+1), family: f}
			for _, s := range slots[f] {
				g.refs = append(g.refs, s.refs[min(k, len(s.refs)-1)])
			}
			m.groups = append(m.groups, g)
		}
	}
	return nil
}

// family is the codec without its profile.
func family(media *packager.Media) string {
	if media.Entry == ".mp3" {
		return "mp3"
	}
	return strings.ToLower(media.Entry)
}

// meaning tells renditions apart that a listener would choose between.
func meaning(media *packager.Media) string {
	roles := append([]string(nil), media.Roles...)
	sort.Strings(roles)
	return strings.Join(append(roles, media.LanguageTag(), strconv.Itoa(int(media.Channels))), "|")
}

func (m *master) families() []string {
	var list []string
	for _, g := range m.groups {
		if !contains(list, g.family) {
			list = append(list, g.family)
		}
	}
	return list
}

// fitting is the group that suits a video track: the best one whose sound takes at most a sixth of the picture's rate, or
// the smallest.
func (m *master) fitting(v packager.Ref, family string) (*audioGroup, error) {
	picture, err := m.rate(v)
	if err != nil {
		return nil, err
	}
	var g *audioGroup
	for i := range m.groups {
		if m.groups[i].family != family {
			continue
		}
		g = &m.groups[i]
		if m.measured[g.refs[0]].Average*6 <= picture.Average {
			break
		}
	}
	return g, nil
}

func (m *master) audioGroup(g audioGroup) {
	def := 0
	for i := len(g.refs) - 1; i >= 0; i-- {
		if m.set().Media(g.refs[i]).Default {
			def = i
		}
	}
	n := naming{}
	for i, r := range g.refs {
		media := m.set().Media(r)
		var a attrs
		a.raw("TYPE", "AUDIO")
		a.text("GROUP-ID", g.id)
		n.describe(&a, media, i == def)
		if media.Channels > 0 {
			a.text("CHANNELS", strconv.Itoa(int(media.Channels)))
		}
		a.text("URI", m.child("index", 0, []packager.Ref{r}, "m3u8"))
		m.p.line("#EXT-X-MEDIA:" + a.b.String())
	}
}

func (m *master) subtitles() {
	n := naming{}
	def := false
	for _, r := range m.sel.Text {
		media := m.set().Media(r)
		var a attrs
		a.raw("TYPE", "SUBTITLES")
		a.text("GROUP-ID", subtitleGroup)
		first := media.Default && !def
		def = def || first
		n.describe(&a, media, first)
		if media.Forced {
			a.raw("FORCED", "YES")
		}
		a.text("URI", m.child("index", 0, []packager.Ref{r}, "m3u8"))
		m.p.line("#EXT-X-MEDIA:" + a.b.String())
	}
}

// naming keeps the names of a group unique, and its automatic choices distinct.
type naming struct {
	names, auto []string
}

// describe writes LANGUAGE, NAME, DEFAULT, AUTOSELECT and CHARACTERISTICS (RFC 8216 §4.3.4.1).
func (n *naming) describe(a *attrs, media *packager.Media, def bool) {
	lang := media.LanguageTag()
	if lang != "" {
		a.text("LANGUAGE", lang)
	}
	name := media.Name
	if name == "" {
		name = media.LanguageName()
	}
	if name == "" {
		name = "Audio"
		if media.Kind == packager.Text {
			name = "Subtitles"
		}
	}
	unique := clean(name)
	for k := 2; contains(n.names, unique); k++ {
		unique = clean(name) + " " + strconv.Itoa(k)
	}
	n.names = append(n.names, unique)
	a.text("NAME", unique)
	chars := characteristics(media.Roles)
	key := lang + "|" + chars + "|" + strconv.FormatBool(media.Forced)
	switch {
	case def:
		a.raw("DEFAULT", "YES")
		a.raw("AUTOSELECT", "YES")
		n.auto = append(n.auto, key)
	case !contains(n.auto, key) && !contains(media.Roles, "commentary"):
		a.raw("AUTOSELECT", "YES")
		n.auto = append(n.auto, key)
	}
	if chars != "" {
		a.text("CHARACTERISTICS", chars)
	}
}

// characteristics maps DASH roles to Apple's media characteristic tags.
func characteristics(roles []string) string {
	switch {
	case contains(roles, "description"):
		return "public.accessibility.describes-video"
	case contains(roles, "caption"):
		return "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
	}
	return ""
}
