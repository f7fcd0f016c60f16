package tus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/tus"
	"sluice/storage"
)

// post sends a form: fields, then the file, then more fields.
func (h *house) post(url, session string, fields []string, data []byte, after ...string) (int, tus.Received, string) {
	h.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	write := func(list []string) {
		for i := 0; i < len(list); i += 2 {
			_ = w.WriteField(list[i], list[i+1])
		}
	}
	write(fields)
	if data != nil {
		part, err := w.CreateFormFile("file", "clip.mp4")
		if err == nil {
			_, err = part.Write(data)
		}
		if err != nil {
			h.Fatal(err)
		}
	}
	write(after)
	_ = w.Close()
	resp, body := h.do(http.MethodPost, url, header{"Authorization", session, "Content-Type", w.FormDataContentType()}, &buf)
	var got tus.Received
	_ = json.Unmarshal([]byte(body), &got)
	return resp.StatusCode, got, body
}

func TestAFormIsStoredAsItComes(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(700_000, 20)
	sum := sha256.Sum256(data)
	status, got, body := h.post(h.root+"/form?referenceId=r1", "", []string{"ks", "anna", "name", "A Clip", "sha256", hex.EncodeToString(sum[:])}, data)
	if status != http.StatusCreated || got.Size != 700_000 || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Fatalf("%d %s", status, body)
	}
	h.wantFile(string(got.Token), data)
	if e := h.entry(string(got.Entry)); e.Name != "A Clip" || e.ReferenceID != "r1" || e.Status != catalog.EntryPreconvert || e.Owner != "anna" {
		t.Errorf("entry %+v", e)
	}
}

func TestFormsAreRefusedAndLeaveNothing(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(5000, 21)
	for name, c := range map[string]struct {
		session string
		fields  []string
		data    []byte
		status  int
	}{
		"no session":            {"", nil, data, 401},
		"no file":               {"KS anna", []string{"name", "x"}, nil, 400},
		"another checksum":      {"KS anna", []string{"sha256", strings.Repeat("0", 64)}, data, 422},
		"no checksum":           {"KS anna", []string{"sha256", "xyz"}, data, 400},
		"a program":             {"KS anna", nil, []byte("\x7fELF and so on"), 415},
		"a bad name":            {"KS anna", []string{"filename", "a\x07.mp4"}, data, 400},
		"a number that is none": {"KS anna", []string{"conversionProfileId", "one"}, data, 400},
		"too long a field":      {"KS anna", []string{"description", strings.Repeat("x", 70_000)}, data, 413},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, body := h.post(h.root+"/form", c.session, c.fields, c.data)
			if status != c.status || !strings.Contains(body, ": ") {
				t.Errorf("status %d, want %d: %s", status, c.status, body)
			}
		})
	}
	resp, body := h.do(http.MethodPost, h.root+"/form", header{"Content-Type", "text/plain"}, strings.NewReader("x"))
	h.want(resp, body, http.StatusUnsupportedMediaType)
	h.wantNothing()
}

// wantNothing checks that no upload and no entry is left.
func (h *house) wantNothing() {
	h.Helper()
	entries, _, err := h.db.ListEntries(h.Context(), catalog.EntryFilter{Account: account, Limit: 10})
	if err != nil || len(entries) != 0 {
		h.Errorf("%d entries, %v", len(entries), err)
	}
	tokens, _, err := h.db.UploadTokens(h.Context(), account, catalog.Query{Limit: 10})
	if err != nil || len(tokens) != 0 {
		h.Errorf("%d tokens, %v", len(tokens), err)
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "uploads", "*"))
	if err != nil || len(left) != 0 {
		h.Errorf("left are %q, %v", left, err)
	}
}

// TestACutFormIsNoFile: a body that ends before its end never becomes a file.
func TestACutFormIsNoFile(t *testing.T) {
	h := newHouse(t)
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	part, err := w.CreateFormFile("file", "clip.mp4")
	if err == nil {
		_, err = part.Write(bytesOf(400_000, 22))
	}
	if err != nil {
		t.Fatal(err)
	}
	r, p := io.Pipe()
	go func() {
		_, _ = p.Write(buf.Bytes())
		_ = p.CloseWithError(io.ErrClosedPipe)
	}()
	if _, _, err := h.try(http.MethodPost, h.root+"/form", header{"Content-Type", w.FormDataContentType()}, r); err == nil {
		t.Error("the request was not cut")
	}
	h.web.Close() // it waits for what is under way
	h.wantNothing()
}

