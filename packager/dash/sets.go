package dash

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sluice/packager"
)

// mediaSets groups tracks into adaptation sets: one for each codec family, language, role and what else players do not
// switch between.
func (w *writer) mediaSets(refs []packager.Ref) ([]*adaptationSet, error) {
	var sets []*adaptationSet
	byKey := make(map[string][]*adaptationSet)
	for _, ref := range refs {
		rep, err := w.representation(ref)
		if err != nil {
			return nil, err
		}
		if rep == nil {
			continue
		}
		t := w.set.Track(ref)
		key := groupKey(&t.Media)
		i := slices.IndexFunc(byKey[key], func(as *adaptationSet) bool { return t.Kind != packager.Audio || !as.twice(rep) })
		if i < 0 {
			as := w.newSet(&t.Media)
			i = len(byKey[key])
			byKey[key] = append(byKey[key], as)
			sets = append(sets, as)
		}
		as := byKey[key][i]
		as.Reps = append(as.Reps, rep)
		as.widen(&t.Media)
	}
	for _, as := range sets {
		as.hoist()
		as.blend()
	}
	return sets, nil
}

// twice reports whether one of the set's sounds is as good as rep: what are two of a kind otherwise must be two things then,
// even though nobody said what tells them apart.
func (as *adaptationSet) twice(rep *representation) bool {
	return slices.ContainsFunc(as.Reps, func(r *representation) bool {
		same := r.Channels == nil && rep.Channels == nil || r.Channels != nil && rep.Channels != nil && *r.Channels == *rep.Channels
		return same && 4*r.Bandwidth > 3*rep.Bandwidth && 4*rep.Bandwidth > 3*r.Bandwidth
	})
}

// groupKey tells apart what players do not switch between by themselves. They do between mono and stereo, which is how the
// smaller of two bit rates is made; another number of speakers is another mix.
func groupKey(m *packager.Media) string {
	roles := append([]string(nil), m.Roles...)
	sort.Strings(roles)
	return fmt.Sprintf("%v %s %s %q %v %v %v", m.Kind, m.Entry, m.LanguageTag(), cmp.Or(m.Name, m.LanguageName()), roles, max(2, m.Channels), m.Color.Transfer)
}

func (w *writer) newSet(m *packager.Media) *adaptationSet {
	w.nextID++
	as := &adaptationSet{ID: w.nextID, Lang: m.LanguageTag(), Label: m.Name}
	if w.onDemand {
		as.SubsegmentAlignment, as.SubsegmentStartsWithSAP = true, 1
	} else {
		as.SegmentAlignment, as.StartWithSAP = true, 1
	}
	switch m.Kind {
	case packager.Video:
		as.ContentType, as.MimeType = "video", "video/mp4"
		as.Supplemental = cicp(m.Color)
	case packager.Audio:
		as.ContentType, as.MimeType = "audio", "audio/mp4"
	default:
		as.ContentType, as.MimeType = "text", "application/mp4"
	}
	w.describeSet(as, m)
	return as
}

// describeSet writes the roles, of which main is the default for video and for the sound to start with: the track marked so,
// or the first when none is.
func (w *writer) describeSet(as *adaptationSet, m *packager.Media) {
	const role = "urn:mpeg:dash:role:2011"
	roles := append([]string(nil), m.Roles...)
	if m.Forced && !contains(roles, "forced-subtitle") {
		roles = append(roles, "forced-subtitle")
	}
	if len(roles) == 0 {
		switch {
		case m.Kind == packager.Text:
			roles = []string{"subtitle"}
		case m.Kind == packager.Video || m.Default || !w.main && !w.hasDefault():
			roles = []string{"main"}
			w.main = w.main || m.Kind == packager.Audio
		default:
			roles = []string{"alternate"}
		}
	}
	for _, r := range roles {
		as.Role = append(as.Role, descriptor{role, r})
		switch r {
		case "description":
			as.Accessibility = append(as.Accessibility, descriptor{"urn:tva:metadata:cs:AudioPurposeCS:2007", "1"})
		case "caption":
			as.Accessibility = append(as.Accessibility, descriptor{"urn:tva:metadata:cs:AudioPurposeCS:2007", "2"})
		}
	}
}

