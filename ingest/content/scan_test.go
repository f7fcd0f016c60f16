//go:build cgo

package content_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/catalog"
	"sluice/codec"
	"sluice/ingest/content"
	"sluice/pipeline/stage"
)

// marked finds a mark, as a scanner finds a signature.
type marked struct{ scans int }

const mark = "-- this is what the scanner of the tests finds --"

func (m *marked) Scan(_ context.Context, r io.Reader, _ int64) (stage.Verdict, error) {
	m.scans++
	b, err := io.ReadAll(r)
	v := stage.Verdict{Scanned: int64(len(b))}
	if bytes.Contains(b, []byte(mark)) {
		v.Virus = "Test.Mark"
	}
	return v, err
}

func newScannedRig(t *testing.T) (*rig, *marked) {
	t.Helper()
	r, m := newRig(t), &marked{}
	r.Scanner, r.env.Scanner = m, m
	return r, m
}

// TestInfectedContentIsPutAsideWhateverBroughtIt: the entry is never ready, and the file is kept where nobody gets it.
func TestInfectedContentIsPutAsideWhateverBroughtIt(t *testing.T) {
	bad := append(bytes.Clone(film(t)), mark...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bad) }))
	defer srv.Close()
	for name, source := range map[string]func(r *rig) (content.Source, func()){
		"a complete upload": func(r *rig) (content.Source, func()) { return content.Token{ID: r.upload("a.mp4", bad)}, nil },
		"an upload that ends later": func(r *rig) (content.Source, func()) {
			tok, err := r.Uploads.Add(r.Context(), catalog.UploadToken{Account: account, FileName: "a.mp4"})
			if err != nil {
				r.Fatal(err)
			}
			return content.Token{ID: tok.ID}, func() { r.send(tok.ID, bad) }
		},
		"a URL": func(*rig) (content.Source, func()) { return content.URL{URL: srv.URL + "/a.mp4"}, nil },
		"a file": func(r *rig) (content.Source, func()) {
			path := filepath.Join(r.dir, "a.mp4")
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				r.Fatal(err)
			}
			return content.File{Path: path, Move: true}, nil
		},
		"a part of an upload": func(r *rig) (content.Source, func()) {
			return content.Clips{Of: content.Token{ID: r.upload("a.mp4", bad)}, Parts: []content.Clip{{}}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newScannedRig(t)
			id := r.entry(catalog.MediaVideo)
			src, then := source(r)
			r.setEntry(id, src)
			if then != nil {
				then()
			}
			r.work(id)
			e, err := r.Catalog.EntryByID(t.Context(), id)
			if err != nil || e.Status != catalog.EntryErrorImporting || e.ErrorCode != string(codec.VirusFound) || !strings.Contains(e.ErrorText, "Test.Mark") {
				t.Fatalf("entry %d %q %q, %v", e.Status, e.ErrorCode, e.ErrorText, err)
			}
			orig := r.original(id)
			if orig.Status != catalog.AssetError || !strings.HasPrefix(orig.Key, stage.QuarantineFolder) || orig.Details.Scan == nil || orig.Details.Scan.Virus != "Test.Mark" {
				t.Errorf("original: %d %q %+v", orig.Status, orig.Key, orig.Details.Scan)
			}
			if !bytes.Equal(r.bytes(orig.Key), bad) {
				t.Error("what was put aside is not the file")
			}
			for o, err := range r.store.List(t.Context(), "101/") {
				t.Errorf("beside the quarantine lies %q, %v", o.Key, err)
			}
		})
	}
}

func TestCleanContentSaysWhatWasScanned(t *testing.T) {
	r, m := newScannedRig(t)
	id := r.entry(catalog.MediaVideo)
	r.setEntry(id, content.Token{ID: r.upload("a.mp4", film(t))})
	r.wantReady(id)
	if s := r.original(id).Details.Scan; s == nil || s.Bytes != int64(len(film(t))) || s.Virus != "" || m.scans != 1 {
		t.Errorf("scan %+v, %d scans", s, m.scans)
	}
}

// TestAnEntryWaitsForTheScanOfALargeOriginal takes the scan's own task: what is made goes on, but the entry is neither ready nor playable.
func TestAnEntryWaitsForTheScanOfALargeOriginal(t *testing.T) {
	// Long enough to be played before all of it is made.
	long := clip(t, ".mp4", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=20", "-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p")
	for name, c := range map[string]struct {
		bytes  []byte
		status catalog.EntryStatus
	}{
		"clean": {long, catalog.EntryReady}, "infected": {append(bytes.Clone(long), mark...), catalog.EntryErrorConverting},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newScannedRig(t)
			r.env.ScanInline = 1
			id := r.entry(catalog.MediaVideo)
			r.setEntry(id, content.Token{ID: r.upload("a.mp4", c.bytes)})
			held := r.workBut(id, catalog.StageScan)
			if len(held) != 1 {
				t.Fatalf("%d scans", len(held))
			}
			if e := r.wantEntry(id, catalog.EntryPreconvert); !e.PlayableAt.IsZero() {
				t.Error("it is playable before its scan")
			}
			tasks, err := r.Catalog.Tasks(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks {
				if done := task.State == catalog.TaskDone; done != (task.Stage != catalog.StageScan && task.Stage != catalog.StageFinish) {
					t.Errorf("task %s %q is %s", task.Stage, task.Name, task.State)
				}
			}
			r.work(id)
			if e := r.wantEntry(id, c.status); e.PlayableAt.IsZero() != (c.status != catalog.EntryReady) {
				t.Errorf("it is playable since %v", e.PlayableAt)
			}
		})
	}
}

func TestInfectedPicturesAndAttachmentsAreRefused(t *testing.T) {
	r, _ := newScannedRig(t)
	id := r.entry(catalog.MediaVideo)
	asset := r.asset(id, catalog.Asset{Type: catalog.AssetAttachment, Name: "notes", Status: catalog.AssetQueued})
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("notes " + mark)), nil }
	err := r.SetAsset(t.Context(), account, asset, content.Stream{Name: "notes.txt", Open: open})
	if content.KindOf(err) != content.Restricted || !strings.Contains(err.Error(), "Test.Mark") {
		t.Errorf("error %v", err)
	}
}
