package tus_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/tus"
)

func TestAnUploadInChunksBecomesAnEntry(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(300_000, 1)
	url, resp := h.create(len(data), "Upload-Metadata", meta("filename", "film.mp4", "name", "A Film", "tags", "a, b", "referenceId", "ref-1", "description", "text"))
	entry := resp.Header.Get("Sluice-Entry-Id")
	e := h.entry(entry)
	if e.Name != "A Film" || !slices.Equal(e.Tags, []string{"a", "b"}) || e.ReferenceID != "ref-1" || e.Owner != "anna" || e.Status != catalog.EntryImport {
		t.Errorf("entry %+v", e)
	}
	if _, err := http.ParseTime(resp.Header.Get("Upload-Expires")); err != nil {
		t.Errorf("Upload-Expires %q: %v", resp.Header.Get("Upload-Expires"), err)
	}
	resp, body := h.patch(url, 0, data[:100_000])
	h.want(resp, body, http.StatusNoContent, "Upload-Offset", "100000", "Sluice-Entry-Id", entry)
	resp, body = h.do(http.MethodHead, url, nil, nil)
	h.want(resp, body, http.StatusOK, "Upload-Offset", "100000", "Upload-Length", "300000", "Cache-Control", "no-store")
	resp, body = h.patch(url, 50_000, data[50_000:])
	h.want(resp, body, http.StatusConflict)
	resp, body = h.patch(url, 100_000, data[100_000:])
	h.want(resp, body, http.StatusNoContent, "Upload-Offset", "300000", "Sluice-Entry-Id", entry)
	h.wantFile(url, data)
	if e := h.entry(entry); e.Status != catalog.EntryPreconvert {
		t.Errorf("status %d, want preconvert", e.Status)
	}
	tasks, err := h.db.Tasks(t.Context(), e.ID)
	if err != nil || len(tasks) == 0 || tasks[0].Stage != catalog.StageImport {
		t.Errorf("tasks %v, %v", tasks, err)
	}
	resp, body = h.do(http.MethodHead, url, nil, nil)
	h.want(resp, body, http.StatusOK, "Upload-Offset", "300000", "Upload-Length", "300000", "Upload-Expires", "")
}

func TestTheServerSaysWhatItCan(t *testing.T) {
	h := newHouse(t)
	resp, body := h.do(http.MethodOptions, h.url, header{"Authorization", "", "Tus-Resumable", ""}, nil)
	h.want(resp, body, http.StatusNoContent, "Tus-Version", "1.0.0", "Tus-Max-Size", "1073741824", "Tus-Checksum-Algorithm", "sha1,md5,sha256,crc32c")
	for _, x := range []string{"creation", "creation-with-upload", "creation-defer-length", "termination", "concatenation", "expiration", "checksum"} {
		if !slices.Contains(strings.Split(resp.Header.Get("Tus-Extension"), ","), x) {
			t.Errorf("extension %s is missing in %q", x, resp.Header.Get("Tus-Extension"))
		}
	}
}

