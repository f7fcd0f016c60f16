package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/catalog"
	"sluice/ingest/hsu"
	hsuclient "sluice/ingest/hsu/client"
)

var (
	faultRounds  = flag.Int("fault-rounds", 6, "how often TestEveryDoorOutlivesAKillAtEachStep kills the server; 0 is once at each step by each carrier")
	faultCarrier = flag.String("fault-carrier", "", "the only carrier that TestEveryDoorOutlivesAKillAtEachStep tries: folder, tus, hsu, …")
)

// importSteps are passed by whatever came in, on its way into the store.
var importSteps = []string{"import.begun", "disk.hashed", "disk.named", "import.stored", "pipeline.committed"}

// carriers bring files, and say at which steps the server is killed meanwhile.
func carriers(h *faultHouse) []carrier {
	uploadSteps := []string{"upload.begun", "upload.written", "upload.synced", "upload.recorded", "upload.sealed", "upload.completed"}
	folderSteps := []string{"dropfolder.whole", "dropfolder.claimed", "dropfolder.taken", "dropfolder.entered"}
	steps := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	return []carrier{
		{"folder", h.write("moved"), steps([]string{"dropfolder.seen", "dropfolder.renamed"}, folderSteps, importSteps)},
		{"purged", h.write("purged"), []string{"dropfolder.copied", "dropfolder.taken", "dropfolder.entered", "dropfolder.removed"}},
		{"token", h.token, steps(uploadSteps, importSteps)},
		{"tus", h.tus(""), steps([]string{"tus.token", "tus.entry"}, uploadSteps, importSteps)},
		{"tusfolder", h.tus("kept"), []string{"upload.completed", "tus.brought", "tus.published", "tus.told", "dropfolder.claimed", "dropfolder.copied", "dropfolder.entered"}},
		{"put", h.put, []string{"put.written", "put.published", "dropfolder.copied", "dropfolder.entered"}},
		{"sftp", h.sftp, steps([]string{
			"gateway.begun", "gateway.written", "gateway.closed", "gateway.recorded", "gateway.named", "gateway.forgotten", "gateway.told", "dropfolder.copied",
		}, folderSteps, importSteps)},
		{"hsu", h.hsu(""), steps([]string{"hsu.opened", "hsu.declared", "hsu.written", "hsu.synced", "hsu.recorded", "upload.sealed", "upload.completed", "hsu.handed"}, importSteps)},
		{"hsufolder", h.hsu("kept"), []string{"hsu.declared", "hsu.recorded", "hsu.named", "hsu.handed", "dropfolder.copied", "dropfolder.entered"}},
		{"url", h.url, []string{"fetch.downloaded", "disk.named", "fetch.imported", "import.stored", "pipeline.committed"}},
		{"document", h.document, []string{"manifest.begun", "manifest.handed", "manifest.recorded", "manifest.applied"}},
	}
}

type carrier struct {
	name string
	// bring goes on bringing a file, as its client would after an error. It returns nil when the client has done its part.
	bring func(ctx context.Context, d *parcel) error
	steps []string
}

// parcel is a file on its way.
type parcel struct {
	carrier
	at   string // the step
	stem string // the entry's name
	film []byte
	// What the client remembers.
	entry, token, url string
	tried             bool
	err               error
}

func (d *parcel) file() string { return d.stem + ".mp4" }

// TestEveryDoorOutlivesAKillAtEachStep brings a file by each way in, kills the real server at each step of it, and lets the client
// and the next server go on. In the end each file is one ready entry with its very bytes, and nothing is left of the ways.
func TestEveryDoorOutlivesAKillAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	h := newFaultHouse(t)
	todo := h.parcels(*faultRounds)
	var open []*parcel
	for i, d := range todo {
		if i > 0 && i%calmAfter == 0 && len(todo) > 2*calmAfter {
			h.calm(todo[:i], open)
			open = nil
		}
		s := h.server
		s.env = []string{"SLUICE_FAULT=" + d.at}
		s.start("all", h.args...)
		open = append(open, d)
		open = h.bringUntilDead(d, open)
	}
	h.server.env = nil
	h.start("all", h.args...)
	h.waitReady()
	h.eventually(5*time.Minute, "all clients to be done", func() bool { open = h.bringAll(open); return len(open) == 0 })
	h.check(todo)
}

// calmAfter is after how many kills of many the server is left alone for once: a task whose worker dies five times is given up, as it
// should be.
const calmAfter = 4