// TestTheSameFileAgainIsNotAnotherEntry delivers twice; the first delivery is imported in between, as the pipeline would.
func TestTheSameFileAgainIsNotAnotherEntry(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(9000, 23)
	send := func(reference string, data []byte, more ...string) (int, tus.Received) {
		t.Helper()
		status, got, body := h.post(h.root+"/form", "KS anna", append([]string{"referenceId", reference}, more...), data)
		if status != http.StatusCreated && status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return status, got
	}
	_, first := send("ep-1", data)
	if status, got := send("ep-1", data); status != http.StatusOK || got.Entry != first.Entry || !got.Again {
		t.Errorf("the same again, before the first is imported: %d %+v", status, got)
	}
	assets, err := h.db.Assets(t.Context(), first.Entry)
	if err != nil || len(assets) != 1 {
		t.Fatalf("%v, %v", assets, err)
	}
	err = h.db.UpdateAsset(t.Context(), assets[0].ID, func(a *catalog.Asset) error {
		a.Key, a.Size, a.SHA256, a.Status = "101/x/source.mp4", first.Size, first.SHA256, catalog.AssetReady
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, got := send("ep-1", data); status != http.StatusOK || got.Entry != first.Entry || !got.Again {
		t.Errorf("the same again: %d %+v", status, got)
	}
	m := meta("referenceId", "ep-1", "sha256", first.SHA256)
	resp, body := h.do(http.MethodPost, h.url, header{"Upload-Length", "9000", "Upload-Metadata", m}, nil)
	h.want(resp, body, http.StatusConflict, "Sluice-Entry-Id", string(first.Entry))
	for name, c := range map[string]func() (int, tus.Received){
		"other bytes":     func() (int, tus.Received) { return send("ep-1", bytesOf(9000, 24)) },
		"other reference": func() (int, tus.Received) { return send("ep-2", data) },
		"asked for":       func() (int, tus.Received) { return send("ep-1", data, "onDuplicate", "always") },
	} {
		if status, got := c(); status != http.StatusCreated || got.Entry == first.Entry || got.Again {
			t.Errorf("%s: %d %+v", name, status, got)
		}
	}
}

func TestAKeyMakesOneEntry(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(9000, 27)
	m := []string{"idempotencyKey", "delivery-7", "filename", "a.mp4"}
	url, resp := h.create(len(data), "Upload-Metadata", meta(m...))
	entry := resp.Header.Get("Sluice-Entry-Id")
	resp, body := h.patch(url, 0, data[:4000])
	h.want(resp, body, http.StatusNoContent)
	for _, at := range []int{4000, 9000} { // unfinished, and finished
		again, resp := h.create(len(data), "Upload-Metadata", meta(m...))
		if again != url || resp.Header.Get("Sluice-Entry-Id") != entry {
			t.Errorf("again it is %s for %s, not %s for %s", again, resp.Header.Get("Sluice-Entry-Id"), url, entry)
		}
		resp, body := h.do(http.MethodHead, again, nil, nil)
		h.want(resp, body, http.StatusOK, "Upload-Offset", strconv.Itoa(at))
		if at < len(data) {
			resp, body = h.patch(again, at, data[at:])
			h.want(resp, body, http.StatusNoContent)
		}
	}
	if status, got, body := h.post(h.root+"/form", "KS anna", m, data); status != http.StatusOK || string(got.Entry) != entry {
		t.Errorf("by a form: %d %s", status, body)
	}
	if _, n, err := h.db.ListEntries(t.Context(), catalog.EntryFilter{Account: account, Limit: 1}); err != nil || n != 1 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// unread notes that it is asked for.
type unread struct{ asked atomic.Bool }

func (u *unread) Read([]byte) (int, error) {
	u.asked.Store(true)
	return 0, io.EOF
}

// TestRefusalsNeedNoBody: who asks first (Expect: 100-continue) sends nothing for nothing.
func TestRefusalsNeedNoBody(t *testing.T) {
	h := newHouse(t)
	_, folder, _ := h.folder(account)
	url, _ := h.create(1000)
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	defer client.CloseIdleConnections()
	for name, c := range map[string]struct {
		method, url string
		hdr         header
		status      int
	}{
		"a form that is too large":  {http.MethodPost, h.root + "/form", header{"Content-Type", "multipart/form-data; boundary=x"}, 413},
		"a file without a session":  {http.MethodPut, folder + "a.mp4", header{"Authorization", ""}, 401},
		"a file that is too large":  {http.MethodPut, folder + "a.mp4", header{"Authorization", "KS admin:root"}, 413},
		"a chunk without a session": {http.MethodPatch, url, header{"Authorization", "", "Upload-Offset", "0"}, 401},
		"a chunk that is too large": {http.MethodPatch, url, header{"Upload-Offset", "0"}, 413},
	} {
		t.Run(name, func(t *testing.T) {
			var body unread
			req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, &body)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = 1 << 40
			req.Header.Set("Authorization", "KS anna")
			req.Header.Set("Expect", "100-continue")
			req.Header.Set("Tus-Resumable", "1.0.0")
			req.Header.Set("Content-Type", "application/offset+octet-stream")
			for i := 0; i < len(c.hdr); i += 2 {
				req.Header.Set(c.hdr[i], c.hdr[i+1])
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != c.status || body.asked.Load() {
				t.Errorf("status %d, want %d; the body was asked for: %v", resp.StatusCode, c.status, body.asked.Load())
			}
		})
	}
}

func TestAFullDiskIsSaidSo(t *testing.T) {
	h := newHouse(t)
	h.engine.Admit = func(int64) error { return storage.ErrFull }
	status, _, body := h.post(h.root+"/form", "KS anna", nil, bytesOf(100, 25))
	if status != http.StatusInsufficientStorage {
		t.Errorf("%d %s", status, body)
	}
	h.wantNothing()
	url, _ := h.create(10)
	resp, body := h.patch(url, 0, bytesOf(10, 26))
	h.want(resp, body, http.StatusInsufficientStorage)
	h.engine.Admit = nil
	resp, body = h.patch(url, 0, bytesOf(10, 26))
	h.want(resp, body, http.StatusNoContent)
}

// TestCurlSendsForms does what docs/uploads.md shows.
func TestCurlSendsForms(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	h := newHouse(t)
	out, err := exec.CommandContext(t.Context(), curl, "-sS", "-H", "Authorization: KS anna", "-F", "name=Trailer", "-F", "tags=trailer,news",
		"-F", "file=@plain_test.go;filename=trailer.mp4", h.root+"/form").CombinedOutput()
	var got tus.Received
	if err != nil || json.Unmarshal(out, &got) != nil || got.Entry == "" {
		t.Fatalf("%v %s", err, out)
	}
	if e := h.entry(string(got.Entry)); e.Name != "Trailer" || len(e.Tags) != 2 {
		t.Errorf("%+v", e)
	}
}
