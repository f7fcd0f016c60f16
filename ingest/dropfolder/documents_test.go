package dropfolder

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/ingest/manifest"
)

// jobs lets documents be taken in and worked on.
func (h *house) jobs() *house {
	j := &manifest.Jobs{
		Catalog: h.db, Store: h.cfg.Content.Store, Content: h.cfg.Content, Files: TakenFiles{Catalog: h.db, Incoming: h.cfg.Incoming}.Source,
		Log: h.cfg.Log, Every: 5 * time.Millisecond,
	}
	h.cfg.Jobs = j
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	h.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			h.Error(err)
		}
	})
	return h
}

func handler(kind catalog.FileHandler) func(*catalog.DropFolder) {
	return func(f *catalog.DropFolder) { f.Handler, f.Options.Match = kind, catalog.MatchUndefined }
}

// mrss is a document with an item for each file.
func mrss(files ...string) string {
	var b strings.Builder
	b.WriteString(`<mrss version="1.0"><channel>`)
	for _, f := range files {
		fmt.Fprintf(&b, `<item><action>add</action><type>1</type><referenceId>%s</referenceId><name>%s</name><media><mediaType>1</mediaType></media>`+
			`<contentAssets><content><dropFolderFileContentResource filePath="%s"/></content></contentAssets></item>`, "ref "+f, "name "+f, f)
	}
	b.WriteString(`</channel></mrss>`)
	return b.String()
}

func permutations(of []int) [][]int {
	if len(of) == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for i := range of {
		rest := slices.Delete(slices.Clone(of), i, i+1)
		for _, p := range permutations(rest) {
			out = append(out, append([]int{of[i]}, p...))
		}
	}
	return out
}

// TestDocumentAndMediaComeInAnyOrder drops a document and its three files in all 24 orders, and waits before each next one until the
// one before is where it waits.
func TestDocumentAndMediaComeInAnyOrder(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleXML)).jobs().start()
	type set struct {
		order []int
		names []string // the document first
	}
	var sets []set
	for i, order := range permutations([]int{0, 1, 2, 3}) {
		s := set{order: order, names: []string{fmt.Sprintf("%02d.xml", i)}}
		for m := range 3 {
			s.names = append(s.names, fmt.Sprintf("sub/%02d-%d.mp4", i, m))
		}
		sets = append(sets, s)
	}
	for step := range 4 {
		for _, s := range sets {
			if n := s.order[step]; n == 0 {
				h.drop(s.names[0], mrss(s.names[1:]...))
			} else {
				h.drop(s.names[n], "content of "+s.names[n])
			}
		}
		if step == 3 {
			break
		}
		h.until(fmt.Sprint("everything to wait after step ", step), func() bool {
			n := 0
			for _, r := range h.rows() {
				if r.Status == waiting {
					n++
				}
			}
			return n == (step+1)*len(sets)
		})
	}
	for _, s := range sets {
		for _, name := range s.names {
			r := h.wait(name, purged)
			if name == s.names[0] {
				continue
			}
			e, err := h.db.Entry(t.Context(), account, r.Entry)
			if err != nil || e.Name != "name "+name || e.ReferenceID != "ref "+name || h.content(e.ID) != "content of "+name {
				t.Errorf("order %v, %s: %+v, %v", s.order, name, e.Name, err)
			}
		}
	}
	if got := h.entries(); len(got) != 3*len(sets) {
		t.Errorf("%d entries", len(got))
	}
}