// calm lets the parcels that were begun come to their end, of which open are those that their clients still bring. Others may have
// entries that wait for them.
func (h *faultHouse) calm(begun, open []*parcel) {
	h.t.Helper()
	h.server.env = nil
	h.start("all", h.args...)
	h.waitReady()
	h.eventually(5*time.Minute, "the clients to be done", func() bool { open = h.bringAll(open); return len(open) == 0 })
	db := h.catalog()
	h.eventually(5*time.Minute, "their entries to be ready", func() bool {
		list, _, err := db.QueryEntries(h.t.Context(), 101, catalog.Query{Limit: catalog.Everything})
		ready := map[string]bool{}
		for _, e := range list {
			if e.Status == catalog.EntryReady || e.Status < 0 {
				ready[e.Name] = true
			}
		}
		return err == nil && !slices.ContainsFunc(begun, func(d *parcel) bool { return !ready[d.stem] })
	})
	h.kill("all")
}

// bringUntilDead lets the clients work until the server was killed at the step.
func (h *faultHouse) bringUntilDead(d *parcel, open []*parcel) []*parcel {
	h.t.Helper()
	died := h.procs["all"].done
	for end := time.Now().Add(2 * time.Minute); ; {
		select {
		case <-died:
			if log := h.procs["all"].log.String(); !strings.Contains(log, "fault: killed at "+d.at) {
				h.t.Fatalf("%s at %s: the server ended otherwise: %s", d.name, d.at, lastBytes(log, 3000))
			}
			return open
		case <-time.After(20 * time.Millisecond):
		}
		if open = h.bringAll(open); time.Now().After(end) {
			h.t.Errorf("%s: the server does not come to %s; its client says %v", d.name, d.at, d.err)
			h.kill("all")
			return open
		}
	}
}

// bringAll lets each client try, and returns those that are not done.
func (h *faultHouse) bringAll(open []*parcel) (left []*parcel) {
	if status, _, err := h.tryGet("/readyz"); err != nil || status != http.StatusOK {
		return open
	}
	for _, d := range open {
		ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
		if d.err = d.bring(ctx, d); d.err != nil {
			left = append(left, d)
		}
		cancel()
	}
	return left
}

// check holds that each file is one ready entry and nothing is left.
func (h *faultHouse) check(todo []*parcel) {
	h.t.Helper()
	db := h.catalog()
	found := map[string][]catalog.Entry{}
	h.eventually(5*time.Minute, "all entries to be ready", func() bool {
		list, _, err := db.QueryEntries(h.t.Context(), 101, catalog.Query{Limit: catalog.Everything})
		clear(found)
		ready := 0
		for _, e := range list {
			found[e.Name] = append(found[e.Name], e)
			if e.Status == catalog.EntryReady || e.Status < 0 {
				ready++
			}
		}
		return err == nil && ready == len(list) && ready >= len(todo)
	})
	for _, d := range todo {
		entries := found[d.stem]
		delete(found, d.stem)
		if len(entries) != 1 || entries[0].Status != catalog.EntryReady {
			h.t.Errorf("%s killed at %s: entries %+v", d.name, d.at, entries)
			continue
		}
		h.wantOriginal(string(entries[0].ID), d.film)
	}
	if len(found) > 0 {
		h.t.Errorf("entries of nobody: %+v", found)
	}
	// What a PUT leaves in the parts is removed an hour later.
	for _, dir := range []string{"incoming/*", "uploads/*", "fetch/*", "folders/101/moved/*", "folders/101/purged/*", "folders/101/kept/.sluice-parts/[^p]*"} {
		left := []string{}
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			var err error
			if left, err = filepath.Glob(filepath.Join(h.data, dir)); err != nil || len(left) == 0 {
				break
			}
		}
		for i := range left {
			inside, _ := os.ReadDir(left[i])
			left[i] = fmt.Sprint(filepath.Base(left[i]), inside)
		}
		if len(left) > 0 {
			h.t.Errorf("left in %s: %q", dir, left)
		}
	}
}

// faultHouse is a server that can be killed at its steps, with what carriers need.
type faultHouse struct {
	*client
	args    []string
	film    []byte
	folders map[string]int64
	gate    string
	login   *ssh.ClientConfig
	origin  *httptest.Server
	files   map[string][]byte // of the origin
	outbox  string            // of the high-speed client
}

