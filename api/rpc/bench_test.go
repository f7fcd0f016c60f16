package rpc_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sink is an answer that nobody reads.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

func benchmark(b *testing.B, body string) {
	h := handler(b)
	payload := []byte(body)
	r := httptest.NewRequest("POST", "/api_v3/service/x/action/y", nil)
	r.URL.Path = "/api_v3/"
	r.Header.Set("Content-Type", jsonType)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(payload))
		h.ServeHTTP(&sink{http.Header{}}, r)
	}
}

func BenchmarkGet(b *testing.B) {
	benchmark(b, `{"service":"box_thing","action":"get","id":"0_b","version":-1,"format":1,"apiVersion":"21.20.0","clientTag":"node:25-07-20","partnerId":102,"kalsig":"e"}`)
}

func BenchmarkAdd(b *testing.B) {
	benchmark(b, `{"service":"box_thing","action":"add","thing":{"name":"abc","count":5,"on":true,"tags":["a","b"],"objectType":"KalturaThing"},"format":1,"partnerId":102}`)
}

func BenchmarkMultirequest(b *testing.B) {
	var calls []string
	for i := range 50 {
		calls = append(calls, fmt.Sprintf(`"%d":{"service":"box_thing","action":"get","id":"a"}`, i))
	}
	benchmark(b, `{"service":"multirequest",`+strings.Join(calls, ",")+`,"format":1,"partnerId":102}`)
}
