package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// check holds an item against the table.
func (it *Item) check() {
	it.checkNode(it.Node)
	if it.spec == itemSchema {
		it.checkSense()
	}
}

func (it *Item) checkNode(n *Node) {
	if n.spec.kind != group && n.spec.kind != free {
		it.checkText(n)
	}
	counts := map[*element]int{}
	chosen := map[string]string{}
	for _, k := range n.kids {
		counts[k.spec]++
		switch limit := k.spec.max; {
		case counts[k.spec] == 2 && !k.spec.many && !k.spec.loose:
			it.wrong(k, codeInvalid, "%s appears more than once in %s", k.shown(), n.shown())
		case k.spec.many && len(k.spec.children) == 0 && counts[k.spec] > members(n.spec.name) && limit >= 0:
			if counts[k.spec] == members(n.spec.name)+1 {
				it.wrong(k, codeInvalid, "%s has more than %d members", n.shown(), members(n.spec.name))
			}
		}
		if choice := strings.TrimSuffix(k.spec.choice, "!"); choice != "" && !strings.Contains(choice, "+") {
			if other := chosen[choice]; other != "" && other != k.spec.name {
				it.wrong(k, codeInvalid, "%s cannot go with %s in %s", k.shown(), other, n.shown())
			}
			chosen[choice] = k.spec.name
		}
		it.checkNode(k)
	}
	for _, c := range n.spec.children {
		if c.required && counts[c] == 0 {
			it.wrong(n, codeMissing, "%s needs %s", n.shown(), shownAs(c))
		}
		if choice, exact := strings.CutSuffix(c.choice, "!"); exact && chosen[choice] == "" {
			chosen[choice] = "-" // told once
			it.wrong(n, codeMissing, "%s needs one of %s", n.shown(), strings.Join(alternatives(n.spec, c.choice), ", "))
		}
	}
}

// members is how many members a list may have.
func members(name string) int {
	if name == "categories" {
		return maxCategories
	}
	return maxTags
}

func alternatives(e *element, choice string) []string {
	var out []string
	for _, c := range e.children {
		if c.choice == choice {
			out = append(out, c.name)
		}
	}
	return out
}

func shownAs(e *element) string {
	if e.attr {
		return "attribute " + e.name
	}
	return e.name
}

func (n *Node) shown() string { return shownAs(n.spec) }

// checkText holds a text against its kind.
func (it *Item) checkText(n *Node) {
	switch e := n.spec; e.kind {
	case text:
		if count := utf8.RuneCountInString(n.Text); e.max > 0 && count > e.max {
			it.wrong(n, codeInvalid, "%s has %d letters, the limit is %d", n.shown(), count, e.max)
		}
		if e.required && n.Text == "" {
			it.wrong(n, codeMissing, "%s is empty", n.shown())
		}
	case integer:
		if _, err := strconv.ParseInt(n.Text, 10, 64); err != nil {
			it.wrong(n, codeInvalid, "%s is %q, not a whole number", n.shown(), n.Text)
		}
	case boolean:
		if !slices.Contains([]string{"true", "false", "1", "0"}, n.Text) {
			it.wrong(n, codeInvalid, "%s is %q, not true or false", n.shown(), n.Text)
		}
	case dateTime:
		if _, err := parseTime(n.Text); err != nil {
			it.wrong(n, codeInvalid, "%s: %v", n.shown(), err)
		}
	case clock:
		if _, err := parseClock(n.Text); err != nil {
			it.wrong(n, codeInvalid, "%s: %v", n.shown(), err)
		}
	case enum:
		if !slices.Contains(e.values, n.Text) {
			it.wrong(n, codeInvalid, "%s is %q, not one of %s", n.shown(), n.Text, strings.Join(e.values, ", "))
		}
	}
}

