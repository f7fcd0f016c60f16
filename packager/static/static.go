package static

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/packager"
	"sluice/packager/mp4"
	"sluice/packager/origin"
	"sluice/packager/uri"
)

// Format is a way to package.
type Format string

// Formats, each written to a directory of its name.
const (
	HLS   Format = "hls"    // HLS with fMP4 segments
	HLSTS Format = "hls-ts" // HLS with TS segments
	DASH  Format = "dash"   // DASH with a segment timeline
)

// Formats are all of them.
var Formats = []Format{HLS, HLSTS, DASH}

// start is the document that a format's crawl begins with, as origin names it.
var start = map[Format]string{
	HLS: "/hls/set/container/fmp4/master.m3u8", HLSTS: "/hls/set/container/ts/master.m3u8", DASH: "/dash/set/manifest.mpd",
}

// Open indexes MP4 files as one presentation: each is a file of the set, in the order given. The caller closes what is
// returned when the set is no longer used.
func Open(paths []string) (*packager.Set, func() error, error) {
	set := &packager.Set{ID: "set", Version: "1", Complete: true}
	var closers []func() error
	closeAll := func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
	for _, p := range paths {
		f, err := packager.OpenFile(p)
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		closers = append(closers, f.Close)
		tracks, _, err := mp4.Open(f)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("open %q: %w", p, err), closeAll())
		}
		name := strings.TrimSuffix(filepath.Base(p), filepath.Ext(p))
		set.Files = append(set.Files, packager.SetFile{ID: name, Tracks: tracks})
		for _, t := range tracks {
			set.DurationMS = max(set.DurationMS, t.Duration()*1000/int64(t.Timescale))
		}
	}
	return set, closeAll, nil
}

// Write packages set below dir and returns the path of the document that players open, by format.
func Write(ctx context.Context, set *packager.Set, dir string, formats []Format) (map[Format]string, error) {
	o, err := origin.New(origin.Config{Resolver: fixed{set}})
	if err != nil {
		return nil, err
	}
	out := map[Format]string{}
	for _, f := range formats {
		first, ok := start[f]
		if !ok {
			return nil, fmt.Errorf("no format %q; there are %v", f, Formats)
		}
		c := crawl{ctx: ctx, handler: o, dir: filepath.Join(dir, string(f)), seen: map[string]bool{}}
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return nil, err
		}
		if err := c.fetch(first); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out[f] = filepath.Join(c.dir, filepath.Base(first))
	}
	return out, nil
}

// fixed resolves every path to one set.
type fixed struct{ set *packager.Set }

func (f fixed) Resolve(context.Context, *uri.Source) (origin.Presentation, error) {
	return origin.Presentation{Set: f.set}, nil
}

type crawl struct {
	ctx     context.Context
	handler http.Handler
	dir     string
	seen    map[string]bool
}

// fetch writes what path answers, and what that refers to, into the directory.
func (c *crawl) fetch(path string) error {
	base, query, _ := strings.Cut(path, "?")
	if c.seen[base] || query != "" {
		return nil
	}
	c.seen[base] = true
	name := filepath.Join(c.dir, filepath.Base(base))
	if err := c.store(base, name); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(base), err)
	}
	refs, err := references(name)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(base), err)
	}
	from, err := url.Parse(base)
	if err != nil {
		return err
	}
	for _, r := range refs {
		to, err := from.Parse(r)
		if err != nil {
			return err
		}
		if filepath.Dir(to.Path) != filepath.Dir(base) {
			return fmt.Errorf("reference %q leaves the directory", r)
		}
		if err := c.fetch(to.EscapedPath()); err != nil {
			return err
		}
	}
	return nil
}

func (c *crawl) store(path, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, path, nil)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w := &fileResponse{file: f, header: http.Header{}, status: http.StatusOK}
	c.handler.ServeHTTP(w, req)
	err = errors.Join(w.err, f.Close())
	if w.status != http.StatusOK {
		text, _ := os.ReadFile(name) // the refusal's reason; without it the status alone speaks
		err = errors.Join(err, fmt.Errorf("status %d: %s", w.status, bytes.TrimSpace(text)), os.Remove(name))
	}
	return err
}

// fileResponse is an http.ResponseWriter into a file.
type fileResponse struct {
	file   *os.File
	header http.Header
	status int
	err    error
}

func (w *fileResponse) Header() http.Header { return w.header }

func (w *fileResponse) WriteHeader(status int) { w.status = status }

func (w *fileResponse) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.err = errors.Join(w.err, err)
	return n, err
}

// references lists what a playlist or manifest names.
func references(name string) ([]string, error) {
	switch filepath.Ext(name) {
	case ".m3u8":
		return playlistReferences(name)
	case ".mpd":
		return manifestReferences(name)
	}
	return nil, nil
}

func playlistReferences(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		line := sc.Text()
		if !strings.HasPrefix(line, "#") {
			if line != "" {
				out = append(out, line)
			}
			continue
		}
		if _, rest, ok := strings.Cut(line, `URI="`); ok {
			ref, _, _ := strings.Cut(rest, `"`)
			out = append(out, ref)
		}
	}
	return out, sc.Err()
}

// manifest is what of an MPD names other files (ISO/IEC 23009-1 §5.3.9): segments by number over a timeline, and whole files.
type manifest struct {
	Periods []struct {
		Sets []struct {
			Template        *template `xml:"SegmentTemplate"`
			Representations []struct {
				ID       string    `xml:"id,attr"`
				BaseURL  string    `xml:"BaseURL"`
				Template *template `xml:"SegmentTemplate"`
			} `xml:"Representation"`
		} `xml:"AdaptationSet"`
	} `xml:"Period"`
}

// template is a SegmentTemplate; a representation's own goes before its set's.
type template struct {
	Init     string `xml:"initialization,attr"`
	Media    string `xml:"media,attr"`
	First    int    `xml:"startNumber,attr"`
	Timeline []struct {
		Repeat int `xml:"r,attr"`
	} `xml:"SegmentTimeline>S"`
}

// names lists the init segment and the media segments of representation id.
func (t *template) names(id string) []string {
	count := len(t.Timeline)
	for _, s := range t.Timeline {
		count += s.Repeat
	}
	fill := strings.NewReplacer("$RepresentationID$", id)
	out := []string{fill.Replace(t.Init)}
	for k := range count {
		out = append(out, strings.ReplaceAll(fill.Replace(t.Media), "$Number$", strconv.Itoa(t.First+k)))
	}
	return out
}

func manifestReferences(name string) ([]string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := xml.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	var out []string
	for _, p := range m.Periods {
		for _, set := range p.Sets {
			for _, r := range set.Representations {
				switch t := cmp.Or(r.Template, set.Template); {
				case r.BaseURL != "":
					out = append(out, r.BaseURL)
				case t != nil:
					out = append(out, t.names(r.ID)...)
				}
			}
		}
	}
	return out, nil
}