func TestADocumentThatCannotBeUsedSaysWhy(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleXML), func(f *catalog.DropFolder) { f.Options.SidecarTimeout = 1 }).jobs().start()
	h.drop("torn.xml", "<mrss>\n<channel>\n<item>")
	h.drop("entity.xml", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>\n<mrss version=\"1\"><channel><item><name>&e;</name></item></channel></mrss>")
	h.drop("missing.xml", mrss("never.mp4"))
	h.drop("outside.xml", mrss("../../etc/passwd"))
	h.drop("orphan.mp4", "of nobody")
	for rel, want := range map[string]Code{
		"torn.xml": CodeXMLMalformed, "entity.xml": CodeXMLMalformed, "missing.xml": CodeSidecar, "outside.xml": CodeXMLJob,
	} {
		h.until(rel, func() bool {
			r := h.row(rel)
			return r.Status == errorHandling || r.Status == handled
		})
		r := h.row(rel)
		if rel == "outside.xml" && r.Status == handled && r.Warning != "" {
			continue // the job ended with an item that failed
		}
		if r.ErrorCode != string(want) || r.ErrorText == "" {
			t.Errorf("%s: %s %q", rel, r.ErrorCode, r.ErrorText)
		}
		if _, err := os.Lstat(h.path(rel)); err != nil {
			t.Error(err)
		}
	}
	h.until("the orphan to be told", func() bool { r := h.row("orphan.mp4"); return r.Status == waiting && r.NextAt == 0 && r.Why != "" })
	if r := h.row("missing.xml"); !strings.Contains(r.ErrorText, "never.mp4") {
		t.Errorf("%q does not name what is missing", r.ErrorText)
	}
	if n := len(h.entries()); n != 0 {
		t.Errorf("%d entries", n)
	}
	// The missing file, and another try, make it good.
	h.drop("never.mp4", "at last")
	h.wait("never.mp4", waiting)
	if _, err := Retry(t.Context(), h.db, account, h.row("missing.xml").ID); err != nil {
		t.Fatal(err)
	}
	h.wait("missing.xml", purged)
	if r := h.wait("never.mp4", purged); r.Entry == "" {
		t.Errorf("%+v", r)
	}
}

func TestADocumentThatIsReplacedWhileItWaits(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleXML)).jobs().start()
	h.drop("list.xml", mrss("old.mp4", "both.mp4"))
	first := h.wait("list.xml", waiting)
	h.wait("old.mp4", parsed)
	h.drop("list.xml", mrss("both.mp4", "new.mp4"))
	h.until("the new document to wait", func() bool { r := h.row("list.xml"); return r.ID != first.ID && r.Status == waiting })
	h.wait("old.mp4", purged)
	h.drop("both.mp4", "both")
	h.drop("new.mp4", "new")
	h.wait("list.xml", purged)
	h.wait("both.mp4", purged)
	h.wait("new.mp4", purged)
	if got := h.entries(); len(got) != 2 || got["name both.mp4"][0] != "both" || got["name new.mp4"][0] != "new" {
		t.Errorf("entries %v", got)
	}
}

func TestWhatNoItemUsedIsKept(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleXML)).jobs().start()
	h.drop("good.mp4", "good")
	h.drop("bad.mp4", "bad")
	doc := strings.Replace(mrss("good.mp4", "bad.mp4"), "<name>name bad.mp4</name>", "<name>name bad.mp4</name><conversionProfileId>999999</conversionProfileId>", 1)
	h.drop("list.xml", doc)
	if r := h.wait("bad.mp4", errorHandling); r.ErrorCode != string(CodeXMLContent) || r.ErrorText == "" {
		t.Errorf("%+v", r)
	}
	h.until("the file to be back", func() bool {
		b, err := os.ReadFile(h.path("bad.mp4"))
		return err == nil && string(b) == "bad"
	})
	h.wait("good.mp4", purged)
	if r := h.wait("list.xml", handled); r.Warning == "" {
		t.Errorf("%+v", r)
	}
}

func TestAFolderForBothTakesMediaAlone(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleAuto), func(f *catalog.DropFolder) { f.Options.SidecarGrace = 1 }).jobs().start()
	h.drop("alone.mp4", "alone")
	h.drop("list.json", `{"items":[{"action":"add","name":"named","media":{"mediaType":1},"content":[{"dropFolderFile":{"path":"named.mp4"}}]}]}`)
	h.drop("named.mp4", "named")
	h.wait("alone.mp4", purged)
	h.until("the document to be done", func() bool { s := h.row("list.json").Status; return s == purged || s == errorHandling })
	if r := h.row("list.json"); r.Status != purged {
		t.Fatalf("%s %s", r.ErrorCode, r.ErrorText)
	}
	h.wait("named.mp4", purged)
	if got := h.entries(); len(got) != 2 || len(got["alone"]) != 1 || len(got["named"]) != 1 {
		t.Errorf("entries %v", got)
	}
}

