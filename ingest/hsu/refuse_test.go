package hsu_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/hsu"
	"sluice/ingest/hsu/client"
	"sluice/ingest/hsu/server"
	"sluice/ingest/quota"
)

// ask makes a request as a client would, and decodes the answer to out.
func (h *house) ask(method, path, auth string, body []byte, out any) int {
	h.Helper()
	req, err := http.NewRequestWithContext(h.Context(), method, h.tls.URL+path, bytes.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	req.Header.Set("Authorization", auth)
	res, err := h.tls.Client().Do(req)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
	} else if len(b) > 0 {
		if err := json.Unmarshal(b, out); err != nil {
			h.Fatalf("%s: %v", b, err)
		}
	}
	return res.StatusCode
}

// session opens a session for the drop folder and declares a file of two blocks.
func (h *house) session() hsu.Opened {
	h.Helper()
	var opened hsu.Opened
	if code := h.ask(http.MethodPost, hsu.Path, "KS user:anna", []byte(`{"folder":7}`), &opened); code != http.StatusOK {
		h.Fatalf("no session: %d", code)
	}
	var have []hsu.Have
	file := fmt.Sprintf(`[{"n":3,"path":"a.mov","size":%d,"modified":1}]`, hsu.BlockSize+5)
	if code := h.ask(http.MethodPost, hsu.Path+"/"+opened.ID+"/files", "Bearer "+opened.Token, []byte(file), &have); code != http.StatusOK || have[0].State != hsu.StateOpen {
		h.Fatalf("no file: %d, %+v", code, have)
	}
	return opened
}

