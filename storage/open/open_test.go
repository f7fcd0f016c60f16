package open_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/s3test"
	"sluice/storage/open"
)

func TestStoresOpenByURL(t *testing.T) {
	server := s3test.Start(t)
	dir := t.TempDir()
	for name, url := range map[string]string{
		"path":   filepath.Join(dir, "a"),
		"file":   "file://" + filepath.Join(dir, "with space%20and%23"),
		"bucket": server.Below("p"),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open.Store(t.Context(), url, open.Options{CacheDir: filepath.Join(t.TempDir(), "cache")})
			if err != nil {
				t.Fatal(err)
			}
			content := bytes.Repeat([]byte("content"), 300_000)
			if _, err := s.Put(t.Context(), "k", bytes.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.NewSectionReader(r, 0, r.Object().Size))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes come back, %v", len(got), err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBadURLsAreRefused(t *testing.T) {
	for url, want := range map[string]string{
		"":                          "file:///directory or s3://",
		"relative/dir":              "absolute path",
		"file://host/dir":           "file:///directory",
		"file:dir":                  "file:///directory",
		"file:///dir?x=1":           "file:///directory",
		"gs://bucket":               `"gs"`,
		"s3://k:topsecret@%zz/b":    "percent-encode",
		"s3://k:topsecret@host":     "bucket is missing",
		"s3://k:topsecret@h/b?x=1":  "unknown parameter",
		"\x00://k:topsecret@h/path": "not an URL",
	} {
		s, err := open.Store(t.Context(), url, open.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Store(%q) = %v, %v; want an error with %q", url, s, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "topsecret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}
