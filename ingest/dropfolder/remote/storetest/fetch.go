package storetest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/ingest/fetch"
)

// Fetches downloads a file of the server by its URL, over cuts, and wants the guard and a wrong file told. Schemes are what the
// fetcher can; allow is a guard's list that allows the server.
func Fetches(t *testing.T, s Server, schemes map[string]fetch.Remote, rawURL, absent string, allow ...string) {
	want := Random(size)
	s.write(t, map[string][]byte{"a b.mov": want})
	open, err := fetch.NewGuard(allow)
	if err != nil {
		t.Fatal(err)
	}
	f := &fetch.Fetcher{Dir: t.TempDir(), Guard: open, Tries: 3, FirstWait: time.Millisecond, Remotes: schemes}
	path := filepath.Join(t.TempDir(), "file")
	if err := f.Get(t.Context(), fetch.Request{URL: rawURL}, path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
	wantCode(t, "a file that is too large", f.Get(t.Context(), fetch.Request{URL: rawURL, MaxSize: 100}, path), fetch.TooLarge)
	wantCode(t, "no file", f.Get(t.Context(), fetch.Request{URL: absent}, path), fetch.NotFound)
	f.Guard = &fetch.Guard{}
	wantCode(t, "a guarded address", f.Get(t.Context(), fetch.Request{URL: rawURL}, path), fetch.Refused)
	f.Remotes = nil
	wantCode(t, "a fetcher without the protocol", f.Get(t.Context(), fetch.Request{URL: rawURL}, path), fetch.BadURL)
}

func wantCode(t *testing.T, what string, err error, want fetch.Code) {
	t.Helper()
	var e *fetch.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}