// TestCaptionsAndPicturesJoinTheMediaOfTheirName drops them before their media, and after it.
func TestCaptionsAndPicturesJoinTheMediaOfTheirName(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleAuto), func(f *catalog.DropFolder) { f.Options.SidecarGrace = 1 }).jobs()
	h.cfg.Language = func(name string) (string, bool) { return "German", name == "de" }
	h.start()
	const line = "1\n00:00:01,000 --> 00:00:02,000\nHallo\n"
	picture, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	h.drop("sub/film.de.srt", line)
	h.drop("film.srt", line) // of another folder's film
	h.wait("sub/film.de.srt", waiting)
	h.drop("sub/film.mp4", "film")
	film := h.wait("sub/film.mp4", purged)
	h.wait("sub/film.de.srt", purged)
	h.drop("sub/film.png", string(picture))
	h.wait("sub/film.png", purged)
	h.drop("sub/film.de.srt", line+line)
	h.until("the corrected caption", func() bool {
		r := h.row("sub/film.de.srt")
		return r.Status == purged && r.Size == int64(2*len(line))
	})
	assets, err := h.db.Assets(t.Context(), film.Entry)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range assets {
		if !a.Original {
			got = append(got, fmt.Sprint(a.Type, " ", a.Language, " ", a.Container, " ", a.Size, " ", a.Status == catalog.AssetReady))
		}
	}
	want := []string{fmt.Sprint("caption German srt ", 2*len(line), " true"), fmt.Sprint("thumb  png ", len(picture), " true")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := h.entries(); len(got) != 1 || len(got["film"]) != 1 {
		t.Errorf("entries %v", got)
	}
	if r := h.row("film.srt"); r.Status != waiting || r.Why == "" {
		t.Errorf("the caption of nothing: %+v", r)
	}
}

// TestDocumentsCarryASession in a folder that asks for one.
func TestDocumentsCarryASession(t *testing.T) {
	h := newHouse(t, handler(catalog.HandleXML), func(f *catalog.DropFolder) { f.Options.ValidateKS = true }).jobs()
	h.cfg.Session = func(_ context.Context, a catalog.AccountID, token string) (string, error) {
		user, ok := map[string]string{"root": "", "of anna": "anna"}[token]
		if !ok || a != account {
			return "", errors.New("expired")
		}
		return user, nil
	}
	h.start()
	doc := func(ks, user, file string) string {
		text := strings.Replace(mrss(file), "<name>", "<userId>"+user+"</userId><name>", 1)
		return strings.Replace(text, "<channel>", ks+"<channel>", 1)
	}
	for name, c := range map[string]struct {
		ks, user string
		said     string // of the document's row; "" when the item is applied
		media    bool   // the item is refused
	}{
		"none":    {"", "ben", "carries no session", false},
		"old":     {"<ks>old</ks>", "ben", "expired", false},
		"root":    {"<ks>root</ks>", "ben", "", false},
		"own":     {"<ks>of anna</ks>", "anna", "", false},
		"foreign": {"<ks>of anna</ks>", "ben", "", true},
	} {
		h.drop(name+".mp4", name)
		h.drop(name+".xml", doc(c.ks, c.user, name+".mp4"))
		switch {
		case c.said != "":
			if r := h.wait(name+".xml", errorHandling); r.ErrorCode != string(CodeXMLAdding) || !strings.Contains(r.ErrorText, c.said) {
				t.Errorf("%s: %s %q", name, r.ErrorCode, r.ErrorText)
			}
		case c.media:
			h.wait(name+".mp4", errorHandling)
		default:
			h.wait(name+".xml", purged)
			e, err := h.db.Entry(t.Context(), account, h.wait(name+".mp4", purged).Entry)
			if err != nil || e.Owner != c.user {
				t.Errorf("%s: %q, %v", name, e.Owner, err)
			}
		}
	}
}
