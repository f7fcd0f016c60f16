package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	api "sluice/api/upload"
	"sluice/catalog"
	"sluice/ingest/upload"
)

const account catalog.AccountID = 102

// sessions take "admin:user" and "user:user" for tokens, with an account in front for another than 102.
type sessions struct{}

func (sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	s := &ks.Session{Token: token, Account: account, Expires: time.Now().Add(time.Hour)}
	if rest, ok := strings.CutPrefix(token, "103:"); ok {
		s.Account, token = 103, rest
	}
	class, user, _ := strings.Cut(token, ":")
	if s.User = user; class == "admin" {
		s.Type = ks.AdminType
	}
	return s, nil
}
func (sessions) Count(context.Context, *ks.Session) error { return nil }
func (sessions) Permits(context.Context, *ks.Session, string, string) (bool, error) {
	return true, nil
}

// house is the service behind real HTTP.
type house struct {
	*testing.T
	url    string
	engine *upload.Engine
}

func newHouse(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, id := range []catalog.AccountID{account, 103} {
		if _, _, err := db.EnsureAccount(t.Context(), id, "test"); err != nil {
			t.Fatal(err)
		}
	}
	e := &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Wait: 10 * time.Millisecond}
	reg := rpc.NewRegistry()
	(&api.Service{Catalog: db, Engine: e}).Register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions{}, Accounts: db, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	return &house{t, server.URL, e}
}

// call calls an action of uploadToken as the JavaScript client does, and returns the answer; file is fileData, nil for none.
func (h *house) call(session, action string, params map[string]any, file []byte) map[string]any {
	h.Helper()
	all := map[string]any{"ks": session, "format": 1}
	for k, v := range params {
		all[k] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		h.Fatal(err)
	}
	body, contentType := io.Reader(bytes.NewReader(text)), "application/json"
	if file != nil {
		var buf bytes.Buffer
		w := multipart.NewWriter(&buf)
		_ = w.WriteField("json", string(text))
		part, err := w.CreateFormFile("fileData", "chunk")
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil || w.Close() != nil {
			h.Fatal(err)
		}
		body, contentType = &buf, w.FormDataContentType()
	}
	resp, err := http.Post(h.url+"/api_v3/service/uploadtoken/action/"+action, contentType, body)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		h.Fatalf("%s: %d %s %v", action, resp.StatusCode, b, err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		h.Fatalf("%s: %s", action, b)
	}
	return out
}

func (h *house) add(session string, token map[string]any) map[string]any {
	h.Helper()
	params := map[string]any{}
	if token != nil {
		token["objectType"] = "KalturaUploadToken"
		params["uploadToken"] = token
	}
	return h.call(session, "add", params, nil)
}

func (h *house) send(session string, id any, file []byte, resume, final bool, at int) map[string]any {
	h.Helper()
	return h.call(session, "upload", map[string]any{"uploadTokenId": id, "resume": resume, "finalChunk": final, "resumeAt": at}, file)
}

func (h *house) want(what string, got map[string]any, want map[string]any) {
	h.Helper()
	for k, v := range want {
		if fmt.Sprintf("%T %v", got[k], got[k]) != fmt.Sprintf("%T %v", v, v) {
			h.Errorf("%s: %s is %T %v, want %T %v: %v", what, k, got[k], got[k], v, v, got)
		}
	}
}

