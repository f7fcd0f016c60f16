package vtt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/packager"
)

// run is text of one look that is shown for one interval; a line break is a run of "\n".
type run struct {
	text string
	at   span
	s    emphasis
}

// paragraph makes the cues of a p element: one, unless its spans have times of their own; then one for each interval in
// which the same spans are shown. It returns when p ends.
func (d *ttml) paragraph(p *element, parent span, s emphasis) (int64, error) {
	at, err := d.rate.interval(p, parent)
	if err != nil {
		return 0, err
	}
	runs, err := d.runs(p, at, d.style(p, s, 0), nil, p.attrs["space"] == "preserve")
	if err != nil {
		return 0, err
	}
	var cuts []int64
	for _, r := range runs {
		cuts = append(cuts, r.at.begin, r.at.end)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for i := 1; i < len(cuts); i++ {
		now := span{cuts[i-1], cuts[i]}
		text := layout(runs, now)
		if text == "" || now.end >= forever {
			continue // what never ends was never timed
		}
		if n := len(d.cues); n > 0 && i > 1 && d.cues[n-1].Text == text && d.cues[n-1].End == now.begin {
			d.cues[n-1].End = now.end
			continue
		}
		if d.cues = append(d.cues, packager.Cue{Start: now.begin, End: now.end, Text: text}); len(d.cues) > maxCues {
			return 0, fmt.Errorf("%w: more than %d cues", ErrLimit, maxCues)
		}
	}
	return at.end, nil
}

// runs flattens what is in e, which is shown at at.
func (d *ttml) runs(e *element, at span, s emphasis, out []run, preserve bool) ([]run, error) {
	from := at
	for _, k := range e.kids {
		switch k.name {
		case "":
			text := k.text
			if !preserve {
				text = collapse(text)
			}
			if !s.hidden && text != "" && !sequence(e) { // bare text in a sequence lasts no time
				out = append(out, run{text, from, s})
			}
		case "br":
			out = append(out, run{"\n", from, s})
		case "span":
			kid, err := d.rate.interval(k, from)
			if err != nil {
				return nil, err
			}
			keep := preserve || k.attrs["space"] == "preserve"
			if out, err = d.runs(k, kid, d.style(k, s, 0), out, keep); err != nil {
				return nil, err
			}
			if sequence(e) {
				from.begin = kid.end
			}
		}
	}
	return out, nil
}

// collapse turns every run of white space into one space.
func collapse(s string) string {
	f := strings.Join(strings.Fields(s), " ")
	if f == "" {
		if s != "" {
			return " "
		}
		return ""
	}
	if strings.ContainsAny(s[:1], " \t\r\n") {
		f = " " + f
	}
	if strings.ContainsAny(s[len(s)-1:], " \t\r\n") {
		f += " "
	}
	return f
}

// layout joins the runs that are shown throughout now.
func layout(runs []run, now span) string {
	var b strings.Builder
	for _, r := range runs {
		if r.at.begin > now.begin || r.at.end < now.end {
			continue
		}
		if strings.TrimSpace(r.text) == "" {
			b.WriteString(r.text)
			continue
		}
		open, end := r.s.tags()
		b.WriteString(open + escape(r.text) + end)
	}
	var lines []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line = strings.TrimSpace(strings.ReplaceAll(line, "  ", " ")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func (s emphasis) tags() (open, end string) {
	for _, e := range []struct {
		on  bool
		tag string
	}{{s.italic, "i"}, {s.bold, "b"}, {s.underline, "u"}} {
		if e.on {
			open, end = open+"<"+e.tag+">", "</"+e.tag+">"+end
		}
	}
	return open, end
}

// rates are the parameters that times depend on (TTML1 §6.2).
type rates struct {
	frameNum, frameDen int64 // frames per second
	tick               int64 // ticks per second
}

func newRates(attrs map[string]string) rates {
	r := rates{frameNum: 30, frameDen: 1}
	if v := positive(attrs["frameRate"]); v > 0 {
		r.frameNum = v
		r.tick = v
	}
	if f := strings.FieldsFunc(attrs["frameRateMultiplier"], func(c rune) bool { return c == ' ' || c == ':' }); len(f) == 2 {
		if num, den := positive(f[0]), positive(f[1]); num > 0 && den > 0 {
			r.frameNum, r.frameDen = r.frameNum*num, den
		}
	}
	if v := positive(attrs["tickRate"]); v > 0 {
		r.tick = v
	}
	if r.tick == 0 {
		r.tick = 1
	}
	return r
}

// positive parses a whole number that is not absurd; 0 otherwise.
func positive(s string) int64 {
	v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || v < 0 || v > 1_000_000_000 {
		return 0
	}
	return v
}

// interval is when e is shown: its begin counts from its parent's, its end is the earliest of its own, of begin plus
// duration, and of its parent's.
func (r rates) interval(e *element, parent span) (span, error) {
	at := parent
	for _, name := range []string{"begin", "dur", "end"} {
		v, ok := e.attrs[name]
		if !ok {
			continue
		}
		ms, ok := r.time(strings.TrimSpace(v))
		if !ok {
			return span{}, fmt.Errorf("%w: %s=%q is not a time", ErrSyntax, name, v)
		}
		switch name {
		case "begin":
			at.begin = parent.begin + ms
		case "dur":
			at.end = min(at.end, at.begin+ms)
		case "end":
			at.end = min(at.end, parent.begin+ms)
		}
	}
	at.end = max(at.end, at.begin)
	return at, nil
}

// time parses a time expression (TTML1 §10.3.1): hh:mm:ss with a fraction or frames, or a number with a unit.
func (r rates) time(s string) (ms int64, ok bool) {
	if strings.Contains(s, ":") {
		return r.clock(s)
	}
	unit := strings.TrimLeft(s, "0123456789.")
	num, den, ok := decimal(s[:len(s)-len(unit)])
	if !ok {
		return 0, false
	}
	switch unit {
	case "h":
		return num * 3_600_000 / den, true
	case "m":
		return num * 60_000 / den, true
	case "s":
		return num * 1000 / den, true
	case "ms":
		return num / den, true
	case "f":
		return num * 1000 / den * r.frameDen / r.frameNum, true
	case "t":
		return num * 1000 / den / r.tick, true
	}
	return 0, false
}

func (r rates) clock(s string) (ms int64, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 && len(parts) != 4 {
		return 0, false
	}
	h, m := positive(parts[0]), positive(parts[1])
	num, den, ok := decimal(parts[2])
	if !ok || m > 59 || num/den > 60 || h > 1e6 {
		return 0, false
	}
	ms = (h*60+m)*60_000 + num*1000/den
	if len(parts) == 4 {
		frames, sub, _ := strings.Cut(parts[3], ".")
		_ = sub // sub-frames are below a millisecond's worth
		ms += positive(frames) * 1000 * r.frameDen / r.frameNum
	}
	return ms, true
}

// decimal parses digits with an optional fraction as num/den.
func decimal(s string) (num, den int64, ok bool) {
	whole, frac, _ := strings.Cut(s, ".")
	frac = frac[:min(len(frac), 6)]
	if len(whole) > 12 {
		return 0, 0, false
	}
	v, err := strconv.ParseInt("0"+whole+frac, 10, 64)
	if err != nil || whole == "" && frac == "" {
		return 0, 0, false
	}
	den = 1
	for range frac {
		den *= 10
	}
	if v > 1<<50/1000 { // 35,000 years
		return 0, 0, false
	}
	return v, den, true
}
