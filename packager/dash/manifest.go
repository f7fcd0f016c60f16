package dash

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"sluice/packager"
	"sluice/packager/uri"
)

// ErrNothing says that a manifest would be empty.
var ErrNothing = errors.New("nothing to play")

// Profiles written.
const (
	profileLive     = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"
	profileOnDemand = "urn:mpeg:dash:profile:isoff-on-demand:2011"
)

// Options is what a manifest is made from.
type Options struct {
	Table *packager.Table
	// Version, when set, is the -x item of every child URL.
	Version string
	// Query, when set, is appended to every child URL; it starts with "?".
	Query string
	// Size returns the exact bytes of segment k (from 0) of a track.
	Size func(refs []packager.Ref, k int) (int64, error)
	// Stored returns where the head and the segment index of a track's stored file lie: bytes [0, Init) and [Init, Index).
	// ok is false when the track is not one indexed file.
	Stored func(ref packager.Ref) (s Stored, ok bool)
	// TrickSize returns the bytes of the key frames of segment k as a trick-mode segment; nil leaves trick mode out.
	TrickSize func(ref packager.Ref, k int) (int64, error)
}

// Stored is the layout of a stored track file: its head [0, InitEnd) and its sidx box [IndexOff, IndexOff+IndexLen).
type Stored struct {
	InitEnd, IndexOff, IndexLen int64
}

type writer struct {
	*Options
	set      *packager.Set
	onDemand bool
	nextID   int
	main     bool // some audio track has the role main
}

// Manifest writes the MPD of the tracks selected: with a SegmentTimeline, or for onDemand with byte ranges.
func Manifest(o *Options, sel *uri.Selection, onDemand bool) ([]byte, error) {
	w := &writer{Options: o, set: o.Table.Set, onDemand: onDemand}
	if o.Table.Ready == 0 || len(sel.Video)+len(sel.Audio) == 0 {
		return nil, ErrNothing
	}
	sets, err := w.mediaSets(append(append([]packager.Ref(nil), sel.Video...), sel.Audio...))
	if err != nil {
		return nil, err
	}
	if len(sets) == 0 {
		return nil, ErrNothing
	}
	text, err := w.textSets(sel.Text)
	if err != nil {
		return nil, err
	}
	sets = append(sets, text...)
	if !onDemand {
		trick, err := w.trickSet(sel.Video, sets)
		if err != nil {
			return nil, err
		}
		sets = append(append(sets, trick...), w.thumbnails()...)
	}
	end := duration(o.Table.EndMS())
	m := mpd{
		Profiles: profileLive, Type: "static", Duration: end, MinBuffer: duration(w.longestMS()),
		MaxSegment: duration(w.longestMS()),
		Period:     period{ID: "0", Start: "PT0S", Duration: end, Sets: sets},
	}
	if w.set.Title != "" {
		m.Info = &info{w.set.Title}
	}
	if onDemand {
		m.Profiles, m.MaxSegment = profileOnDemand, ""
	}
	return encode(&m)
}

func encode(m *mpd) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", " ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// longestMS is the longest segment of any track in milliseconds, rounded up to a tenth of a second.
func (w *writer) longestMS() int64 {
	longest := int64(1)
	for _, k := range [...]packager.Kind{packager.Video, packager.Audio} {
		for _, ref := range w.set.Refs(k) {
			scale := int64(w.set.Track(ref).Timescale)
			for _, s := range w.ready(ref) {
				longest = max(longest, (s.Dur*1000+scale-1)/scale)
			}
		}
	}
	return (longest + 99) / 100 * 100
}

// duration writes milliseconds as xs:duration.
func duration(ms int64) string {
	s := fmt.Sprintf("PT%d.%03d", ms/1000, ms%1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + "S"
}

// id names a track as its URLs do: f1-v1.
func id(ref packager.Ref) string {
	return strings.TrimSuffix(strings.TrimPrefix(uri.Name("", 0, []packager.Ref{ref}, false, "", ""), "-"), ".")
}

// child is a URL of the track's objects; what stands in place of the track's name may be a template.
func (w *writer) child(base, item, ext string) string {
	s := base + "-" + item
	if w.Version != "" {
		s += "-x" + w.Version
	}
	return s + "." + ext + w.Query
}
