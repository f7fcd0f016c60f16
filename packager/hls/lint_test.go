package hls

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafov/m3u8"
)

// attributeValue is what RFC 8216 §4.2 allows for each attribute that is written.
var attributeValue = map[string]*regexp.Regexp{
	"BANDWIDTH": decimal, "AVERAGE-BANDWIDTH": decimal, "CODECS": quoted, "RESOLUTION": regexp.MustCompile(`^\d+x\d+$`),
	"FRAME-RATE": regexp.MustCompile(`^\d+\.\d{3}$`), "VIDEO-RANGE": regexp.MustCompile(`^(SDR|HLG|PQ)$`), "AUDIO": quoted, "SUBTITLES": quoted,
	"CLOSED-CAPTIONS": regexp.MustCompile(`^NONE$`), "STABLE-VARIANT-ID": regexp.MustCompile(`^"[A-Za-z0-9+/=._-]+"$`),
	"TYPE": regexp.MustCompile(`^(AUDIO|SUBTITLES)$`), "GROUP-ID": quoted, "LANGUAGE": regexp.MustCompile(`^"[A-Za-z0-9-]+"$`), "NAME": quoted,
	"DEFAULT": yes, "AUTOSELECT": yes, "FORCED": yes, "CHANNELS": regexp.MustCompile(`^"\d+"$`), "CHARACTERISTICS": quoted, "URI": quoted,
}

var (
	decimal  = regexp.MustCompile(`^[1-9]\d*$`)
	quoted   = regexp.MustCompile(`^"[^"\r\n]+"$`)
	yes      = regexp.MustCompile(`^YES$`)
	attrList = regexp.MustCompile(`([A-Z0-9-]+)=("[^"]*"|[^",]+)`)
)

// attributes reads an attribute list, checks each value's type, and that none is given twice.
func attributes(t *testing.T, line string) map[string]string {
	t.Helper()
	_, list, _ := strings.Cut(line, ":")
	m := make(map[string]string)
	var rebuilt []string
	for _, a := range attrList.FindAllStringSubmatch(list, -1) {
		rule := attributeValue[a[1]]
		if rule == nil || !rule.MatchString(a[2]) {
			t.Errorf("attribute %s=%s in %s", a[1], a[2], line)
		}
		if _, dup := m[a[1]]; dup {
			t.Errorf("%s twice in %s", a[1], line)
		}
		m[a[1]] = strings.Trim(a[2], `"`)
		rebuilt = append(rebuilt, a[0])
	}
	if strings.Join(rebuilt, ",") != list {
		t.Errorf("not an attribute list: %s", list)
	}
	return m
}

// lintMaster checks a multivariant playlist against RFC 8216 §4.3.4 and its successor.
func lintMaster(t *testing.T, b []byte) {
	t.Helper()
	p, kind := decode(t, b)
	if kind != m3u8.MASTER {
		t.Fatal("not read as a multivariant playlist")
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if lines[0] != "#EXTM3U" {
		t.Error("does not start with #EXTM3U")
	}
	groups := make(map[string][]map[string]string) // by type and id
	var variants []map[string]string
	ids := make(map[string]bool)
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA:"):
			a := attributes(t, line)
			groups[a["TYPE"]+" "+a["GROUP-ID"]] = append(groups[a["TYPE"]+" "+a["GROUP-ID"]], a)
			need(t, line, a, "TYPE", "GROUP-ID", "NAME", "URI")
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF:"):
			a := attributes(t, line)
			variants = append(variants, a)
			need(t, line, a, "BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "STABLE-VARIANT-ID")
			if i+1 == len(lines) || strings.HasPrefix(lines[i+1], "#") {
				t.Errorf("no URI after %s", line)
			}
			if ids[a["STABLE-VARIANT-ID"]] {
				t.Errorf("STABLE-VARIANT-ID %s twice", a["STABLE-VARIANT-ID"])
			}
			ids[a["STABLE-VARIANT-ID"]] = true
			peak, _ := strconv.Atoi(a["BANDWIDTH"])
			average, _ := strconv.Atoi(a["AVERAGE-BANDWIDTH"])
			if average > peak {
				t.Errorf("the average exceeds the peak: %s", line)
			}
		case strings.HasPrefix(line, "#EXT-X-I-FRAME-STREAM-INF:"):
			need(t, line, attributes(t, line), "BANDWIDTH", "CODECS", "URI")
		case strings.HasPrefix(line, "#EXT-X-IMAGE-STREAM-INF:"):
			need(t, line, attributes(t, line), "BANDWIDTH", "RESOLUTION", "URI")
		case line == "#EXTM3U", line == "#EXT-X-INDEPENDENT-SEGMENTS", line != "" && line[0] != '#':
		default:
			t.Errorf("unexpected line %q", line)
		}
	}
	if len(variants) != len(p.(*m3u8.MasterPlaylist).Variants)-strings.Count(string(b), "#EXT-X-I-FRAME-STREAM-INF:") {
		t.Errorf("%d variants, an independent reader finds %d", len(variants), len(p.(*m3u8.MasterPlaylist).Variants))
	}
	lintGroups(t, groups, variants)
}

