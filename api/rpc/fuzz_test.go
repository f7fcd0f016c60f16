package rpc_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/api/rpc"
)

// handler is a server of the test's services without a listener.
func handler(t testing.TB) http.Handler {
	t.Helper()
	reg := rpc.NewRegistry()
	(&service{}).register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: &sessions{}, Accounts: accounts{}, Profiles: profiles{}, TempDir: t.TempDir(), MaxBody: 1 << 20, MaxUpload: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

// FuzzRequest sends bodies of every kind: whatever comes, the answer is well-formed, and never an internal error.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"service":"box_thing","action":"add","thing":{"name":"abc","tags":["a"],"parts":[{"inner":{}}],"extra":{"k":{}},"shape":{"objectType":"KalturaSquare"}}}`,
		`{"service":"box_thing","action":"list","filter":{"objectType":"KalturaThingFilter","idIn":"a,b","orderBy":"-createdAt","advancedSearch":{"items":[]}},"pager":{"pageSize":1}}`,
		`{"service":"box_thing","action":"get","id":"a","responseProfile":{"type":1,"fields":"id","relatedProfiles":[{"name":"x","filter":{"objectType":"KalturaBaseFilter"},"mappings":[{"parentProperty":"id","filterProperty":"idEqual"}]}]}}`,
		`{"service":"multirequest","1":{"service":"box_thing","action":"get","id":"a"},"2":{"service":"box_thing","action":"get","id":"{1:result:parts:_all:label}"}}`,
		`service=box_thing&action=update&id=1&thing[name__null]=&thing:from=-60&thing[tags][-]=&thing[extra][a][label]=%FF`,
		`service=multirequest&1:service=box_thing&1:action=list&2:service=box_thing&2:action=get&2:id={1:result:objects:0:id}`,
		"--B\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"service\":\"box_thing\",\"action\":\"upload\",\"id\":\"1\"}\r\n--B\r\nContent-Disposition: form-data; name=\"fileData\"; filename=\"x\"\r\n\r\nhi\r\n--B--",
		`{"a":"\ud83d\ude00\u0001","b":[1e999,-0,true,null]}`,
	} {
		for kind := range byte(4) {
			f.Add([]byte(body), kind, kind%2 == 0)
		}
	}
	h := handler(f)
	f.Fuzz(func(t *testing.T, body []byte, kind byte, asXML bool) {
		path := "/api_v3/?partnerId=102&ks=user&format=1"
		if asXML {
			path = "/api_v3/?partnerId=102&ks=user&format=2"
		}
		r := httptest.NewRequest("POST", path, bytes.NewReader(body))
		r.Header.Set("Content-Type", []string{"application/json", formType, "multipart/form-data; boundary=B", ""}[kind%4])
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			if w.Code != 400 && w.Code != 413 && !(w.Code == 404 && w.Header().Get("X-Kaltura") != "") {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			return
		}
		got := w.Body.String()
		if strings.HasPrefix(got, "file of ") {
			return
		}
		if strings.Contains(got, "INTERNAL_SERVERL_ERROR") && !bytes.Contains(bytes.ToLower(body), []byte("panic")) && !bytes.Contains(bytes.ToLower(body), []byte("broken")) && !malformedMulti(body) {
			t.Fatalf("internal error: %s", got)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("invalid UTF-8: %q", got)
		}
		if asXML {
			wellFormed(t, got)
		} else if !json.Valid([]byte(got)) {
			t.Fatalf("invalid JSON: %q", got)
		}
	})
}

// malformedMulti says whether a body may be a multirequest with a call that is no object, which is an internal error. What is
// not UTF-8 is dropped from names.
func malformedMulti(body []byte) bool {
	return bytes.Contains(bytes.ToLower(bytes.ToValidUTF8(body, nil)), []byte("multi"))
}

func wellFormed(t *testing.T, s string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(s)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v: %q", err, s)
		}
	}
}

// FuzzPath sends paths and queries.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/api_v3/service/box_thing/action/get/id/1/p/102/format/1", "//api_v3//index.php/service/system/action/ping//x", "/api?service=system&action=ping",
		"/api_v3/?1:service=system&1:action=ping&service=multirequest", "/api_v3/?a[b][]=1&a[]=2&a:b:c=%zz&=&callback=x&format=9", "/api_v3/%2e%2e/x%00",
	} {
		f.Add(s)
	}
	h := handler(f)
	f.Fuzz(func(t *testing.T, url string) {
		r, err := http.NewRequest("GET", "http://x/"+strings.TrimLeft(url, "/"), nil)
		if err != nil {
			return
		}
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || !utf8.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
	})
}