func TestMisuseIsRefusedByItsStatus(t *testing.T) {
	h := newHouse(t)
	url, resp := h.create(10, "Upload-Metadata", meta("filename", "a.mp4"))
	entry := resp.Header.Get("Sluice-Entry-Id")
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		method, url string
		hdr         header
		body        string
		status      int
	}{
		"another version":       {http.MethodPatch, url, header{"Tus-Resumable", "0.2.2", "Upload-Offset", "0"}, "x", 412},
		"no session":            {http.MethodPost, h.url, header{"Authorization", "", "Upload-Length", "1"}, "", 401},
		"another content type":  {http.MethodPatch, url, header{"Content-Type", "video/mp4", "Upload-Offset", "0"}, "x", 415},
		"an encoded body":       {http.MethodPatch, url, header{"Content-Encoding", "gzip", "Upload-Offset", "0"}, "x", 415},
		"more than announced":   {http.MethodPatch, url, header{"Upload-Offset", "0"}, "12345678901", 413},
		"a bad checksum header": {http.MethodPatch, url, header{"Upload-Offset", "0", "Upload-Checksum", "sha1 nonsense"}, "x", 400},
		"unknown algorithm":     {http.MethodPatch, url, header{"Upload-Offset", "0", "Upload-Checksum", "sha3 eA=="}, "x", 400},
		"no length":             {http.MethodPost, h.url, nil, "", 400},
		"larger than the limit": {http.MethodPost, h.url, header{"Upload-Length", "1073741825"}, "", 413},
		"a name with a control": {http.MethodPost, h.url, header{"Upload-Length", "1", "Upload-Metadata", meta("filename", "a\nb.mp4")}, "", 400},
		"a name that is long":   {http.MethodPost, h.url, header{"Upload-Length", "1", "Upload-Metadata", meta("filename", long)}, "", 400},
		"an unknown entry":      {http.MethodPost, h.url, header{"Upload-Length", "1", "Upload-Metadata", meta("entryId", "0_nothing0")}, "", 404},
		"an entry with content": {http.MethodPost, h.url, header{"Upload-Length", "1", "Upload-Metadata", meta("entryId", entry)}, "", 409},
		"an unknown profile":    {http.MethodPost, h.url, header{"Upload-Length", "1", "Upload-Metadata", meta("conversionProfileId", "77777")}, "", 400},
		"unknown upload":        {http.MethodHead, h.url + "0_00000000000000000000000000000000", nil, "", 404},
		"no id at all":          {http.MethodHead, h.url + "../../etc/passwd", nil, "", 404},
		"download":              {http.MethodGet, url, nil, "", 405},
		"another user":          {http.MethodHead, url, header{"Authorization", "KS bert"}, "", 404},
		"another account":       {http.MethodHead, url, header{"Authorization", "KS 102:anna"}, "", 404},
		"another's termination": {http.MethodDelete, url, header{"Authorization", "KS bert"}, "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := h.do(c.method, c.url, c.hdr, strings.NewReader(c.body))
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, c.status, body)
			}
			if resp.StatusCode >= 400 && c.method != http.MethodHead && !strings.Contains(body, ": ") && c.status != 405 {
				t.Errorf("no reason: %q", body)
			}
		})
	}
	resp, body := h.do(http.MethodHead, url, header{"Authorization", "KS admin:root"}, nil)
	h.want(resp, body, http.StatusOK, "Upload-Offset", "0")
}

func TestChecksumsAreVerifiedAndWhatIsWrongIsForgotten(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(50_000, 2)
	part := data[:20_000]
	s1, s2, m := sha1.Sum(part), sha256.Sum256(part), md5.Sum(part)
	crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(part, crc32.MakeTable(crc32.Castagnoli)))
	for name, sum := range map[string][]byte{"sha1": s1[:], "sha256": s2[:], "md5": m[:], "crc32c": crc} {
		t.Run(name, func(t *testing.T) {
			h := &house{T: t, db: h.db, engine: h.engine, url: h.url}
			url, _ := h.create(len(data))
			value := name + " " + base64.StdEncoding.EncodeToString(sum)
			wrong := slices.Clone(part)
			wrong[19_999]++
			resp, body := h.patch(url, 0, wrong, "Upload-Checksum", value)
			h.want(resp, body, 460)
			resp, body = h.do(http.MethodHead, url, nil, nil)
			h.want(resp, body, http.StatusOK, "Upload-Offset", "0")
			resp, body = h.patch(url, 0, part, "Upload-Checksum", value)
			h.want(resp, body, http.StatusNoContent, "Upload-Offset", "20000")
			resp, body = h.patch(url, 20_000, data[20_000:])
			h.want(resp, body, http.StatusNoContent)
			h.wantFile(url, data)
		})
	}
}