// checkSense says what is wrong between elements.
func (it *Item) checkSense() {
	n := it.Node
	action := n.text("action")
	if (action == "delete" || action == "update" || action == "replace") && n.text("entryId") == "" && n.text("referenceId") == "" {
		it.wrong(n, codeMissing, "to %s an entry, the item needs entryId or referenceId", action)
	}
	if action == "add" && n.text("entryId") != "" {
		it.wrong(n.get("entryId"), codeInvalid, "an entry that is added cannot have an entryId")
	}
	for _, other := range []string{"templateEntryId", "templateEntry"} {
		if k := n.get(other); k != nil && (action == "update" || action == "delete" || action == "replace") {
			it.wrong(k, codeInvalid, "%s goes with add only", other)
		}
	}
	c, t := n.text("contentAssets", "action"), n.text("thumbnails", "action")
	if c != "" && t != "" && c != t {
		it.wrong(n.get("thumbnails", "action"), codeAction, "the actions of contentAssets and thumbnails must be equal, they are %s and %s", c, t)
	}
	start, end := n.get("startDate"), n.get("endDate")
	if start != nil && end != nil {
		from, err1 := parseTime(start.Text)
		to, err2 := parseTime(end.Text)
		if err1 == nil && err2 == nil && !from.IsZero() && !to.IsZero() && !from.Before(to) {
			it.wrong(end, codeInvalid, "endDate is not after startDate")
		}
	}
	if d := n.get("msDuration"); d != nil && strings.HasPrefix(d.Text, "-") {
		it.wrong(d, codeInvalid, "msDuration is negative")
	}
	if s := n.get("scenes"); s != nil {
		for _, cue := range s.kids {
			from, err1 := parseClock(cue.text("sceneStartTime"))
			to, err2 := parseClock(cue.text("sceneEndTime"))
			if err1 == nil && err2 == nil && to < from {
				it.wrong(cue.get("sceneEndTime"), codeInvalid, "sceneEndTime is before sceneStartTime")
			}
		}
	}
	for _, data := range n.get("customDataItems").all("customData") {
		if data.text("action") == "transformXslt" || data.get("xslt") != nil {
			it.wrong(data, codeAction, "style sheets are not run: give the values")
		}
		if data.get("metadataId") == nil && data.get("metadataProfile") == nil && data.get("metadataProfileId") == nil {
			it.wrong(data, codeMissing, "customData needs attribute metadataProfile, metadataProfileId or metadataId")
		}
	}
	for _, content := range n.get("contentAssets").all("content") {
		it.checkKeys(content)
	}
}

// checkKeys holds the keys of a download against what they can be.
func (it *Item) checkKeys(content *Node) {
	ssh := content.get("sshUrlContentResource")
	if ssh == nil {
		return
	}
	if key := ssh.get("privateKey"); key != nil && !strings.Contains(key.Text, "PRIVATE KEY") {
		it.wrong(key, codeInvalid, "privateKey is not a private key in PEM")
	}
}

// Layouts of times that documents are written with.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700", "2006-01-02"}

// parseTime reads xs:dateTime and seconds since 1970. A time without a zone is UTC.
func parseTime(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		if n == 0 {
			return time.Time{}, nil
		}
		if n < 1<<38 {
			return time.Unix(n, 0).UTC(), nil
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Year() < 1970 || t.Year() > 9999 {
				return t, fmt.Errorf("%q lies outside the years 1970 to 9999", s)
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-01T20:15:00Z", s)
}

// parseClock reads xs:time as a moment of the media: hh:mm:ss with up to nine decimals.
func parseClock(s string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a moment such as 00:01:30.500", s)
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0, wrong
	}
	whole, fraction, _ := strings.Cut(parts[2], ".")
	var seconds int64
	for i, p := range []string{parts[0], parts[1], whole} {
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil || len(p) != 2 || i > 0 && v > 59 {
			return 0, wrong
		}
		seconds = seconds*60 + int64(v)
	}
	total := time.Duration(seconds) * time.Second
	if fraction == "" {
		return total, nil
	}
	v, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil || len(fraction) > 9 {
		return 0, wrong
	}
	return total + time.Duration(v), nil
}
