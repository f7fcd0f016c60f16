package hls

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sluice/packager"
)

const subtitleGroup = "subs"

// audioGroup is one quality of sound: a rendition for every language, of one codec where there is one. All groups have the same
// members, which differ in their URI and channels alone (RFC 8216 §4.3.4.1.1).
type audioGroup struct {
	id     string
	family string // codec family; a variant exists for each
	refs   []packager.Ref
	// described is, for each of refs, the rendition whose words are used: that of the best quality.
	described []packager.Ref
	def       int // index in refs of the one to start with
	used      bool
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

// slot is one choice of a listener's, in each codec family and bit rate that there is.
type slot struct {
	key      string
	families []string
	refs     map[string][]packager.Ref // by family, best first
}

// in is what the slot offers to a group of family.
func (s *slot) in(family string) []packager.Ref {
	if list := s.refs[family]; len(list) > 0 {
		return list
	}
	for _, f := range s.families {
		if f == "mp4a" || strings.HasPrefix(f, "mp4a-") {
			return s.refs[f]
		}
	}
	return nil
}

// group arranges audio tracks into qualities: tracks that stand for the same thing in the same codec family are ranked by
// bit rate, and group k takes the k-th of each, or the last there is. What a family lacks comes from AAC, which everything
// plays, so that every group has every choice.
func (m *master) group(refs []packager.Ref) error {
	var families []string
	var slots []*slot
	def := -1 // the slot that the set starts with
	for _, r := range refs {
		if _, err := m.rate(r); err != nil {
			return err
		}
		media := m.set().Media(r)
		family, key := family(media), meaning(media)
		i := slices.IndexFunc(slots, func(s *slot) bool { return s.key == key && !m.twice(s.refs[family], r) })
		if i < 0 {
			i = len(slots)
			slots = append(slots, &slot{key: key, refs: make(map[string][]packager.Ref)})
		}
		s := slots[i]
		if !contains(families, family) {
			families = append(families, family)
		}
		if !contains(s.families, family) {
			s.families = append(s.families, family)
		}
		s.refs[family] = append(s.refs[family], r)
		if media.Default && def < 0 {
			def = i
		}
	}
	for _, f := range families {
		m.rank(f, slots, max(0, def))
	}
	return nil
}

// twice reports whether one of list is as good as r: what are two of a kind otherwise must be two things then, even though
// nobody said what tells them apart.
func (m *master) twice(list []packager.Ref, r packager.Ref) bool {
	return slices.ContainsFunc(list, func(o packager.Ref) bool {
		a, b := m.measured[o].Average, m.measured[r].Average
		return m.set().Media(o).Channels == m.set().Media(r).Channels && 4*a > 3*b && 4*b > 3*a
	})
}

// rank makes the groups of one family.
func (m *master) rank(family string, slots []*slot, def int) {
	depth := 0
	for _, s := range slots {
		list := s.refs[family]
		sort.SliceStable(list, func(i, j int) bool { return m.measured[list[i]].Average > m.measured[list[j]].Average })
		depth = max(depth, len(list))
	}
	for k := range depth {
		g := audioGroup{id: "audio-" + family + "-" + strconv.Itoa(k+1), family: family}
		for i, s := range slots {
			list := s.in(family)
			if len(list) == 0 {
				continue
			}
			if i == def {
				g.def = len(g.refs)
			}
			g.refs = append(g.refs, list[min(k, len(list)-1)])
			g.described = append(g.described, s.refs[s.families[0]][0])
		}
		m.groups = append(m.groups, g)
	}
}

// family is the codec without its profile. Mono is a lower quality of stereo, but what needs more speakers has variants of
// its own.
func family(media *packager.Media) string {
	f := strings.ToLower(media.Entry)
	if media.Entry == ".mp3" {
		f = "mp3"
	}
	if media.Channels > 2 {
		f += "-" + strconv.Itoa(int(media.Channels)) + "ch"
	}
	return f
}

// meaning tells renditions apart that a listener would choose between.
func meaning(media *packager.Media) string {
	roles := append([]string(nil), media.Roles...)
	sort.Strings(roles)
	return strings.Join(append(roles, media.LanguageTag(), cmp.Or(media.Name, media.LanguageName())), "|")
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

// fitting is the group of a family that goes with a video track. The smallest pictures, which are for slow lines, take the
// lowest quality of sound, the others share what is above it in their order; a picture without others takes the best.
func (m *master) fitting(v packager.Ref, family string) *audioGroup {
	first := slices.IndexFunc(m.groups, func(g audioGroup) bool { return g.family == family })
	depth := 0
	for _, g := range m.groups[first:] {
		if g.family == family {
			depth++
		}
	}
	sizes := m.lines()
	rank := slices.Index(sizes, lines(m.set().Media(v)))
	above := len(sizes) - 1 // sizes that are not for slow lines
	for above > 1 && sizes[above-1] <= slowLines {
		above--
	}
	if rank > 0 && rank >= above {
		return &m.groups[first+depth-1]
	}
	return &m.groups[first+rank*(depth-1)/max(1, above)]
}

// slowLines is the height, or the width when upright, of pictures for slow lines.
const slowLines = 360

// lines are the sizes of the pictures there are, each once, largest first.
func (m *master) lines() []int {
	var sizes []int
	for _, v := range m.sel.Video {
		sizes = append(sizes, lines(m.set().Media(v)))
	}
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	slices.Reverse(sizes)
	return sizes
}

func lines(v *packager.Media) int { return int(min(v.Width, v.Height)) }

// useGroups writes the groups that some variant refers to.
func (m *master) useGroups() {
	for i := range m.groups {
		m.groups[i].used = len(m.sel.Video) == 0
	}
	for _, v := range m.sel.Video {
		for _, family := range m.families() {
			m.fitting(v, family).used = true
		}
	}
	for i := range m.groups {
		if g := &m.groups[i]; g.used {
			m.audioGroup(g)
		}
	}
}

func (m *master) audioGroup(g *audioGroup) {
	n := naming{}
	for i, r := range g.refs {
		var a attrs
		a.raw("TYPE", "AUDIO")
		a.text("GROUP-ID", g.id)
		n.describe(&a, m.set().Media(g.described[i]), i == g.def)
		if c := m.set().Media(r).Channels; c > 0 {
			a.text("CHANNELS", strconv.Itoa(int(c)))
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