func TestABrokenChunkKeepsWhatCameUnlessItHasAChecksum(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(400_000, 3)
	for name, sum := range map[string]string{"without": "", "with": "sha1 " + base64.StdEncoding.EncodeToString(make([]byte, 20))} {
		t.Run(name, func(t *testing.T) {
			h := &house{T: t, db: h.db, engine: h.engine, url: h.url}
			url, _ := h.create(len(data))
			r, w := io.Pipe()
			go func() {
				_, _ = w.Write(data[:150_000])
				w.CloseWithError(errors.New("cut"))
			}()
			hdr := header{"Upload-Offset", "0"}
			if sum != "" {
				hdr = append(hdr, "Upload-Checksum", sum)
			}
			if _, _, err := h.try(http.MethodPatch, url, hdr, io.MultiReader(r, bytes.NewReader(data[150_000:]))); err == nil {
				t.Fatal("the request was not cut")
			}
			for try := 1; ; try++ {
				resp, body := h.do(http.MethodHead, url, nil, nil)
				h.want(resp, body, http.StatusOK)
				at, err := strconv.Atoi(resp.Header.Get("Upload-Offset"))
				if err != nil || sum != "" && at != 0 || at > 150_000 {
					t.Fatalf("offset %d, %v", at, err)
				}
				// The server may meet the broken request after this one.
				if resp, body = h.patch(url, at, data[at:]); resp.StatusCode != http.StatusConflict || try == 10 {
					h.want(resp, body, http.StatusNoContent)
					break
				}
			}
			h.wantFile(url, data)
		})
	}
}

func TestLengthMayBeToldLater(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(5000, 4)
	resp, body := h.do(http.MethodPost, h.url, header{"Upload-Defer-Length", "1", "Upload-Metadata", meta("filename", "a.ts")}, nil)
	h.want(resp, body, http.StatusCreated)
	url := h.location(resp)
	resp, body = h.patch(url, 0, data[:3000])
	h.want(resp, body, http.StatusNoContent, "Upload-Offset", "3000")
	resp, body = h.do(http.MethodHead, url, nil, nil)
	h.want(resp, body, http.StatusOK, "Upload-Defer-Length", "1", "Upload-Length", "")
	resp, body = h.patch(url, 3000, data[3000:], "Upload-Length", "5000")
	h.want(resp, body, http.StatusNoContent, "Upload-Offset", "5000")
	h.wantFile(url, data)
}

func TestCreationMayCarryTheFile(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(9000, 5)
	for _, n := range []int{9000, 4000} {
		resp, body := h.do(http.MethodPost, h.url, header{"Upload-Length", "9000", "Content-Type", "application/offset+octet-stream"}, bytes.NewReader(data[:n]))
		h.want(resp, body, http.StatusCreated, "Upload-Offset", strconv.Itoa(n))
		url := h.location(resp)
		if n < 9000 {
			resp, body = h.patch(url, n, data[n:])
			h.want(resp, body, http.StatusNoContent)
		}
		h.wantFile(url, data)
	}
}

func TestTerminationTakesTheEntryThatWaits(t *testing.T) {
	h := newHouse(t)
	url, resp := h.create(100)
	entry := resp.Header.Get("Sluice-Entry-Id")
	resp, body := h.patch(url, 0, bytesOf(40, 6))
	h.want(resp, body, http.StatusNoContent)
	resp, body = h.do(http.MethodDelete, url, nil, nil)
	h.want(resp, body, http.StatusNoContent)
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		resp, body = h.do(method, url, header{"Upload-Offset", "40"}, nil)
		h.want(resp, body, http.StatusGone)
	}
	if e := h.entry(entry); e.Status != catalog.EntryDeleted {
		t.Errorf("entry has status %d", e.Status)
	}
}

func TestProgramsAreRefusedByTheirFirstBytes(t *testing.T) {
	h := newHouse(t)
	url, resp := h.create(1 << 20)
	entry := resp.Header.Get("Sluice-Entry-Id")
	resp, body := h.patch(url, 0, append([]byte("MZ"), make([]byte, 5000)...))
	h.want(resp, body, http.StatusUnsupportedMediaType)
	resp, body = h.do(http.MethodHead, url, nil, nil)
	h.want(resp, body, http.StatusGone)
	if e := h.entry(entry); e.Status != catalog.EntryErrorImporting || e.ErrorCode != tus.CodeRefused || !strings.Contains(e.ErrorText, "program") {
		t.Errorf("entry %d %q %q", e.Status, e.ErrorCode, e.ErrorText)
	}
}

