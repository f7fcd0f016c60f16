package vtt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/corpus"
	"sluice/packager"
	"sluice/packager/vtt"
)

func cue(start, end int64, text string) packager.Cue {
	return packager.Cue{Start: start, End: end, Text: text}
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []packager.Cue
	}{
		"plain": {"WEBVTT\n\n00:01.000 --> 00:02.500\nhello\nworld\n", []packager.Cue{cue(1000, 2500, "hello\nworld")}},
		"identifier and settings": {
			"WEBVTT - a title\n\nintro\n01:00:00.000 --> 01:00:01.000 line:0  align:start\nx",
			[]packager.Cue{{ID: "intro", Start: 3600000, End: 3601000, Settings: "line:0 align:start", Text: "x"}},
		},
		"mark, carriage returns, NUL": {
			"\uFEFFWEBVTT\r\r00:00.000 --> 00:01.000\ra\x00b\r\r\n", []packager.Cue{cue(0, 1000, "a\uFFFDb")},
		},
		"no blank line after the signature": {"WEBVTT\n00:00.000 --> 00:01.000\nx", []packager.Cue{cue(0, 1000, "x")}},
		"timing line ends a cue": {
			"WEBVTT\n\n00:00.000 --> 00:01.000\na\n00:01.000 --> 00:02.000\nb", []packager.Cue{cue(0, 1000, "a"), cue(1000, 2000, "b")},
		},
		"notes, styles and regions": {
			"WEBVTT\n\nNOTE a\nb\n\nSTYLE\n::cue{}\n\nREGION\nid:x\n\n00:00.000 --> 00:01.000\nx", []packager.Cue{cue(0, 1000, "x")},
		},
		"sorted": {
			"WEBVTT\n\n00:05.000 --> 00:06.000\nb\n\n00:01.000 --> 00:02.000\na",
			[]packager.Cue{cue(1000, 2000, "a"), cue(5000, 6000, "b")},
		},
		"long hours":    {"WEBVTT\n\n100:00:00.000 --> 100:00:01.000\nx", []packager.Cue{cue(360000000, 360001000, "x")}},
		"bad times":     {"WEBVTT\n\n00:60.000 --> 00:61.000\nx\n\n0:00.000 --> 00:01.000\nx\n\n00:00.00 --> 00:01.000\nx\n", nil},
		"no space":      {"WEBVTT\n\n00:00.000-->00:01.000\nx", []packager.Cue{cue(0, 1000, "x")}},
		"no text":       {"WEBVTT\n\n00:00.000 --> 00:01.000\n\nlost", []packager.Cue{cue(0, 1000, "")}},
		"nothing":       {"WEBVTT", nil},
		"mapped header": {"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n00:00.000 --> 00:01.000\nx", []packager.Cue{cue(0, 1000, "x")}},
	} {
		got, err := vtt.Parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for _, in := range []string{"", "WEBVTTX", "webvtt", "\nWEBVTT", "1\n00:00:00,000 --> 00:00:01,000\nx"} {
		if _, err := vtt.Parse([]byte(in)); !errors.Is(err, vtt.ErrSyntax) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cues []packager.Cue
		at := int64(0)
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			at += rapid.Int64Range(0, 9_000_000).Draw(t, "gap")
			cues = append(cues, packager.Cue{
				ID: rapid.SampledFrom([]string{"", "7", "an id"}).Draw(t, "id"), Start: at,
				End:      at + rapid.Int64Range(0, 100_000).Draw(t, "dur"),
				Settings: rapid.SampledFrom([]string{"", "line:0", "align:start size:50%"}).Draw(t, "settings"),
				Text:     rapid.SampledFrom([]string{"x", "two\nlines", "<i>ü</i> &amp; 日本", ""}).Draw(t, "text"),
			})
		}
		got, err := vtt.Parse(vtt.Write(cues))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 && len(cues) == 0 {
			return
		}
		if d := cmp.Diff(cues, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestTextCannotBreakOutOfItsCue(t *testing.T) {
	evil := packager.Cue{ID: "a\n\n00:00.000 --> 00:09.000\nfake", Start: 0, End: 1000, Settings: "line:0\n\nNOTE",
		Text: "a\n\n00:00.000 --> 00:09.000\nfake\r\n\r\nb"}
	got, err := vtt.Parse(vtt.Write([]packager.Cue{evil}))
	if err != nil || len(got) != 1 {
		t.Fatalf("%d cues: %v", len(got), err)
	}
	if want := "a\n00:00.000 --&gt; 00:09.000\nfake\nb"; got[0].Text != want {
		t.Errorf("text %q, want %q", got[0].Text, want)
	}
}

func TestSegmentHoldsTheCuesThatOverlapIt(t *testing.T) {
	cues := []packager.Cue{cue(0, 1000, "a"), cue(5000, 7000, "b"), cue(6000, 6000, "never"), cue(12000, 13000, "c")}
	got := string(vtt.Segment(cues, 6000, 12000, 126000))
	want := "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n\n00:00:05.000 --> 00:00:07.000\nb\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := string(vtt.Segment(cues, 1000, 5000, -1)); got != "WEBVTT\n" {
		t.Errorf("empty segment %q", got)
	}
	n := 0
	for from := int64(0); from < 18000; from += 6000 {
		in, err := vtt.Parse(vtt.Segment(cues, from, from+6000, 0))
		if err != nil {
			t.Fatal(err)
		}
		n += len(in)
	}
	if n != 4 { // b is in two segments
		t.Errorf("%d cues in all segments", n)
	}
}

func TestStoryboardMapsTimesToTiles(t *testing.T) {
	sb := &packager.Storyboard{TileWidth: 160, TileHeight: 90, Columns: 2, Rows: 2, IntervalMS: 5000, Tiles: 5}
	got := string(vtt.Storyboard(sb, 27_000, func(k int) string { return "sprite-" + string(rune('1'+k)) + ".jpg" }))
	want := `WEBVTT

00:00:00.000 --> 00:00:05.000
sprite-1.jpg#xywh=0,0,160,90

00:00:05.000 --> 00:00:10.000
sprite-1.jpg#xywh=160,0,160,90

00:00:10.000 --> 00:00:15.000
sprite-1.jpg#xywh=0,90,160,90

00:00:15.000 --> 00:00:20.000
sprite-1.jpg#xywh=160,90,160,90

00:00:20.000 --> 00:00:27.000
sprite-2.jpg#xywh=0,0,160,90
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := string(vtt.Storyboard(&packager.Storyboard{}, 1000, nil)); got != "WEBVTT\n" {
		t.Errorf("no tiles: %q", got)
	}
}

func TestImport(t *testing.T) {
	for name, c := range map[string]struct {
		format, in string
		want       []packager.Cue
	}{
		"srt": {"srt", "1\n00:00:01,000 --> 00:00:02,500\nA <b>b</b> & <font color=red>c</font>\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}top\n",
			[]packager.Cue{cue(1000, 2500, "A <b>b</b> &amp; c"), {Start: 3000, End: 4000, Settings: "line:0", Text: "top"}}},
		"srt that ends in a number": {"srt", "1\n00:00:01,000 --> 00:00:02,000\n42\n\n2\n00:00:03,000 --> 00:00:04,000\nx\n1984",
			[]packager.Cue{cue(1000, 2000, "42"), cue(3000, 4000, "x\n1984")}},
		"srt with script": {".SRT", "1\n00:00:01,000 --> 00:00:02,000\n<script>x</script> 1 < 2\n", []packager.Cue{cue(1000, 2000, "x 1 &lt; 2")}},
		"ttml": {"ttml", `<?xml version="1.0" encoding="UTF-8"?><tt xmlns="http://www.w3.org/ns/ttml" xmlns:s="http://www.w3.org/ns/ttml#styling">
			<head><styling><style xml:id="i" s:fontStyle="italic"/></styling></head>
			<body begin="10s"><div><p begin="1s" end="3s">one<br/><span style="i">two &amp; three</span></p>
			<p begin="5s" dur="500ms"><span begin="0s">a</span> <span begin="200ms">b</span></p></div></body></tt>`,
			[]packager.Cue{cue(11000, 13000, "one\n<i>two &amp; three</i>"), cue(15000, 15200, "a"), cue(15200, 15500, "a b")}},
		"ttml sequence": {"dfxp", `<tt xmlns="http://www.w3.org/2006/10/ttaf1"><body><div timeContainer="seq"><p dur="2s">a</p><p begin="1s" dur="2s">b</p></div></body></tt>`,
			[]packager.Cue{cue(0, 2000, "a"), cue(3000, 5000, "b")}},
		"ass": {"ass", "[Script Info]\nTitle: x\n[Events]\nFormat: Layer, Start, End, Style, Text\nDialogue: 0,0:00:01.50,0:00:02.00,D,{\\an8\\i1}Hi{\\i0},\\Nyou & me{\\p1}m 0 0 l 1 1{\\p0}\nDialogue: 0,bad,0:00:02.00,D,x\n",
			[]packager.Cue{{Start: 1500, End: 2000, Settings: "line:0", Text: "<i>Hi</i>,\nyou &amp; me"}}},
	} {
		got, err := vtt.Import(c.format, []byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for name, c := range map[string]struct {
		format, in string
		want       error
	}{
		"unknown format":    {"docx", "", vtt.ErrFormat},
		"srt of prose":      {"srt", "hello", vtt.ErrSyntax},
		"srt backwards":     {"srt", "1\n00:00:05,000 --> 00:00:02,000\nx", vtt.ErrSyntax},
		"entity bomb":       {"ttml", `<!DOCTYPE tt [<!ENTITY a "aa">]><tt xmlns="http://www.w3.org/ns/ttml">&a;</tt>`, vtt.ErrUnsafe},
		"negative time":     {"ttml", `<tt xmlns="http://www.w3.org/ns/ttml"><body><p begin="-1s" end="2s">x</p></body></tt>`, vtt.ErrSyntax},
		"deep":              {"ttml", `<tt xmlns="x">` + strings.Repeat("<div>", 100), vtt.ErrLimit},
		"not ttml":          {"ttml", "<html/>", vtt.ErrSyntax},
		"short stl":         {"stl", "850STL", vtt.ErrSyntax},
		"no sound vtt time": {"vtt", "WEBVTT\n\n0 --> 1\nx", vtt.ErrSyntax},
		"binary":            {"srt", "\xff\x01\x80\xfe\x9d", vtt.ErrEncoding},
	} {
		if _, err := vtt.Import(c.format, []byte(c.in)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEncodingsOfTheCorpus(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus: set SLUICE_MEDIA")
	}
	const french = "Où est la forêt ?"
	first := map[string]string{
		"cp1252.srt": "“Où” est le cœur ?", "cp1251.srt": "Привет, мир", "koi8-r.srt": "Привет, мир", "latin1.srt": french,
		"utf8.srt": french, "utf8-bom.srt": french, "utf16le-bom.srt": french, "utf16be-bom.srt": french, "utf16le-no-bom.srt": french,
		"utf32le-bom.srt": french, "crlf.srt": french, "cr-only.srt": french, "mixed-eol.srt": french, "no-final-newline.srt": french,
		"dot-millis.srt": french, "no-index.srt": french, "blank-line-in-cue.srt": "first\nsecond", "position-coords.srt": "a",
		"out-of-order.srt": "a", "overlapping.srt": "a", "latin1-declared.dfxp": "Où", "utf16be.ttml": "Où",
		"legacy-2006-04.dfxp": "one\ntwo", "utf16le-bom.vtt": "Où", "latin1.vtt": "Où",
	}
	refused := []string{"big5.srt", "cp1250.srt", "cp1256-arabic.srt", "euc-kr.srt", "gb18030.srt", "shift-jis.srt"}
	for name, want := range first {
		cues, err := vtt.Import(filepath.Ext(name), read(t, filepath.Join(dir, "captions", "encodings", name)))
		if err != nil || len(cues) == 0 || cues[0].Text != want {
			t.Errorf("%s: %v %+v, want %q first", name, err, cues, want)
		}
	}
	for _, name := range refused {
		if _, err := vtt.Import("srt", read(t, filepath.Join(dir, "captions", "encodings", name))); !errors.Is(err, vtt.ErrEncoding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryCaptionOfTheCorpusIsReadOrRefusedByKind(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus: set SLUICE_MEDIA")
	}
	kinds := []error{vtt.ErrSyntax, vtt.ErrEncoding, vtt.ErrUnsafe, vtt.ErrLimit}
	for _, glob := range []string{"captions/*/*", "hostile/*/*"} {
		files, _ := filepath.Glob(filepath.Join(dir, glob))
		for _, path := range files {
			for _, format := range []string{"vtt", "srt", "ttml", "ass", "stl"} {
				b, err := os.ReadFile(path)
				if err != nil || filepath.Ext(path) != "."+format && !strings.Contains(path, "hostile") {
					continue
				}
				cues, err := vtt.Import(format, b)
				known := err == nil
				for _, k := range kinds {
					known = known || errors.Is(err, k)
				}
				if !known {
					t.Errorf("%s as %s: error of no kind: %v", path, format, err)
				}
				checkCues(t, path, cues)
			}
		}
	}
}

// checkCues holds what every reader promises: order, sense and valid text; and that it can be written.
func checkCues(t testing.TB, path string, cues []packager.Cue) {
	t.Helper()
	for i, c := range cues {
		if c.Start < 0 || !utf8.ValidString(c.Text) || i > 0 && c.Start < cues[i-1].Start {
			t.Errorf("%s: cue %d is %+v", path, i, c)
			return
		}
	}
	again, err := vtt.Parse(vtt.Write(cues))
	if err != nil || len(again) != len(cues) {
		t.Errorf("%s: %d cues written, %d read: %v", path, len(cues), len(again), err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzImport(f *testing.F) {
	for i, s := range []string{
		"WEBVTT\n\n00:01.000 --> 00:02.500 line:0\nhello\n", "1\n00:00:01,000 --> 00:00:02,500\nA <b>b</b>\n",
		`<tt xmlns="http://www.w3.org/ns/ttml"><body timeContainer="seq"><p begin="1s" end="3s">one<br/><span dur="9f">x</span></p></body></tt>`,
		"[Events]\nDialogue: 0,0:00:01.50,0:00:02.00,D,,0,0,0,,{\\i1}Hi{\\i0}\n",
	} {
		f.Add(i, []byte(s))
	}
	formats := []string{"vtt", "srt", "ttml", "ass", "stl"}
	f.Fuzz(func(t *testing.T, format int, b []byte) {
		cues, err := vtt.Import(formats[uint(format)%uint(len(formats))], b)
		if err == nil {
			checkCues(t, "fuzz", cues)
		}
		if _, err := vtt.Parse(vtt.Segment(cues, 0, 1<<40, 0)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFilesOfSeveralLanguagesComeApart(t *testing.T) {
	const head = `<tt xmlns="http://www.w3.org/2006/10/ttaf1" xml:lang="en"><body>`
	cue := func(div, text string) string {
		return div + `<p begin="00:00:01.000" end="00:00:02.000">` + text + `</p></div>`
	}
	got, err := vtt.Translations([]byte(head + cue(`<div xml:lang="en">`, "hello") + cue(`<div xml:lang="es">`, "hola") + cue(`<div xml:lang="en">`, "again") + `</body></tt>`))
	if err != nil {
		t.Fatal(err)
	}
	want := []vtt.Translation{
		{Language: "en", Cues: []packager.Cue{{Start: 1000, End: 2000, Text: "hello"}, {Start: 1000, End: 2000, Text: "again"}}},
		{Language: "es", Cues: []packager.Cue{{Start: 1000, End: 2000, Text: "hola"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, body := range map[string]string{"one language": cue(`<div xml:lang="en">`, "hello"), "none": cue(`<div>`, "hello"), "no body": ""} {
		if got, err := vtt.Translations([]byte(head + body + `</body></tt>`)); err != nil || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := vtt.Translations([]byte("hello")); !errors.Is(err, vtt.ErrSyntax) {
		t.Errorf("no TTML: %v", err)
	}
}
