package vtt

import (
	"slices"

	"sluice/packager"
)

// Translation is the captions of one language of a file of several.
type Translation struct {
	Language string // as the file has it: a BCP 47 tag
	Cues     []packager.Cue
}

// Translations reads a TTML file whose divisions are of several languages (TTML1 §7.1.4, §8.2.3: xml:lang on body's div), in
// the order in which they come first. A file of one language gives none.
func Translations(b []byte) ([]Translation, error) {
	root, err := readTTML(b)
	if err != nil {
		return nil, err
	}
	var languages []string
	for _, e := range root.kids {
		if e.name != "body" {
			continue
		}
		for _, div := range e.kids {
			if l := div.attrs["lang"]; div.name == "div" && l != "" && !slices.Contains(languages, l) {
				languages = append(languages, l)
			}
		}
	}
	if len(languages) < 2 {
		return nil, nil
	}
	out := make([]Translation, len(languages))
	for i, l := range languages {
		cues, err := cuesOf(root, func(div *element) bool { return div.attrs["lang"] == l || div.attrs["lang"] == "" })
		if err != nil {
			return nil, err
		}
		out[i] = Translation{l, cues}
	}
	return out, nil
}
