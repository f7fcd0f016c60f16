package ops

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadinessNamesWhatFails(t *testing.T) {
	down := errors.New("connection refused")
	var err error
	srv := httptest.NewServer(New(Config{
		Checks: []Check{
			{"catalog", func(context.Context) error { return nil }},
			{"redis", func(context.Context) error { return err }},
		},
		Info: func() map[string]any { return map[string]any{"version": "v1"} },
	}))
	defer srv.Close()
	for _, tc := range []struct {
		path   string
		err    error
		status int
		want   string
	}{
		{"/readyz", nil, http.StatusOK, `"ready"`},
		{"/readyz", down, http.StatusServiceUnavailable, `"redis":"connection refused"`},
		{"/healthz", down, http.StatusOK, `"version":"v1"`},
		{"/metrics", nil, http.StatusOK, "go_goroutines"},
	} {
		err = tc.err
		res, getErr := http.Get(srv.URL + tc.path)
		if getErr != nil {
			t.Fatal(getErr)
		}
		body, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		if readErr != nil {
			t.Fatal(readErr)
		}
		if res.StatusCode != tc.status || !strings.Contains(string(body), tc.want) {
			t.Errorf("%s with %v: status %d, body %.200s; want %d with %s", tc.path, tc.err, res.StatusCode, body, tc.status, tc.want)
		}
	}
}