func newFaultHouse(t *testing.T) *faultHouse {
	program := filepath.Join(t.TempDir(), "sluice-fault")
	if out, err := exec.Command("go", "build", "-tags", "fault", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	film, err := os.ReadFile(clip(t, "fault.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25", "-t", "0.4", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.program = program
	h := &faultHouse{film: film, gate: freeAddress(t), folders: map[string]int64{}, files: map[string][]byte{}, outbox: t.TempDir()}
	h.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(h.files[path.Base(r.URL.Path)]) }))
	t.Cleanup(h.origin.Close)
	h.args = []string{
		"serve", "--inbox-enabled=false", "--gateway-sftp-listen", h.gate, "--fetch-allow=127.0.0.1", "--worker-lease=2s", "--dropfolder-sweep=1s", "--upload-wait=2s",
	}
	s.start("all", h.args...)
	s.waitReady()
	h.client = s.client()
	for name, policy := range map[string]int{"moved": 2, "purged": 3, "kept": 1} {
		h.folders[name] = h.addFolder("KalturaDropFolder", map[string]any{"name": name, "path": filepath.Join(s.data, "folders", "101", name), "fileDeletePolicy": policy})
	}
	h.addLogin(t)
	return h
}

func (h *faultHouse) addLogin(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	var made gatewayUserView
	h.decode(&made, "account", "gateway", "add", "anna", "--key", keys, "--folder", fmt.Sprint(h.folders["kept"]))
	h.login = &ssh.ClientConfig{
		User: "anna", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second, //nolint:gosec // our own server
	}
}

// parcels are the files to bring, one for each step of each carrier, or so many of them, and what their clients prepare while nothing happens.
// The server is killed afterwards.
func (h *faultHouse) parcels(most int) (list []*parcel) {
	for _, c := range carriers(h) {
		for _, step := range c.steps {
			if *faultCarrier != "" && *faultCarrier != c.name {
				continue
			}
			list = append(list, &parcel{carrier: c, at: step})
		}
	}
	if most > 0 && most < len(list) {
		some := make([]*parcel, most)
		for i := range some {
			some[i] = list[i*len(list)/most+len(list)/most/2]
		}
		list = some
	}
	for i, d := range list {
		d.stem = fmt.Sprintf("%s-%02d", d.name, i)
		box := fmt.Appendf([]byte{0, 0, 0, byte(8 + len(d.stem))}, "free%s", d.stem) // what makes it another file
		d.film = append(bytes.Clone(h.film), box...)
		h.files[d.file()] = d.film
		if d.name == "token" || d.name == "url" {
			var e apiEntry
			h.call(&e, "media", "add", map[string]any{"entry": map[string]any{"objectType": "KalturaMediaEntry", "name": d.stem, "mediaType": 1}}, nil)
			d.entry = e.ID
		}
		if d.name == "token" {
			var tok apiToken
			h.call(&tok, "uploadToken", "add", nil, nil)
			d.token = tok.ID
			h.addContent(d.entry, map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": tok.ID})
		}
	}
	h.kill("all")
	return list
}

// write renames a file into a folder.
func (h *faultHouse) write(folder string) func(context.Context, *parcel) error {
	return func(_ context.Context, d *parcel) error {
		dir := filepath.Join(h.data, "folders", "101", folder)
		tmp := filepath.Join(dir, "."+d.file())
		return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(tmp, d.film, 0o644), os.Rename(tmp, filepath.Join(dir, d.file())))
	}
}

// token sends what is missing of an upload token's file.
func (h *faultHouse) token(_ context.Context, d *parcel) error {
	var tok apiToken
	if err := h.try(&tok, "uploadToken", "get", map[string]any{"uploadTokenId": d.token}, nil); err != nil {
		return err
	}
	if tok.Status == 2 || tok.Status == 3 {
		return nil
	}
	at := 0
	if tok.UploadedFileSize != "" {
		if _, err := fmt.Sscan(tok.UploadedFileSize, &at); err != nil {
			return err
		}
	}
	return h.try(&tok, "uploadToken", "upload", map[string]any{"uploadTokenId": d.token, "resume": at > 0, "resumeAt": at, "finalChunk": true}, d.film[at:])
}

// do makes a request and returns the answer of one of the wanted statuses.
func (h *faultHouse) do(ctx context.Context, method, url string, body []byte, want []int, headers ...string) (*http.Response, error) {
	if strings.HasPrefix(url, "/") {
		url = "http://" + h.addr + url
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "KS "+h.ks)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	for _, status := range want {
		if resp.StatusCode == status {
			return resp, err
		}
	}
	return nil, errors.Join(err, fmt.Errorf("%s %s: %d %s", method, url, resp.StatusCode, text))
}