func need(t *testing.T, line string, a map[string]string, names ...string) {
	t.Helper()
	for _, n := range names {
		if a[n] == "" {
			t.Errorf("%s lacks %s", line, n)
		}
	}
}

func lintGroups(t *testing.T, groups map[string][]map[string]string, variants []map[string]string) {
	t.Helper()
	used := make(map[string]bool)
	for _, v := range variants {
		for _, kind := range []string{"AUDIO", "SUBTITLES"} {
			if g := v[kind]; g != "" {
				used[kind+" "+g] = true
				if groups[kind+" "+g] == nil {
					t.Errorf("a variant refers to %s group %q, which does not exist", kind, g)
				}
			}
		}
	}
	lintMembers(t, groups)
	for id, g := range groups {
		if !used[id] {
			t.Errorf("no variant uses group %s", id)
		}
		names, auto, defaults := make(map[string]bool), make(map[string]bool), 0
		for _, a := range g {
			if names[a["NAME"]] {
				t.Errorf("NAME %q twice in group %s", a["NAME"], id)
			}
			names[a["NAME"]] = true
			if a["DEFAULT"] == "YES" {
				defaults++
				if a["AUTOSELECT"] != "YES" {
					t.Errorf("%q is default but not selected automatically", a["NAME"])
				}
			}
			if key := a["LANGUAGE"] + "|" + a["FORCED"] + "|" + a["CHARACTERISTICS"]; a["AUTOSELECT"] == "YES" {
				if auto[key] {
					t.Errorf("two automatic choices in group %s mean the same: %s", id, key)
				}
				auto[key] = true
			}
		}
		if defaults > 1 || defaults == 0 && strings.HasPrefix(id, "AUDIO") {
			t.Errorf("group %s has %d defaults", id, defaults)
		}
	}
}

// lintMembers: groups of one type have the same members, which are the same but for their URI and CHANNELS (RFC 8216
// §4.3.4.1.1).
func lintMembers(t *testing.T, groups map[string][]map[string]string) {
	t.Helper()
	first := make(map[string][]map[string]string)
	for id, g := range groups {
		var members []map[string]string
		for _, a := range g {
			m := maps.Clone(a)
			delete(m, "GROUP-ID")
			delete(m, "URI")
			delete(m, "CHANNELS")
			members = append(members, m)
		}
		kind, _, _ := strings.Cut(id, " ")
		if first[kind] == nil {
			first[kind] = members
		}
		if diff := cmp.Diff(first[kind], members); diff != "" {
			t.Errorf("group %s has other members than another %s group:\n%s", id, kind, diff)
		}
	}
}

var extinf = regexp.MustCompile(`(?m)^#EXTINF:(\d+)\.(\d{6}),$`)

// extinfs returns the durations of a playlist in microseconds.
func extinfs(t *testing.T, b []byte) (list []int64) {
	t.Helper()
	for _, m := range extinf.FindAllStringSubmatch(string(b), -1) {
		us, err := strconv.ParseInt(m[1]+m[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, us)
	}
	return list
}

// lintMedia checks a media playlist against RFC 8216 §4.3.3 and §4.3.2.
func lintMedia(t *testing.T, b []byte, complete bool) {
	t.Helper()
	p, kind := decode(t, b)
	media, ok := p.(*m3u8.MediaPlaylist)
	if kind != m3u8.MEDIA || !ok {
		t.Fatal("not read as a media playlist")
	}
	text := string(b)
	durations := extinfs(t, b)
	if int(media.Count()) != len(durations) || strings.Count(text, "#EXTINF") != len(durations) {
		t.Errorf("%d durations, an independent reader finds %d segments", len(durations), media.Count())
	}
	for i, us := range durations {
		if (us+500_000)/1_000_000 > int64(media.TargetDuration) || us == 0 {
			t.Errorf("segment %d lasts %d µs, the target is %v s", i, us, media.TargetDuration)
		}
	}
	if strings.HasSuffix(text, "#EXT-X-ENDLIST\n") != complete || strings.Contains(text, "TYPE:VOD") != complete || strings.Contains(text, "TYPE:EVENT") == complete {
		t.Errorf("complete %v, but:\n%s", complete, text)
	}
	want := uint8(3)
	if strings.Contains(text, "#EXT-X-MAP") {
		want = 6
	}
	if media.Version() != want {
		t.Errorf("version %d, the tags need %d", media.Version(), want)
	}
	for _, gone := range []string{"ALLOW-CACHE", "PROGRAM-ID", "http://", "https://"} {
		if strings.Contains(text, gone) {
			t.Errorf("holds %s", gone)
		}
	}
}