func TestFilesAreUploaded(t *testing.T) {
	h := newHouse(t)
	const user = "user:anna"
	tok := h.add(user, nil)
	h.want("add", tok, map[string]any{
		"status": 0.0, "partnerId": 102.0, "userId": "anna", "uploadedFileSize": "0", "objectType": "KalturaUploadToken", "uploadUrl": h.url,
	})
	id := tok["id"]
	if s, _ := id.(string); len(s) != 34 || s[:2] != "0_" {
		t.Errorf("id %v", id)
	}
	if tok["createdAt"] == nil || tok["fileSize"] != nil || tok["autoFinalize"] != nil {
		t.Errorf("token %v", tok)
	}
	h.want("empty first chunk", h.send(user, id, []byte{}, false, false, 0), map[string]any{"status": 1.0, "fileName": "chunk"})
	h.want("second part first", h.send(user, id, []byte("film"), true, false, 4), map[string]any{"status": 1.0, "uploadedFileSize": "0"})
	h.want("final without the first", h.send(user, id, []byte("!"), true, true, 8), map[string]any{"code": "UPLOAD_TOKEN_CANNOT_MATCH_EXPECTED_SIZE"})
	h.want("first part", h.send(user, id, []byte("the "), true, false, 0), map[string]any{"status": 1.0, "uploadedFileSize": "9"})
	h.want("final again", h.send(user, id, []byte{}, true, true, 9), map[string]any{"status": 2.0, "uploadedFileSize": "9"})
	h.want("after the end", h.send(user, id, []byte("x"), false, true, -1), map[string]any{"code": "UPLOAD_TOKEN_INVALID_STATUS_FOR_UPLOAD"})
	h.want("get", h.call(user, "get", map[string]any{"uploadTokenId": id}, nil), map[string]any{"status": 2.0, "uploadedFileSize": "9"})
	stored, err := h.engine.Catalog.UploadToken(t.Context(), account, catalog.UploadTokenID(id.(string)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(h.engine.Path(stored)); err != nil || string(b) != "the film!" {
		t.Errorf("%q, %v", b, err)
	}
	whole := h.add(user, map[string]any{"fileName": "a.mp4", "fileSize": 5})
	h.want("with a size", whole, map[string]any{"fileName": "a.mp4", "fileSize": "5"})
	h.want("whole", h.send(user, whole["id"], []byte("whole"), false, true, -1), map[string]any{"status": 2.0, "fileName": "a.mp4"})
}

func TestMisuseHasItsCodes(t *testing.T) {
	h := newHouse(t)
	const user = "user:anna"
	h.want("autoFinalize", h.add(user, map[string]any{"autoFinalize": 1}), map[string]any{"code": "UPLOAD_TOKEN_MISSING_FILE_SIZE"})
	h.want("status", h.add(user, map[string]any{"status": 2}), map[string]any{"code": "PROPERTY_VALIDATION_NOT_UPDATABLE"})
	tok := h.add(user, map[string]any{"autoFinalize": true, "fileSize": 8})
	h.want("autoFinalize", tok, map[string]any{"autoFinalize": true, "fileSize": "8"})
	id := tok["id"]
	h.want("resume first", h.send(user, id, []byte("late"), true, false, 4), map[string]any{"code": "UPLOAD_TOKEN_CANNOT_RESUME"})
	h.want("first half", h.send(user, id, []byte("half"), false, false, 0), map[string]any{"status": 1.0})
	h.want("second half", h.send(user, id, []byte("full"), true, false, 4), map[string]any{"status": 2.0})
	page := h.add(user, nil)
	h.want("web page", h.send(user, page["id"], []byte("<html><script>"), false, true, -1), map[string]any{"code": "UPLOAD_TOKEN_FILE_TYPE_RESTRICTED_FOR_UPLOAD"})
	h.want("no file", h.call(user, "upload", map[string]any{"uploadTokenId": id}, nil), map[string]any{"code": "MISSING_MANDATORY_PARAMETER"})
	for _, other := range []string{"user:bert", "user:", "103:admin:root"} {
		for _, action := range []string{"get", "delete", "upload"} {
			got := h.call(other, action, map[string]any{"uploadTokenId": id}, []byte("x"))
			h.want(action+" by "+other, got, map[string]any{"code": "UPLOAD_TOKEN_NOT_FOUND"})
		}
	}
	h.want("get by an administrator", h.call("admin:root", "get", map[string]any{"uploadTokenId": id}, nil), map[string]any{"userId": "anna"})
	h.want("unknown", h.call(user, "get", map[string]any{"uploadTokenId": "0_nothing"}, nil), map[string]any{"code": "UPLOAD_TOKEN_NOT_FOUND"})
}

func TestChunksMayHaveChecksums(t *testing.T) {
	h := newHouse(t)
	const user = "user:anna"
	id := h.add(user, nil)["id"]
	h.send(user, id, []byte("the film"), false, false, 0)
	send := func(file, sum string) map[string]any {
		h.Helper()
		return h.call(user, "upload", map[string]any{
			"uploadTokenId": id, "resume": true, "finalChunk": false, "resumeAt": 4, "chunkChecksum": sum,
		}, []byte(file))
	}
	sum := func(b string) string {
		s := sha256.Sum256([]byte(b))
		return "sha256 " + base64.StdEncoding.EncodeToString(s[:])
	}
	h.want("other bytes", send("fun ends", sum("fun ends")), map[string]any{"code": "CHUNK_CONFLICT"})
	h.want("damaged", send("film end", sum("film ends")), map[string]any{"code": "CHUNK_CHECKSUM_MISMATCH"})
	h.want("no checksum", send("film end", "sha256 ?"), map[string]any{"code": "INVALID_PARAMETER_VALUE"})
	h.want("the same and more", send("film ends", sum("film ends")), map[string]any{"status": 1.0, "uploadedFileSize": "13"})
	h.want("without", send("fun", ""), map[string]any{"status": 1.0, "uploadedFileSize": "13"})
}

func TestTokensAreListed(t *testing.T) {
	h := newHouse(t)
	var last any
	for i := range 4 {
		last = h.add([]string{"user:anna", "user:bert"}[i%2], map[string]any{"fileName": fmt.Sprintf("f%d.mp4", i/2)})["id"]
	}
	list := func(session string, filter map[string]any) []string {
		t.Helper()
		params := map[string]any{}
		if filter != nil {
			filter["objectType"] = "KalturaUploadTokenFilter"
			params["filter"] = filter
		}
		got := h.call(session, "list", params, nil)
		h.want("list", got, map[string]any{"objectType": "KalturaUploadTokenListResponse"})
		var out []string
		objects, _ := got["objects"].([]any)
		for _, o := range objects {
			tok, _ := o.(map[string]any)
			out = append(out, fmt.Sprint(tok["userId"], "/", tok["fileName"]))
		}
		if total, _ := got["totalCount"].(float64); int(total) != len(out) {
			t.Errorf("%v of %d", got["totalCount"], len(out))
		}
		return out
	}
	for name, c := range map[string]struct {
		session string
		filter  map[string]any
		want    string
	}{
		"all of the account":     {"admin:root", map[string]any{"orderBy": "+createdAt"}, "[anna/f0.mp4 bert/f0.mp4 anna/f1.mp4 bert/f1.mp4]"},
		"one's own":              {"user:anna", map[string]any{"orderBy": "-createdAt"}, "[anna/f1.mp4 anna/f0.mp4]"},
		"nobody else's":          {"user:anna", map[string]any{"userIdEqual": "bert"}, "[]"},
		"by name":                {"admin:root", map[string]any{"fileNameEqual": "f1.mp4", "orderBy": "+createdAt"}, "[anna/f1.mp4 bert/f1.mp4]"},
		"by id":                  {"admin:root", map[string]any{"idIn": last}, "[bert/f1.mp4]"},
		"of another account":     {"103:admin:root", nil, "[]"},
		"in a state that is not": {"admin:root", map[string]any{"statusIn": "2,3"}, "[]"},
	} {
		if got := fmt.Sprint(list(c.session, c.filter)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := h.call("user:bert", "delete", map[string]any{"uploadTokenId": last}, nil); got != nil {
		t.Errorf("delete answers %v", got)
	}
	h.want("deleted", h.call("user:bert", "get", map[string]any{"uploadTokenId": last}, nil), map[string]any{"code": "UPLOAD_TOKEN_NOT_FOUND"})
	if got := list("admin:root", nil); len(got) != 3 {
		t.Errorf("after delete: %v", got)
	}
}

// TestChunksInParallel sends chunks as the clients do: the first alone, then all but the last at once, then the last.
func TestChunksInParallel(t *testing.T) {
	h := newHouse(t)
	const user, size, part = "user:anna", 2 << 20, 300 << 10
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for i := range data {
		data[i] ^= byte(i >> 12 & 31)
	}
	id := h.add(user, nil)["id"]
	h.send(user, id, data[:part], false, false, 0)
	var all sync.WaitGroup
	last := size / part * part
	for at := last - part; at >= part; at -= part {
		all.Go(func() {
			if got := h.send(user, id, data[at:at+part], true, false, at); got["status"] != 1.0 {
				t.Errorf("chunk at %d: %v", at, got)
			}
		})
	}
	all.Wait()
	h.want("last", h.send(user, id, data[last:], true, true, last), map[string]any{"status": 2.0, "uploadedFileSize": fmt.Sprint(size)})
	stored, err := h.engine.Catalog.UploadToken(t.Context(), account, catalog.UploadTokenID(id.(string)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(h.engine.Path(stored)); err != nil || !bytes.Equal(b, data) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