// TestASecondRequestTakesAnUploadOver is the sender whose connection broke without the server noticing.
func TestASecondRequestTakesAnUploadOver(t *testing.T) {
	dir := t.TempDir()
	one, two := openHouse(t, dir), openHouse(t, dir) // two processes
	data := bytesOf(200_000, 10)
	url, _ := one.create(len(data))
	r, w := io.Pipe()
	stuck := make(chan error, 1)
	go func() {
		_, _, err := one.try(http.MethodPatch, url, header{"Upload-Offset", "0"}, r)
		stuck <- err
	}()
	if _, err := w.Write(data[:100_000]); err != nil {
		t.Fatal(err)
	}
	key := "sluice:tus:lock:" + url[strings.LastIndexByte(url, '/')+1:]
	for redisClient(t).Exists(t.Context(), key).Val() == 0 {
		time.Sleep(time.Millisecond)
	}
	other := two.url + url[strings.LastIndexByte(url, '/')+1:]
	resp, body := two.do(http.MethodHead, other, nil, nil)
	two.want(resp, body, http.StatusOK)
	at, err := strconv.Atoi(resp.Header.Get("Upload-Offset"))
	if err != nil || at > 100_000 {
		t.Errorf("offset %d", at)
	}
	resp, body = two.patch(other, at, data[at:])
	two.want(resp, body, http.StatusNoContent)
	_ = w.CloseWithError(io.ErrClosedPipe)
	<-stuck
	two.wantFile(url, data)
}

func TestASessionInTheQueryOrMetadataStaysWithTheURL(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		url string
		hdr header
	}{
		"query":    {h.url + "?ks=anna", nil},
		"metadata": {h.url, header{"Upload-Metadata", meta("ks", "anna", "filename", "a.mp4")}},
	} {
		resp, body := h.do(http.MethodPost, c.url, append(header{"Authorization", "", "Upload-Length", "4"}, c.hdr...), nil)
		h.want(resp, body, http.StatusCreated)
		url := h.location(resp)
		resp, body = h.patch(url, 0, []byte("film"), "Authorization", "")
		h.want(resp, body, http.StatusNoContent)
		if tok := h.token(url); strings.Contains(string(tok.State), "anna") || tok.Status != catalog.UploadClosed {
			t.Errorf("%s: %d %s", name, tok.Status, tok.State)
		}
	}
}

// TestATokenOfTheAPIIsATusUpload goes on with what another carrier began.
func TestATokenOfTheAPIIsATusUpload(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(3000, 11)
	tok, err := h.engine.Add(t.Context(), catalog.UploadToken{Account: account, User: "anna", FileName: "a.mp4", FileSize: 3000, AutoFinalize: true})
	if err != nil {
		t.Fatal(err)
	}
	url := h.url + string(tok.ID)
	resp, body := h.do(http.MethodHead, url, nil, nil)
	h.want(resp, body, http.StatusOK, "Upload-Offset", "0", "Upload-Length", "3000")
	resp, body = h.patch(url, 0, data)
	h.want(resp, body, http.StatusNoContent)
	h.wantFile(url, data)
	if got := h.token(url); got.Status != catalog.UploadFull {
		t.Errorf("status %d: nobody used it yet", got.Status)
	}
	// And the other way round: a token alone, made here.
	url, resp = h.create(3000, "Upload-Metadata", meta("entry", "none"))
	if resp.Header.Get("Sluice-Entry-Id") != "" || h.token(url).AttachedID != "" {
		t.Error("it has an entry")
	}
}

