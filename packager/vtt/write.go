package vtt

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/packager"
)

// Write returns cues as a WebVTT file. What would end a cue early in its text or identifier is escaped or left out.
func Write(cues []packager.Cue) []byte {
	b := append(make([]byte, 0, 64*len(cues)+16), "WEBVTT\n"...)
	for i := range cues {
		b = appendCue(b, &cues[i])
	}
	return b
}

// Segment returns the cues that are shown during [fromMS, toMS) as a WebVTT segment (RFC 8216 §3.5). Times stay those of
// the presentation, and a cue that spans a boundary is in both segments. mpegts is the MPEG-2 time, at 90 kHz, of
// presentation time 0 for the X-TIMESTAMP-MAP header; -1 leaves the header out.
func Segment(cues []packager.Cue, fromMS, toMS int64, mpegts int64) []byte {
	b := []byte("WEBVTT\n")
	if mpegts >= 0 {
		b = append(b, "X-TIMESTAMP-MAP=MPEGTS:"...)
		b = strconv.AppendInt(b, mpegts, 10)
		b = append(b, ",LOCAL:00:00:00.000\n"...)
	}
	for i := range cues {
		if c := &cues[i]; c.Start < toMS && c.End > fromMS && c.End > c.Start {
			b = appendCue(b, c)
		}
	}
	return b
}

func appendCue(b []byte, c *packager.Cue) []byte {
	b = append(b, '\n')
	if id := oneLine(c.ID); id != "" {
		b = append(append(b, id...), '\n')
	}
	b = appendTime(b, c.Start)
	b = append(b, " --> "...)
	b = appendTime(b, c.End)
	if s := oneLine(c.Settings); s != "" {
		b = append(append(b, ' '), s...)
	}
	b = append(b, '\n')
	for line := range strings.SplitSeq(c.Text, "\n") {
		if line = strings.TrimRight(line, "\r"); line != "" { // a blank line would end the cue
			b = append(append(b, strings.ReplaceAll(line, "-->", "--&gt;")...), '\n')
		}
	}
	return b
}

// oneLine makes s fit on a line of its own.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == 0 {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(strings.ReplaceAll(s, "-->", "->"))
}

// appendTime writes hh:mm:ss.fff.
func appendTime(b []byte, ms int64) []byte {
	ms = max(0, ms)
	return fmt.Appendf(b, "%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// Storyboard returns the WebVTT that maps times to the tiles of sb's sprites as media fragments, which players show above
// the seek bar. uri names sprite k, relative to the VTT file. The last tile lasts to the end of the presentation.
func Storyboard(sb *packager.Storyboard, durationMS int64, uri func(k int) string) []byte {
	b := []byte("WEBVTT\n")
	per := sb.Columns * sb.Rows
	if per <= 0 || sb.IntervalMS <= 0 {
		return b
	}
	for i := range sb.Tiles {
		start, end := int64(i)*sb.IntervalMS, int64(i+1)*sb.IntervalMS
		if i == sb.Tiles-1 {
			end = max(end, durationMS)
		}
		if end = min(end, max(durationMS, start)); end <= start {
			break
		}
		b = append(b, '\n')
		b = appendTime(b, start)
		b = append(b, " --> "...)
		b = appendTime(b, end)
		k := i % per
		b = fmt.Appendf(b, "\n%s#xywh=%d,%d,%d,%d\n", uri(i/per),
			k%sb.Columns*sb.TileWidth, k/sb.Columns*sb.TileHeight, sb.TileWidth, sb.TileHeight)
	}
	return b
}