func TestBlocksThatAreNotRightAreRefused(t *testing.T) {
	h := newHouse(t)
	s := h.session()
	data := bytes.Repeat([]byte{7}, hsu.BlockSize)
	send := func(change func(head *hsu.Header), data []byte, file uint32, at int64) hsu.Ack {
		t.Helper()
		head := hsu.HeaderOf(file, at, data)
		change(&head)
		frame := make([]byte, hsu.HeaderSize, hsu.HeaderSize+len(data))
		head.Put(frame)
		var out []byte
		if code := h.ask(http.MethodPost, hsu.Path+"/"+s.ID+"/blocks", "Bearer "+s.Token, append(frame, data...), &out); code != http.StatusOK {
			t.Fatalf("%d %s", code, out)
		}
		a, err := hsu.ParseAck(out)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	as := func(*hsu.Header) {}
	for _, tc := range []struct {
		name   string
		change func(*hsu.Header)
		data   []byte
		file   uint32
		at     int64
		want   hsu.Code
	}{
		{"damaged on the wire", func(h *hsu.Header) { h.Sum++ }, data, 3, 0, hsu.Damaged},
		{"not what the file's digest says", func(h *hsu.Header) { h.Leaf[0]++ }, data, 3, 0, hsu.Damaged},
		{"of no file", as, data, 4, 0, hsu.Unknown},
		{"beyond the end", as, data, 3, hsu.BlockSize, hsu.Unknown},
		{"too short", as, data[:10], 3, 0, hsu.Unknown},
		{"right", as, data, 3, 0, 0},
		{"again", as, data, 3, 0, 0},
		{"the last", as, data[:5], 3, hsu.BlockSize, 0},
	} {
		if a := send(tc.change, tc.data, tc.file, tc.at); a.Code != tc.want || a.File != tc.file || a.Offset != tc.at {
			t.Errorf("%s: %+v, want code %d", tc.name, a, tc.want)
		}
	}
	var rep hsu.Report
	if h.ask(http.MethodGet, hsu.Path+"/"+s.ID+"/report?wait=10s", "Bearer "+s.Token, nil, &rep); len(rep.Files) != 1 || rep.Files[0].State != hsu.StateDone {
		t.Errorf("report %+v", rep)
	}
	if a := send(as, data, 3, 0); a.Code != 0 {
		t.Errorf("a block of a file that is done: %+v", a)
	}
	got, err := os.ReadFile(filepath.Join(h.folder.dir, "a.mov"))
	if err != nil || !bytes.Equal(got, append(data, data[:5]...)) {
		t.Errorf("other bytes came in: %v", err)
	}
	for name, body := range map[string][]byte{"no frame": []byte("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: somebody in a hurry\r\n\r\n")} {
		var f hsu.Failure
		if code := h.ask(http.MethodPost, hsu.Path+"/"+s.ID+"/blocks", "Bearer "+s.Token, body, &f); code != http.StatusBadRequest || f.Code != hsu.CodeInvalid {
			t.Errorf("%s: %d %+v", name, code, f)
		}
	}
}

func TestSessionsAreTheirOwners(t *testing.T) {
	h := newHouse(t)
	a, b := h.session(), h.session()
	for name, tc := range map[string]struct {
		id, auth string
	}{
		"another's token":    {a.ID, "Bearer " + b.Token},
		"no token":           {a.ID, ""},
		"session of the API": {a.ID, "KS user:anna"},
		"no such session":    {"0123456789abcdef0123456789abcdef", "Bearer " + a.Token},
	} {
		var f hsu.Failure
		if code := h.ask(http.MethodGet, hsu.Path+"/"+tc.id+"/report", tc.auth, nil, &f); code != http.StatusUnauthorized || f.Code != hsu.CodeSession {
			t.Errorf("%s: %d %+v", name, code, f)
		}
	}
	if code := h.ask(http.MethodDelete, hsu.Path+"/"+a.ID, "Bearer "+a.Token, nil, nil); code != http.StatusNoContent {
		t.Errorf("aborting: %d", code)
	}
	var f hsu.Failure
	if code := h.ask(http.MethodGet, hsu.Path+"/"+a.ID+"/report", "Bearer "+a.Token, nil, &f); code != http.StatusGone || f.Code != hsu.CodeExpired {
		t.Errorf("an aborted session: %d %+v", code, f)
	}
	if heard := h.folder.heard(); len(heard) != 3 || heard[0] != "aborted a.mov" {
		t.Errorf("the folder was told %v", heard)
	}
	if parts, err := os.ReadDir(filepath.Join(h.folder.dir, ".sluice-parts")); err != nil || len(parts) != 1 {
		t.Errorf("parts: %v, %v; want those of the other session", parts, err)
	}
}

func TestSessionsThatMakeNoSenseAreRefused(t *testing.T) {
	h := newHouse(t, func(c *server.Config) {
		c.MaxOpen = 1
		c.Limits = quota.New(quota.Config{Accounts: c.Catalog, Storage: 1000})
	})
	open := func(auth, body string) hsu.Failure {
		t.Helper()
		var f hsu.Failure
		h.ask(http.MethodPost, hsu.Path, auth, []byte(body), &f)
		return f
	}
	for _, tc := range []struct{ auth, body, code string }{
		{"KS nobody", `{}`, hsu.CodeSession},
		{"", `{}`, hsu.CodeSession},
		{"KS user:anna", `{"policy":"rude"}`, hsu.CodeInvalid},
		{"KS user:anna", `{"policy":"fixed"}`, hsu.CodeInvalid},
		{"KS user:anna", `{"rate":-1}`, hsu.CodeInvalid},
		{"KS user:anna", `{"folder":7,"entry":"0_x"}`, hsu.CodeInvalid},
		{"KS user:anna", `{"folder":7,"prefix":"../x"}`, hsu.CodeInvalid},
		{"KS user:anna", `{"colour":"red"}`, hsu.CodeInvalid},
		{"KS user:anna", `{"entry":"0_x"}`, hsu.CodeNotFound},
		{"KS user:anna", `{"folder":8}`, hsu.CodeNotFound},
		{"KS user:anna", `{"metadata":{"conversionProfileId":99}}`, hsu.CodeNotFound},
		{"KS user:anna", `{"metadata":{"userId":"berta"}}`, hsu.CodeForbidden},
		{"KS user:anna", `{"size":1001}`, hsu.CodeQuota},
	} {
		if f := open(tc.auth, tc.body); f.Code != tc.code || f.Message == "" {
			t.Errorf("%s by %q: %+v, want %s", tc.body, tc.auth, f, tc.code)
		}
	}
	// Those that were refused late count as open; they are swept like any.
	if err := server.New(h.config).Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFilesThatMakeNoSenseFailAlone(t *testing.T) {
	h := newHouse(t)
	s := h.session()
	var have []hsu.Have
	body := `[{"n":10,"path":"../../etc/passwd","size":1},{"n":11,"path":"/abs","size":1},{"n":12,"path":"a/../b","size":1},
		{"n":13,"path":".sluice-parts/x","size":1},{"n":14,"path":"bad\u202ename","size":1},{"n":15,"path":"good.mov","size":1}]`
	if code := h.ask(http.MethodPost, hsu.Path+"/"+s.ID+"/files", "Bearer "+s.Token, []byte(body), &have); code != http.StatusOK {
		t.Fatal(code)
	}
	for _, f := range have {
		if (f.State == hsu.StateFailed) != (f.Number != 15) || (f.Error == "") != (f.Number == 15) {
			t.Errorf("file %d: %+v", f.Number, f)
		}
	}
}

func TestClientsSayWhyTheyEnd(t *testing.T) {
	h := newHouse(t, func(c *server.Config) { c.Limits = quota.New(quota.Config{Accounts: c.Catalog, Storage: 1 << 20}) })
	dir := t.TempDir()
	file := filepath.Join(dir, "film.mov")
	write(t, file, 2<<20)
	small := filepath.Join(dir, "small.mov")
	write(t, small, 100)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, tc := range []struct {
		name   string
		change func(o *client.Options)
		want   error
	}{
		{"no session", func(o *client.Options) { o.Session = "nobody" }, client.ErrAuth},
		{"nothing to show", func(o *client.Options) { o.Session = "" }, client.ErrAuth},
		{"another server", func(o *client.Options) { o.Fingerprint = fmt.Sprintf("%064x", 1) }, client.ErrAuth},
		{"nobody vouches", func(o *client.Options) { o.Fingerprint = "" }, client.ErrAuth},
		{"too large", func(o *client.Options) {}, client.ErrQuota},
		{"no server", func(o *client.Options) { o.Server, o.Once = gone.URL, true }, client.ErrNetwork},
		{"in the clear", func(o *client.Options) { o.Server = "http://192.0.2.1" }, client.ErrUsage},
		{"no file", func(o *client.Options) { o.Paths = []string{filepath.Join(dir, "none")} }, client.ErrUsage},
		{"folder", func(o *client.Options) { o.Paths = []string{dir} }, client.ErrUsage},
		{"bad glob", func(o *client.Options) { o.Exclude = []string{"["} }, client.ErrUsage},
	} {
		o := h.options(file)
		tc.change(&o)
		if _, _, err := h.run(t.Context(), o); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	o := h.options(small)
	o.Open.Folder = 7
	if _, _, err := h.run(t.Context(), o); err != nil {
		t.Errorf("a small file: %v", err)
	}
}

func TestClientsAreToldOfTheCap(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.db.UpdateAccount(t.Context(), account, func(a *catalog.Account) error {
		a.Details.UploadRate = 16 << 20 // 2 MiB a second
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "film.mov")
	write(t, file, 7<<20)
	o := h.options(file)
	o.Open.Folder = 7
	slow := map[string]bool{}
	var last client.Progress
	o.Progress = func(p client.Progress) {
		slow[p.Slow] = true
		last = p
	}
	if _, _, err := h.run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if !slow[hsu.SlowCap] || last.Cap != 16<<20 || last.Transfers != 1 {
		t.Errorf("the client was told %v, %+v", slow, last)
	}
	if last.Rate > 17<<20*5/4 {
		t.Errorf("%d bits a second came through a cap of %d", last.Rate, 16<<20)
	}
}

func TestSessionsThatRestAreGivenUp(t *testing.T) {
	h := newHouse(t, func(c *server.Config) { c.Lifetime = time.Nanosecond })
	for _, body := range []string{`{"folder":7}`, `{}`} {
		var opened hsu.Opened
		if code := h.ask(http.MethodPost, hsu.Path, "KS user:anna", []byte(body), &opened); code != http.StatusOK {
			t.Fatalf("no session: %d", code)
		}
		var f hsu.Failure
		if h.ask(http.MethodPost, hsu.Path+"/"+opened.ID+"/files", "Bearer "+opened.Token, []byte(`[]`), &f); f.Code != hsu.CodeExpired {
			t.Errorf("a session that rested: %+v", f)
		}
	}
	for range 2 { // the second time they are forgotten
		if err := h.srv.Sweep(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	for _, status := range []catalog.TransferStatus{catalog.TransferOpen, catalog.TransferDropped} {
		if left, err := h.db.IdleTransfers(t.Context(), time.Now().Add(time.Hour), 10, status); err != nil || len(left) != 0 {
			t.Errorf("transfers in state %d: %v, %v", status, left, err)
		}
	}
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDeclarationsMayBePacked(t *testing.T) {
	h := newHouse(t)
	s := h.session()
	file := []byte(`[{"n":4,"path":"b.mov","size":9,"modified":1}]`)
	bomb := append([]byte(`[{"n":5,"path":"`), bytes.Repeat([]byte("a"), 64<<20)...)
	for _, tc := range []struct {
		name, coding string
		body         []byte
		want         int
	}{
		{"packed", "gzip", packed(t, file), http.StatusOK},
		{"more than is taken when unpacked", "gzip", packed(t, bomb), http.StatusBadRequest},
		{"not what it says", "gzip", file, http.StatusBadRequest},
		{"a coding that is not known", "br", file, http.StatusBadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.tls.URL+hsu.Path+"/"+s.ID+"/files", bytes.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+s.Token)
			req.Header.Set("Content-Encoding", tc.coding)
			res, err := h.tls.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tc.want {
				t.Fatalf("answered %d %s, want %d", res.StatusCode, text, tc.want)
			}
		})
	}
}