func TestAnUploadFillsAnEntryThatIsThere(t *testing.T) {
	h := newHouse(t)
	e := catalog.BlankEntry(account)
	e.Name, e.Owner = "waits", "anna"
	e, err := h.db.AddEntry(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	m := meta("entryId", string(e.ID))
	resp, body := h.do(http.MethodPost, h.url, header{"Authorization", "KS bert", "Upload-Length", "4", "Upload-Metadata", m}, nil)
	h.want(resp, body, http.StatusNotFound)
	url, resp := h.create(4, "Upload-Metadata", m)
	if got := resp.Header.Get("Sluice-Entry-Id"); got != string(e.ID) {
		t.Errorf("entry %q", got)
	}
	resp, body = h.patch(url, 0, []byte("film"))
	h.want(resp, body, http.StatusNoContent)
	if e := h.entry(string(e.ID)); e.Status != catalog.EntryPreconvert {
		t.Errorf("status %d", e.Status)
	}
}

// TestTheLastByteIsEnough: the process died after the last byte was recorded and before the upload was completed.
func TestTheLastByteIsEnough(t *testing.T) {
	h := newHouse(t)
	for name, wake := range map[string]func(url string){
		"the sender asks":   func(url string) { h.do(http.MethodHead, url, nil, nil) },
		"nobody asks again": func(string) { _ = h.engine.Sweep(t.Context()) },
	} {
		url, resp := h.create(5, "Upload-Metadata", meta("filename", "a.mp4"))
		entry := resp.Header.Get("Sluice-Entry-Id")
		if _, _, err := h.engine.Receive(t.Context(), account, h.token(url).ID, streamOf("bytes")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // the sweep looks at what changed before now
		wake(url)
		h.wantFile(url, []byte("bytes"))
		if e := h.entry(entry); e.Status != catalog.EntryPreconvert {
			t.Errorf("%s: entry has status %d", name, e.Status)
		}
	}
}

func TestPagesOfOtherOriginsAreToldSo(t *testing.T) {
	h := newHouse(t)
	resp, body := h.do(http.MethodOptions, h.url, header{"Origin", "https://pages.test", "Authorization", "", "Access-Control-Request-Method", "POST"}, nil)
	h.want(resp, body, http.StatusNoContent, "Access-Control-Allow-Origin", "https://pages.test")
	if !strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "Upload-Checksum") {
		t.Errorf("headers %q", resp.Header.Get("Access-Control-Allow-Headers"))
	}
	resp, body = h.do(http.MethodPost, h.url, header{"Origin", "https://pages.test", "Upload-Length", "1"}, nil)
	h.want(resp, body, http.StatusCreated, "Access-Control-Allow-Origin", "https://pages.test")
	if !strings.Contains(resp.Header.Get("Access-Control-Expose-Headers"), "Sluice-Entry-Id") {
		t.Errorf("headers %q", resp.Header.Get("Access-Control-Expose-Headers"))
	}
	resp, body = h.do(http.MethodPost, h.url, header{"Origin", "https://evil.test", "Upload-Length", "1"}, nil)
	h.want(resp, body, http.StatusForbidden)
	resp, body = h.do(http.MethodPost, h.url, header{"Origin", h.root, "Upload-Length", "1"}, nil)
	h.want(resp, body, http.StatusCreated)
}

func TestRoomAndRateAreAskedFor(t *testing.T) {
	var slowed catalog.AccountID
	h := newHouse(t, func(c *tus.Config) {
		c.Reserve = reserveUpTo(1000)
		c.Rate = rateOf(&slowed)
	})
	resp, body := h.do(http.MethodPost, h.url, header{"Upload-Length", "1001"}, nil)
	h.want(resp, body, http.StatusTooManyRequests)
	url, _ := h.create(1000)
	resp, body = h.patch(url, 0, bytesOf(1000, 12))
	h.want(resp, body, http.StatusNoContent)
	if slowed != account {
		t.Errorf("rate of account %d was asked for", slowed)
	}
	resp, body = h.do(http.MethodPost, h.url, header{"Upload-Length", "0"}, nil)
	h.want(resp, body, http.StatusCreated)
	if tok := h.token(h.location(resp)); tok.Open() {
		t.Error(fmt.Sprint("an empty file is complete, not ", tok.Status))
	}
}