func (w *writer) hasDefault() bool {
	for _, ref := range w.set.Refs(packager.Audio) {
		if w.set.Media(ref).Default {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// cicp describes the colours (ISO/IEC 23091-2) where they are known.
func cicp(c packager.Color) []descriptor {
	var d []descriptor
	for _, p := range []struct {
		name  string
		value uint8
	}{{"ColourPrimaries", c.Primaries}, {"TransferCharacteristics", c.Transfer}, {"MatrixCoefficients", c.Matrix}} {
		if p.value != 0 && p.value != 2 {
			d = append(d, descriptor{"urn:mpeg:mpegB:cicp:" + p.name, strconv.Itoa(int(p.value))})
		}
	}
	return d
}

// widen makes the set's maxima cover m.
func (as *adaptationSet) widen(m *packager.Media) {
	if m.Kind != packager.Video {
		return
	}
	if int(m.Width)*int(m.Height) >= as.MaxWidth*as.MaxHeight {
		as.Par = ratio(uint64(m.Width)*uint64(max(1, m.SARNum)), uint64(m.Height)*uint64(max(1, m.SARDen)))
	}
	as.MaxWidth, as.MaxHeight = max(as.MaxWidth, int(m.Width)), max(as.MaxHeight, int(m.Height))
	if r := frameRate(m); as.MaxFrameRate == "" || r != "" && faster(r, as.MaxFrameRate) {
		as.MaxFrameRate = r
	}
}

// hoist moves the representations' segment templates to the set when they differ in nothing but the track's name.
func (as *adaptationSet) hoist() {
	first := as.Reps[0].Template
	if first == nil {
		return
	}
	for _, r := range as.Reps {
		if r.Template == nil || r.Template.Timescale != first.Timescale || !r.Template.Timeline.equal(first.Timeline) {
			return
		}
	}
	as.Template = first
	for _, r := range as.Reps {
		r.Template = nil
	}
}

// blend leaves the channels of a set unsaid when it mixes mono and stereo: where each representation states its own, Shaka
// Player lists one language twice.
func (as *adaptationSet) blend() {
	first := as.Reps[0].Channels
	if first == nil || !slices.ContainsFunc(as.Reps, func(r *representation) bool { return r.Channels == nil || *r.Channels != *first }) {
		return
	}
	for _, r := range as.Reps {
		r.Channels = nil
	}
}

// textSets describes subtitles: cues as a WebVTT file beside the media, wvtt and stpp tracks like other media.
func (w *writer) textSets(refs []packager.Ref) ([]*adaptationSet, error) {
	var sets []*adaptationSet
	for _, ref := range refs {
		if w.set.Track(ref) != nil {
			more, err := w.mediaSets([]packager.Ref{ref})
			if err != nil {
				return nil, err
			}
			sets = append(sets, more...)
			continue
		}
		text := w.set.Text(ref)
		w.nextID++
		as := &adaptationSet{ID: w.nextID, ContentType: "text", MimeType: "text/vtt", Lang: text.LanguageTag(), Label: text.Name}
		w.describeSet(as, &text.Media)
		as.Reps = []*representation{{ID: id(ref), Bandwidth: textRate(text, w.Table.EndMS()), BaseURL: w.child("subtitles", id(ref), "vtt")}}
		sets = append(sets, as)
	}
	return sets, nil
}

// textRate is the mean rate of the cues with their timing lines, bits per second, at least 256.
func textRate(t *packager.TextTrack, durationMS int64) int64 {
	const timingLine = 40
	var n int64
	for _, c := range t.Cues {
		n += int64(len(c.Text)+len(c.Settings)+len(c.ID)) + timingLine
	}
	return max(256, n*8000/max(1, durationMS))
}

// trickSet is a set of key frames only of the smallest video track, for scrubbing (DASH-IF IOP §3.2.9).
func (w *writer) trickSet(videos []packager.Ref, sets []*adaptationSet) ([]*adaptationSet, error) {
	if w.TrickSize == nil || len(videos) == 0 {
		return nil, nil
	}
	ref := videos[0]
	for _, v := range videos {
		if a, b := w.set.Media(v), w.set.Media(ref); int(a.Width)*int(a.Height) < int(b.Width)*int(b.Height) {
			ref = v
		}
	}
	t := w.set.Track(ref)
	if t.AllSync() {
		return nil, nil
	}
	rep, err := w.timed(ref, "trick", func(k int) (int64, error) { return w.TrickSize(ref, k) })
	if err != nil || rep == nil {
		return nil, err
	}
	independent := false
	rep.ID = "trick-" + id(ref)
	rep.FrameRate, rep.MaxPlayoutRate, rep.CodingDependency = "", strconv.Itoa(max(1, t.Len()/t.SyncCount())), &independent
	w.nextID++
	as := &adaptationSet{
		ID: w.nextID, ContentType: "video", MimeType: "video/mp4", SegmentAlignment: true, StartWithSAP: 1, Reps: []*representation{rep},
		Essential: []descriptor{{"http://dashif.org/guidelines/trickmode", mainSetOf(sets, id(ref))}},
	}
	as.widen(&t.Media)
	as.MaxFrameRate = ""
	return []*adaptationSet{as}, nil
}

func mainSetOf(sets []*adaptationSet, rep string) string {
	for _, as := range sets {
		for _, r := range as.Reps {
			if r.ID == rep {
				return strconv.Itoa(as.ID)
			}
		}
	}
	return ""
}

// thumbnails describes the storyboard as tiles (DASH-IF IOP §6.2.6).
func (w *writer) thumbnails() []*adaptationSet {
	sb := w.set.Storyboard
	if sb == nil || len(sb.Sprites) == 0 || sb.IntervalMS <= 0 || !w.set.Complete {
		return nil
	}
	per := int64(sb.Columns*sb.Rows) * sb.IntervalMS
	peak := int64(1)
	for _, f := range sb.Sprites {
		peak = max(peak, f.Size()*8000/per+1)
	}
	w.nextID++
	return []*adaptationSet{{
		ID: w.nextID, ContentType: "image", MimeType: "image/jpeg",
		Template: &segmentTemplate{Timescale: 1000, Duration: per, StartNumber: 1, Media: "sprite-$Number$.jpg" + w.Query},
		Reps: []*representation{{
			ID: "thumbnails", Bandwidth: peak, Width: sb.TileWidth * sb.Columns, Height: sb.TileHeight * sb.Rows,
			Essential: []descriptor{{"http://dashif.org/guidelines/thumbnail_tile", strconv.Itoa(sb.Columns) + "x" + strconv.Itoa(sb.Rows)}},
		}},
	}}
}

// frameRate is "30" or "30000/1001", "" when unknown.
func frameRate(m *packager.Media) string {
	if m.RateNum == 0 || m.RateDen == 0 {
		return ""
	}
	g := gcd(uint64(m.RateNum), uint64(m.RateDen))
	n, d := uint64(m.RateNum)/g, uint64(m.RateDen)/g
	if d == 1 {
		return strconv.FormatUint(n, 10)
	}
	return strconv.FormatUint(n, 10) + "/" + strconv.FormatUint(d, 10)
}

// faster compares two frame rates as written by frameRate.
func faster(a, b string) bool {
	an, ad := fraction(a)
	bn, bd := fraction(b)
	return an*bd > bn*ad
}

func fraction(s string) (num, den uint64) {
	n, d, ok := strings.Cut(s, "/")
	num, _ = strconv.ParseUint(n, 10, 32)
	if !ok {
		return num, 1
	}
	den, _ = strconv.ParseUint(d, 10, 32)
	return num, den
}

// ratio is a:b in lowest terms, "" when either is 0.
func ratio(a, b uint64) string {
	if a == 0 || b == 0 {
		return ""
	}
	g := gcd(a, b)
	return strconv.FormatUint(a/g, 10) + ":" + strconv.FormatUint(b/g, 10)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
