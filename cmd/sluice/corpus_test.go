package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/internal/corpus"
)

// classes maps the engine's codes to the classes of the corpus's table of expectations.
var classes = map[string]string{
	"empty_file": "empty_file", "not_media": "not_media", "incomplete_upload": "truncated", "damaged_header": "corrupt",
	"no_streams": "corrupt", "no_video_or_audio": "corrupt", "damaged_media": "corrupt", "unsupported_codec": "unsupported_codec",
	"unsupported_hdr": "unsupported_codec", "encrypted": "encrypted", "too_large": "limit_exceeded", "too_long": "limit_exceeded",
	"too_many_streams": "limit_exceeded", "out_of_memory": "limit_exceeded", "limit_cpu": "limit_exceeded", "media_crash": "crash",
	"stalled": "hang", "engine_bug": "bug", "encoder_rejected": "bug",
}

// refusals are the real files that this build documents as refused, with the code of the refusal.
var refusals = map[string][]string{
	"audio/ac4-unsupported.mp4": {"unsupported_codec"}, "audio/mpegh-unsupported.mp4": {"unsupported_codec"},
	"audio/iamf-unsupported.mp4": {"unsupported_codec", "no_video_or_audio", "no_streams"},
	"audio/xhe-aac-44k-mono.mp4": {"unsupported_codec", "damaged_media"}, "video/vvc-unsupported.mp4": {"unsupported_codec"},
	"encrypted/cbcs-audio.mp4": {"encrypted"}, "encrypted/cbcs-h264.mp4": {"encrypted"}, "encrypted/cenc-dashinit-8s.mp4": {"encrypted"},
	"encrypted/cenc-h264.mp4": {"encrypted"}, "encrypted/cenc-h264-widevine-unknown-key.mp4": {"encrypted"}, "encrypted/piff-video.mp4": {"encrypted"},
	"audio/mp3-100kb-garbage-prefix.mp3": {"not_media"}, // too little of it looks like MP3 to be believed
	"image/still.heic":                   {"unsupported_codec", "not_media", "damaged_header"}, "image/white-1x1.avif": {"unsupported_codec", "not_media", "damaged_header"},
}

// realDirs hold media that was made elsewhere or for the corpus, and that must play.
var realDirs = []string{"video", "ts", "audio", "image", "encrypted", "synthetic"}

// mediaDirs of hostile/ are those whose files are offered as media; captions, manifests and metadata are other doors' work.
var mediaDirs = []string{"empty", "notmedia", "truncated", "boxes", "tables", "dims", "mismatch", "references", "playlists", "real", "metadata"}

// longFilm is six minutes of 1080p, whose ladder would take as long as those of all other files: it gets the smallest rendition.
const longFilm = "video/h264-aac-1080p-6min-lowbitrate.mp4"

// TestCorpusReachesReadyOrADocumentedRefusal puts every real file through the whole system.
func TestCorpusReachesReadyOrADocumentedRefusal(t *testing.T) {
	dir := corpusDir(t)
	var files []string
	for _, d := range realDirs {
		files = append(files, filesBelow(t, filepath.Join(dir, d))...)
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		return strings.Contains(f, "/sets/") || strings.HasSuffix(f, ".tsv") || strings.HasSuffix(f, "/"+longFilm)
	})
	s := startServer(t, "--engine-preset=ultrafast") // what matters here is what comes out, not how small
	for path, e := range s.takeAll(t, dir, files, longFilm) {
		want := refusals[path]
		switch {
		case e.Status == catalog.EntryReady && want == nil:
		case e.Status == catalog.EntryReady:
			t.Logf("%s: ready, though %v is documented", path, want)
		case slices.Contains(want, e.ErrorCode):
			t.Logf("%s: refused as documented: %s", path, e.ErrorText)
		default:
			t.Errorf("%s: status %d, %s: %s", path, e.Status, e.ErrorCode, e.ErrorText)
		}
	}
}

