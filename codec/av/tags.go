//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// bcp47 normalises a container's language tag (ISO 639-1, -2/B, -2/T, or already BCP 47): "ger" becomes "de"; unknown ones
// become "und". Absent stays "".
func bcp47(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "_", "-"))
	if s == "" {
		return ""
	}
	if t, ok := bibliographic[strings.ToLower(s)]; ok {
		s = t
	}
	t, err := language.Parse(s)
	if err != nil {
		return "und"
	}
	return t.String()
}

// bibliographic maps the ISO 639-2/B codes that differ from the terminological ones.
var bibliographic = map[string]string{
	"alb": "sq", "arm": "hy", "baq": "eu", "bur": "my", "chi": "zh", "cze": "cs", "dut": "nl", "fre": "fr", "geo": "ka", "ger": "de",
	"gre": "el", "ice": "is", "mac": "mk", "mao": "mi", "may": "ms", "per": "fa", "rum": "ro", "slo": "sk", "tib": "bo", "wel": "cy",
	"zxx": "zxx", "qaa": "und", "mis": "und", "unk": "und",
}

// cleanText makes a tag safe to store: valid UTF-8, no control characters, bounded.
func cleanText(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// genericHandler recognises handler names that writers put in by default; they are no titles.
func genericHandler(s string) bool {
	l := strings.ToLower(strings.TrimSpace(s))
	if strings.HasSuffix(l, "handler") || strings.HasSuffix(l, "handle") || strings.Contains(l, "media handler") {
		return true
	}
	for _, p := range []string{"gpac", "iso media file produced", "core media", "apple", "twitter", "l-smash", "mainconcept", "\x1f", "bento4", "dataha", "videohandl", "soundhandl", "sound", "video", "audio", "stereo", "mono", "surround"} {
		if strings.HasPrefix(l, p) {
			return true
		}
	}
	return false
}

var dispositionNames = []struct {
	bit  int
	name string
}{
	{C.AV_DISPOSITION_DEFAULT, "default"}, {C.AV_DISPOSITION_DUB, "dub"}, {C.AV_DISPOSITION_ORIGINAL, "original"},
	{C.AV_DISPOSITION_COMMENT, "comment"}, {C.AV_DISPOSITION_LYRICS, "lyrics"}, {C.AV_DISPOSITION_KARAOKE, "karaoke"},
	{C.AV_DISPOSITION_FORCED, "forced"}, {C.AV_DISPOSITION_HEARING_IMPAIRED, "hearing_impaired"},
	{C.AV_DISPOSITION_VISUAL_IMPAIRED, "visual_impaired"}, {C.AV_DISPOSITION_CLEAN_EFFECTS, "clean_effects"},
	{C.AV_DISPOSITION_ATTACHED_PIC, "attached_pic"}, {C.AV_DISPOSITION_TIMED_THUMBNAILS, "timed_thumbnails"},
	{C.AV_DISPOSITION_CAPTIONS, "captions"}, {C.AV_DISPOSITION_DESCRIPTIONS, "descriptions"},
	{C.AV_DISPOSITION_METADATA, "metadata"}, {C.AV_DISPOSITION_DEPENDENT, "dependent"}, {C.AV_DISPOSITION_STILL_IMAGE, "still_image"},
}

func dispositions(bits int) []string {
	var out []string
	for _, d := range dispositionNames {
		if bits&d.bit != 0 {
			out = append(out, d.name)
		}
	}
	return out
}

func subtitleKind(codecName string) string {
	switch codecName {
	case "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub", "dvb_teletext":
		return "bitmap"
	}
	return "text"
}

// orientation reads a display matrix (ISO/IEC 14496-12 §8.5.3): the clockwise rotation that shows the picture upright,
// snapped to quarter turns, and whether it is mirrored horizontally before that. exact is false when it had to be snapped.
func orientation(m *[9]int32) (degrees int, flip, exact bool) {
	if m == nil {
		return 0, false, true
	}
	a, b, c, d := float64(m[0]), float64(m[1]), float64(m[3]), float64(m[4])
	if a*d-b*c == 0 {
		return 0, false, a == 0 && b == 0 && c == 0 && d == 0
	}
	// A column vector is multiplied from the left in the standard: x' = a·x + c·y, y' = b·x + d·y, y pointing down.
	if a*d-b*c < 0 {
		flip = true
		a, b = -a, -b
	}
	angle := math.Atan2(b, a) * 180 / math.Pi
	snapped := math.Round(angle/90) * 90
	degrees = (int(snapped) + 360) % 360
	return degrees, flip, math.Abs(angle-snapped) < 0.5
}
