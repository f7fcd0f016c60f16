package tus_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/catalog"
)

func TestPartsAreWrittenInPlace(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(1_000_003, 7)
	whole, resp := h.create(len(data), "Upload-Metadata", meta("filename", "big.mp4"))
	entry := resp.Header.Get("Sluice-Entry-Id")
	const n = 5
	var urls [n]string
	var wg sync.WaitGroup
	for i := range n {
		from, to := i*len(data)/n, (i+1)*len(data)/n
		m := meta("sluice-into", whole, "sluice-offset", strconv.Itoa(from))
		urls[i], _ = h.create(to-from, "Upload-Concat", "partial", "Upload-Metadata", m)
		wg.Go(func() {
			for at := from; at < to; {
				end := min(at+37_000, to)
				resp, body, err := h.try(http.MethodPatch, urls[i], header{"Upload-Offset", strconv.Itoa(at - from)}, bytes.NewReader(data[at:end]))
				if err != nil || resp.StatusCode != http.StatusNoContent {
					t.Errorf("part %d at %d: %v %s", i, at, err, body)
					return
				}
				at = end
			}
		})
	}
	wg.Wait()
	resp, body := h.do(http.MethodHead, urls[2], nil, nil)
	h.want(resp, body, http.StatusOK, "Upload-Concat", "partial", "Upload-Offset", resp.Header.Get("Upload-Length"))
	for name, list := range map[string][]string{"out of order": {urls[1], urls[0]}, "not all": urls[:4]} {
		resp, body = h.do(http.MethodPost, h.url, header{"Upload-Concat", "final;" + strings.Join(list, " ")}, nil)
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", name, resp.StatusCode, body)
		}
	}
	resp, body = h.do(http.MethodPost, h.url, header{"Upload-Concat", "final;" + strings.Join(urls[:], " ")}, nil)
	h.want(resp, body, http.StatusCreated, "Sluice-Entry-Id", entry)
	if h.location(resp) != whole {
		t.Errorf("the whole is %s, want %s", h.location(resp), whole)
	}
	h.wantFile(whole, data)
	for name, m := range map[string]string{
		"beyond the end": meta("sluice-into", whole, "sluice-offset", "1000000"), "before the start": meta("sluice-into", whole, "sluice-offset", "-1"),
		"of nothing": meta("sluice-into", "0_00000000000000000000000000000000", "sluice-offset", "0"),
	} {
		resp, body := h.do(http.MethodPost, h.url, header{"Upload-Length", "10", "Upload-Concat", "partial", "Upload-Metadata", m}, nil)
		if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", name, resp.StatusCode, body)
		}
	}
}

// TestAChunkThatDiffersIsRefused meets what came by another part with a checksum of other bytes.
func TestAChunkThatDiffersIsRefused(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(60_000, 11)
	whole, _ := h.create(len(data))
	part, _ := h.create(20_000, "Upload-Concat", "partial", "Upload-Metadata", meta("sluice-into", whole, "sluice-offset", "20000"))
	resp, body := h.patch(part, 0, data[20_000:40_000])
	h.want(resp, body, http.StatusNoContent)
	sum := func(b []byte) string {
		s := sha1.Sum(b)
		return "sha1 " + base64.StdEncoding.EncodeToString(s[:])
	}
	other := slices.Clone(data[:50_000])
	other[30_000]++
	resp, body = h.patch(whole, 0, other, "Upload-Checksum", sum(other))
	h.want(resp, body, http.StatusConflict)
	if !strings.Contains(body, "ERR_CHUNK_CONFLICT") || !strings.Contains(body, "byte 30000") {
		t.Errorf("%s", body)
	}
	resp, body = h.do(http.MethodHead, whole, nil, nil)
	h.want(resp, body, http.StatusOK, "Upload-Offset", "0")
	resp, body = h.patch(whole, 0, data, "Upload-Checksum", sum(data))
	h.want(resp, body, http.StatusNoContent)
	h.wantFile(whole, data)
}

// TestPartsOfTheirOwnAreJoined is what clients do that know nothing of parts in place.
func TestPartsOfTheirOwnAreJoined(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(300_001, 8)
	copy(data[100_000:], "MZ") // a part that begins like a program is none
	var urls []string
	for i := range 3 {
		from, to := i*100_000, min((i+1)*100_000, len(data))
		if i == 2 {
			to = len(data)
		}
		url, resp := h.create(to-from, "Upload-Concat", "partial")
		if resp.Header.Get("Sluice-Entry-Id") != "" {
			t.Error("a part has an entry")
		}
		urls = append(urls, url)
		if i == 1 {
			resp, body := h.do(http.MethodPost, h.url, header{"Upload-Concat", "final;" + strings.Join(urls, " ")}, nil)
			h.want(resp, body, http.StatusBadRequest) // one is not finished
		}
		resp, body := h.patch(url, 0, data[from:to])
		h.want(resp, body, http.StatusNoContent)
	}
	resp, body := h.do(http.MethodPost, h.url, header{"Upload-Concat", "final;" + strings.Join(urls, " "), "Upload-Metadata", meta("filename", "joined.mp4")}, nil)
	h.want(resp, body, http.StatusCreated)
	final, entry := h.location(resp), resp.Header.Get("Sluice-Entry-Id")
	h.wantFile(final, data)
	if e := h.entry(entry); e.Name != "joined.mp4" || e.Status != catalog.EntryPreconvert {
		t.Errorf("entry %q %d", e.Name, e.Status)
	}
	for _, u := range urls {
		resp, body := h.do(http.MethodHead, u, nil, nil)
		h.want(resp, body, http.StatusGone)
	}
	resp, body = h.patch(final, 0, data)
	h.want(resp, body, http.StatusForbidden)
}

// TestJoiningGoesOnAfterACrash stops a server in the middle of putting parts together, and starts another.
func TestJoiningGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	data := bytesOf(90_000, 9)
	var final string
	t.Run("before", func(t *testing.T) {
		full := errors.New("no room")
		h := openHouse(t, dir)
		var urls []string
		for i := range 3 {
			url, _ := h.create(30_000, "Upload-Concat", "partial")
			resp, body := h.patch(url, 0, data[i*30_000:(i+1)*30_000])
			h.want(resp, body, http.StatusNoContent)
			urls = append(urls, url)
		}
		// The first part becomes the file; there is no room for the next.
		h.engine.Admit = func(grows int64) error {
			if grows > 0 {
				return full
			}
			return nil
		}
		resp, body := h.do(http.MethodPost, h.url, header{"Upload-Concat", "final;" + strings.Join(urls, " ")}, nil)
		h.want(resp, body, http.StatusCreated)
		final = resp.Header.Get("Sluice-Upload-Token")
		resp, body = h.do(http.MethodHead, h.url+final, nil, nil)
		h.want(resp, body, http.StatusOK, "Upload-Offset", "")
		if tok := h.token(final); tok.Extents.Contiguous() != 30_000 || !tok.Open() {
			t.Fatalf("%d %v", tok.Status, tok.Extents)
		}
	})
	h := openHouse(t, dir)
	if err := h.server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wantFile(final, data)
}