// tus brings a file by tus, as an entry or into a folder.
func (h *faultHouse) tus(folder string) func(context.Context, *parcel) error {
	return func(ctx context.Context, d *parcel) error {
		if d.url == "" {
			meta := map[string]string{"filename": d.file(), "name": d.stem, "idempotencyKey": d.stem}
			if folder != "" {
				meta = map[string]string{"filename": d.file(), "dropFolderId": fmt.Sprint(h.folders[folder])}
			}
			var words []string
			for k, v := range meta {
				words = append(words, k+" "+base64.StdEncoding.EncodeToString([]byte(v)))
			}
			resp, err := h.do(ctx, http.MethodPost, "/v1/ingest/tus/", nil, []int{201}, "Tus-Resumable", "1.0.0",
				"Upload-Length", fmt.Sprint(len(d.film)), "Upload-Metadata", strings.Join(words, ","))
			if err != nil {
				return err
			}
			d.url = resp.Header.Get("Location")
		}
		resp, err := h.do(ctx, http.MethodHead, d.url, nil, []int{200}, "Tus-Resumable", "1.0.0")
		if err != nil {
			return err
		}
		var at int
		if _, err := fmt.Sscan(resp.Header.Get("Upload-Offset"), &at); err != nil || at == len(d.film) {
			return err
		}
		_, err = h.do(ctx, http.MethodPatch, d.url, d.film[at:], []int{204}, "Tus-Resumable", "1.0.0", "Upload-Offset", fmt.Sprint(at),
			"Content-Type", "application/offset+octet-stream")
		return err
	}
}

// put puts a file into a folder unless it is there.
func (h *faultHouse) put(ctx context.Context, d *parcel) error {
	_, err := h.do(ctx, http.MethodPut, fmt.Sprintf("/ingest/%d/%s", h.folders["kept"], d.file()), d.film, []int{201, 412}, "If-None-Match", "*")
	return err
}

// sftp sends what is missing of a file; one that has its name is done.
func (h *faultHouse) sftp(_ context.Context, d *parcel) error {
	if _, err := os.Stat(filepath.Join(h.data, "folders", "101", "kept", d.file())); err == nil {
		return nil
	}
	conn, err := ssh.Dial("tcp", h.gate, h.login)
	if err != nil {
		return err
	}
	defer conn.Close()
	files, err := sftp.NewClient(conn)
	if err != nil {
		return err
	}
	defer files.Close()
	at := int64(0)
	if st, err := files.Stat(d.file()); err == nil {
		at = st.Size()
	}
	f, err := files.OpenFile(d.file(), os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(d.film[at:], at)
	return errors.Join(err, f.Close())
}

// hsu sends a file by the high-speed upload, as an entry or into a folder, and goes on with what it began.
func (h *faultHouse) hsu(folder string) func(context.Context, *parcel) error {
	return func(ctx context.Context, d *parcel) error {
		file := filepath.Join(h.outbox, d.file())
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(file, d.film, 0o644); err != nil {
				return err
			}
		}
		o := hsuclient.Options{
			Server: "http://" + h.addr, Session: h.ks, Paths: []string{file}, Resume: d.tried, Once: true, Streams: 1, StateDir: filepath.Join(h.outbox, ".state"),
		}
		o.Open.Folder = h.folders[folder]
		if folder == "" {
			o.Open.Metadata = &hsu.Metadata{Name: d.stem}
		}
		d.tried = true
		_, err := hsuclient.Run(ctx, o)
		return err
	}
}

// url asks for a download.
func (h *faultHouse) url(_ context.Context, d *parcel) error {
	var e apiEntry
	if err := h.try(&e, "media", "get", map[string]any{"entryId": d.entry}, nil); err != nil || e.Status != 7 {
		return err
	}
	resource := map[string]any{"objectType": "KalturaUrlResource", "url": h.origin.URL + "/" + d.file()}
	return h.try(&e, "media", "addContent", map[string]any{"entryId": d.entry, "resource": resource}, nil)
}

// document sends a document with one item, which has a key.
func (h *faultHouse) document(_ context.Context, d *parcel) error {
	text, err := json.Marshal(map[string]any{"items": []any{map[string]any{
		"name": d.stem, "idempotencyKey": d.stem, "media": map[string]any{"mediaType": 1},
		"content": []any{map[string]any{"url": h.origin.URL + "/" + d.file()}},
	}}})
	if err != nil {
		return err
	}
	var job any
	return h.try(&job, "media", "bulkUploadAdd", map[string]any{"bulkUploadData": map[string]any{"objectType": "KalturaBulkUploadJsonJobData"}}, text)
}
