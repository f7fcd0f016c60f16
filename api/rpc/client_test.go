package rpc_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/api/rpc"
)

// MediaEntry and UploadToken are as much of the real classes as the captured requests need.
type MediaEntry struct {
	rpc.Object
	ID        *string   `k:"id,ro" f:"in"`
	Name      *string   `k:"name"`
	MediaType *int      `k:"mediaType,io"`
	CreatedAt *rpc.Time `k:"createdAt,ro" f:"gte,order"`
	Text      *string   `k:"searchText,ro"`
}

type UploadToken struct {
	rpc.Object
	ID       *string `k:"id,ro"`
	Status   *int    `k:"status,ro"`
	FileName *string `k:"fileName,io"`
}

// echo registers actions that answer with what they were given.
func echo(r *rpc.Registry) {
	m := r.Service("media", "")
	rpc.Action(m, "get", "", func(_ *rpc.Call, in struct {
		ID      string `k:"entryId" ref:"entry"`
		Version int    `k:"version" default:"1"`
	}) (*MediaEntry, error) {
		return &MediaEntry{ID: &in.ID, Text: new(fmt.Sprint("version ", in.Version))}, nil
	})
	rpc.Action(m, "add", "", func(_ *rpc.Call, in struct {
		Entry *MediaEntry `k:"entry" for:"add" required:"true"`
	}) (*MediaEntry, error) {
		in.Entry.ID = new("0_new")
		return in.Entry, nil
	})
	rpc.Action(m, "list", "", func(_ *rpc.Call, in struct {
		Filter *rpc.FilterOf[MediaEntry] `k:"filter"`
		Pager  *rpc.Pager                `k:"pager"`
	}) (*rpc.List[*MediaEntry], error) {
		offset, limit := in.Pager.Page()
		text := fmt.Sprint(in.Filter.Conds, in.Filter.Order, offset, limit)
		return &rpc.List[*MediaEntry]{Objects: []*MediaEntry{{Text: &text}}, TotalCount: 1}, nil
	})
	u := r.Service("uploadToken", "")
	rpc.Action(u, "upload", "", func(_ *rpc.Call, in struct {
		ID       string      `k:"uploadTokenId" ref:"uploadToken"`
		Data     *rpc.Upload `k:"fileData" required:"true"`
		Resume   bool        `k:"resume" default:"false"`
		Final    bool        `k:"finalChunk" default:"true"`
		ResumeAt float64     `k:"resumeAt" default:"-1"`
	}) (*UploadToken, error) {
		f, err := in.Data.Open()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		text := fmt.Sprintf("%s %q %v %v %v", in.Data.Name, b, in.Resume, in.Final, in.ResumeAt)
		return &UploadToken{ID: &in.ID, Status: new(3), FileName: &text}, err
	})
}

// TestRequestsOfTheOfficialClient replays what kaltura-client 21.20.0 sent (api/checklist/run/capture.mjs writes it).
func TestRequestsOfTheOfficialClient(t *testing.T) {
	f := start(t, func(c *rpc.Config) { echo(c.Registry) })
	files, err := filepath.Glob("testdata/client/*.request")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d requests, %v", len(files), err)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := bytes.Cut(raw, []byte("\n\n"))
		lines := strings.Split(string(head), "\n")
		method, url, _ := strings.Cut(lines[0], " ")
		req, err := http.NewRequest(method, f.URL+url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines[1:] {
			k, v, _ := strings.Cut(l, ": ")
			req.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, res.StatusCode, err)
		}
		golden(t, filepath.Join("client", strings.TrimSuffix(filepath.Base(path), ".request")+".answer"), string(got)+"\n")
	}
}
