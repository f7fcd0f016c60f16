package tus_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/ingest/quota"
	"sluice/ingest/tus"
)

// little is a storage quota that a body of unknown length begins within, and long what does not fit, by less than net/http's server
// reads of what it does not want.
const (
	little = 10 << 20
	long   = little + 100<<10
)

// TestABodyOfUnknownLengthMeetsItsQuota: it is refused by what the account may keep, though it began with room.
func TestABodyOfUnknownLengthMeetsItsQuota(t *testing.T) {
	h := newHouse(t, func(c *tus.Config) {
		c.Reserve = quota.New(quota.Config{Accounts: c.Catalog, Storage: little}).Reserve
	})
	data := bytesOf(long, 31)
	status, _, body := h.post(h.root+"/form", "KS anna", nil, data)
	if status != http.StatusTooManyRequests || !strings.Contains(body, "storage") {
		t.Errorf("a form: %d %s", status, body)
	}
	resp, body := h.do(http.MethodPost, h.url, header{"Upload-Defer-Length", "1"}, nil)
	h.want(resp, body, http.StatusCreated)
	url := h.location(resp)
	resp, body = h.do(http.MethodPatch, url, header{"Upload-Offset", "0"}, struct{ io.Reader }{bytes.NewReader(data)})
	h.want(resp, body, http.StatusTooManyRequests)
	tok := h.token(url)
	if n := tok.Extents.Contiguous(); !tok.Open() || n > little || n < little-1<<20 {
		t.Errorf("%d bytes are here, open %v", n, tok.Open())
	}
}
