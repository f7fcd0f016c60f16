package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// dist is the built web application; in a tree where it was not built it holds only .keep.
//
//go:embed all:dist
var dist embed.FS

func embedded() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for an invalid path, and this one is constant
	}
	return sub
}

// notBuilt is shown in place of the pages by a binary that was made without them.
const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>sluice</title>
<h1>The console is not in this binary</h1>
<p>It was built without the web application. Run <code>make build</code> in the source tree (it needs Node.js) and start the
new binary. The JSON interface under <code>/v1/</code> works all the same.</p>
`

// app serves the web application: its files by name, and index.html for every other path, which the pages route.
type app struct {
	files  map[string]*file
	policy string
}

// file is one built file, ready to be sent.
type file struct {
	body        []byte
	contentType string
	etag        string
	// immutable files have a hash of their content in their name.
	immutable bool
	gzipped   func() []byte
}

func newApp(files fs.FS, playOrigins []string) (*app, error) {
	a := &app{files: map[string]*file{}, policy: contentPolicy(playOrigins)}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a.files[name] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("console: read the web application: %w", err)
	}
	return a, nil
}

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{
		body:        body,
		contentType: mime.TypeByExtension(path.Ext(name)),
		etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
		immutable:   strings.HasPrefix(name, "assets/"),
	}
	if f.contentType == "" {
		f.contentType = "application/octet-stream"
	}
	f.gzipped = sync.OnceValue(func() []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
		_, _ = z.Write(body)                                  // a buffer takes everything
		_ = z.Close()
		return b.Bytes()
	})
	return f
}

// contentPolicy allows the pages their own files and media, and nothing of anybody else. Styles may be inline because the
// component library computes some; the media libraries feed the player from blob: addresses, run a blob: worker, and give
// caption tracks an empty data: file to start from.
func contentPolicy(playOrigins []string) string {
	play := strings.Join(append([]string{"'self'"}, playOrigins...), " ")
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self' 'unsafe-inline'",
		"font-src 'self'",
		"img-src data: " + play,
		"media-src blob: data: " + play,
		"connect-src " + play,
		"worker-src 'self' blob:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// ServeHTTP implements http.Handler for paths under /console/.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/console/")
	f, ok := a.files[name]
	if !ok && (strings.HasPrefix(name, "assets/") || path.Ext(name) != "") {
		// A page of an older build asks for files that are gone: index.html in their place would be a riddle.
		http.Error(w, "no such file: "+name, http.StatusNotFound)
		return
	}
	if !ok {
		f, ok = a.files["index.html"]
	}
	h := w.Header()
	h.Set("Content-Security-Policy", a.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if !ok {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(notBuilt))
		return
	}
	f.serve(w, r)
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache")
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	body, etag := f.body, f.etag
	if f.compressible() && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, etag = f.gzipped(), strings.TrimSuffix(etag, `"`)+`-gz"`
		// A range of a compressed file is of no use to anyone.
		r.Header.Del("Range")
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func (f *file) compressible() bool {
	kind, _, _ := strings.Cut(f.contentType, ";")
	return len(f.body) > 1024 && (strings.HasPrefix(kind, "text/") || kind == "application/javascript" ||
		kind == "application/json" || kind == "image/svg+xml")
}

func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}