// TestHostileFilesEndInAClearError puts every hostile file through the whole system and compares with the corpus's table.
func TestHostileFilesEndInAClearError(t *testing.T) {
	dir := corpusDir(t)
	want := expectations(t, filepath.Join(dir, "hostile", "expected.tsv"))
	var files []string
	for _, d := range mediaDirs {
		files = append(files, filesBelow(t, filepath.Join(dir, "hostile", d))...)
	}
	s := startServer(t, "--engine-preset=ultrafast") // what matters here is what comes out, not how small
	match, total := 0, 0
	var table strings.Builder
	for path, e := range s.takeAll(t, dir, files) {
		rel := strings.TrimPrefix(path, "hostile/")
		got := "ok"
		if e.Status != catalog.EntryReady {
			got = classes[e.ErrorCode]
			if e.ErrorText == "" || e.ErrorCode == "" {
				t.Errorf("%s: failed without a reason", rel)
			}
		}
		if got == "" || got == "crash" || got == "hang" || got == "bug" {
			t.Errorf("%s: ended as %q (%s)", rel, e.ErrorCode, e.ErrorText)
		}
		accepted := want[rel]
		if accepted == nil {
			continue
		}
		total++
		ok := slices.Contains(accepted, got) || got == "ok" && slices.Contains(accepted, "ok_with_warnings") ||
			// A list or manifest is no media: a door that never follows references refuses it as such.
			got == "not_media" && slices.ContainsFunc(accepted, func(c string) bool {
				return slices.Contains([]string{"blocked_reference", "bad_name", "bad_captions", "unsafe_xml"}, c)
			}) || got == "not_media" && strings.HasPrefix(rel, "playlists/")
		mark := "differs"
		if ok {
			match++
			mark = "match"
		}
		fmt.Fprintf(&table, "%-8s %-45s got %-18s accepted %s\n", mark, rel, got, strings.Join(accepted, ", "))
	}
	t.Logf("%d of %d hostile files end as expected\n%s", match, total, table.String())
}

func corpusDir(t *testing.T) string {
	t.Helper()
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus here (shared/media above the working directory, or SLUICE_MEDIA)")
	}
	return dir
}

func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// takeAll ingests files, and of small ones, paths in dir, the smallest rendition; it returns what became of each, by its path in dir.
func (s *server) takeAll(t *testing.T, dir string, files []string, small ...string) map[string]catalog.Entry {
	t.Helper()
	byEntry := map[catalog.EntryID]string{}
	for _, rel := range small {
		byEntry[s.takeSmallest(t, filepath.Join(dir, rel))] = rel
	}
	for chunk := range slices.Chunk(files, 50) {
		for i, l := range s.ingest(false, chunk...) {
			rel, err := filepath.Rel(dir, chunk[i])
			if err != nil {
				t.Fatal(err)
			}
			if l.Entry == "" {
				t.Errorf("%s: not taken in: %s %s", rel, l.ErrorCode, l.ErrorText)
				continue
			}
			byEntry[l.Entry] = rel
		}
	}
	db := s.catalog()
	s.settle(db, 25*time.Minute, len(byEntry))
	out := map[string]catalog.Entry{}
	for id, rel := range byEntry {
		e, err := db.EntryByID(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		out[rel] = e
	}
	return out
}

// takeSmallest uploads a file to an entry with a profile that has the lowest rung of the ladder alone.
func (s *server) takeSmallest(t *testing.T, path string) catalog.EntryID {
	t.Helper()
	film, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := s.client()
	type params struct{ ID, Height int }
	var list struct{ Objects []params }
	c.call(&list, "flavorParams", "list", nil, nil)
	list.Objects = slices.DeleteFunc(list.Objects, func(p params) bool { return p.Height == 0 })
	if len(list.Objects) == 0 {
		t.Fatal("no rendition has a height")
	}
	low := slices.MinFunc(list.Objects, func(a, b params) int { return a.Height - b.Height })
	var profile struct{ ID int }
	c.call(&profile, "conversionProfile", "add", map[string]any{"conversionProfile": map[string]any{
		"objectType": "KalturaConversionProfile", "name": "smallest", "flavorParamsIds": fmt.Sprintf("0,%d", low.ID),
	}}, nil)
	var e apiEntry
	c.call(&e, "media", "add", map[string]any{"entry": map[string]any{
		"objectType": "KalturaMediaEntry", "name": filepath.Base(path), "mediaType": 1, "conversionProfileId": profile.ID,
	}}, nil)
	var tok apiToken
	c.call(&tok, "uploadToken", "add", nil, nil)
	c.call(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": tok.ID}, film)
	c.addContent(e.ID, map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID})
	return catalog.EntryID(e.ID)
}

func expectations(t *testing.T, path string) map[string][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		cols := strings.Split(sc.Text(), "\t")
		if len(cols) < 3 || cols[0] == "file" {
			continue
		}
		out[cols[0]] = append([]string{cols[1]}, strings.FieldsFunc(cols[2], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return out
}
