package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/grafov/m3u8"

	"sluice/catalog"
)

// station is a sluice server of its own with one finished entry.
type station struct {
	*daemon
	addr   string
	data   string
	entry  string
	binary string
}

// startServer starts a server over a data directory, with more of the environment.
func (e *Env) startServer(ctx context.Context, data string, env ...string) (*station, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &station{addr: addr, data: data, binary: e.Binary}
	if s.daemon, err = startDaemon(append(env, "SLUICE_HSU_LISTEN="), e.Binary, append([]string{"serve", "--log-level", "error"}, s.flags()...)...); err != nil {
		return nil, err
	}
	err = waitFor(ctx, 30*time.Second, "sluice", func() bool {
		res, err := s.get(ctx, "/readyz", "")
		return err == nil && res.status == http.StatusOK
	})
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("%w: %s", err, tail(s.stderr.String(), 500))
	}
	return s, nil
}

// startStation starts a server with src in it; benchmarks of one run share its data.
func (e *Env) startStation(ctx context.Context, src string, env ...string) (*station, error) {
	s, err := e.startServer(ctx, e.shared("station"), env...)
	if err != nil {
		return nil, err
	}
	note := s.data + ".entry"
	if id, err := os.ReadFile(note); err == nil {
		s.entry = string(id)
		return s, nil
	}
	e.Log("taking the source in")
	if s.entry, err = s.ingest(ctx, src, true); err == nil {
		err = os.WriteFile(note, []byte(s.entry), 0o644)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *station) flags() []string { return []string{"--data-dir", s.data, "--http-listen", s.addr} }

// ingest hands a file over and returns the entry's id, once it is ready when wait is set.
func (s *station) ingest(ctx context.Context, src string, wait bool) (string, error) {
	args := append([]string{"ingest", "--json"}, s.flags()...)
	if !wait {
		args = append(args, "--no-wait")
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, s.binary, append(args, src)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("ingest: %w: %s", err, tail(errs.String(), 500))
	}
	var line struct {
		Entry string `json:"entry"`
	}
	if err := json.NewDecoder(&out).Decode(&line); err != nil {
		return "", fmt.Errorf("ingest: its answer: %w", err)
	}
	if line.Entry == "" {
		return "", errors.New("ingest: no entry id in its answer")
	}
	return line.Entry, nil
}

type answer struct {
	status int
	body   []byte
}

func (s *station) get(ctx context.Context, path, rng string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		return answer{}, err
	}
	if rng != "" {
		req.Header.Set("Range", rng)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, body}, err
}

// playlists returns the paths of the media playlists of a multivariant playlist, video variants only.
func (s *station) playlists(ctx context.Context, master string) ([]string, error) {
	a, err := s.get(ctx, master, "")
	if err != nil {
		return nil, err
	}
	p, kind, err := m3u8.DecodeFrom(bytes.NewReader(a.body), false)
	if err != nil || kind != m3u8.MASTER {
		return nil, fmt.Errorf("%s: not a multivariant playlist (status %d): %w", master, a.status, err)
	}
	var out []string
	for _, v := range p.(*m3u8.MasterPlaylist).Variants {
		if v != nil && !v.Iframe {
			out = append(out, resolve(master, v.URI))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no variants", master)
	}
	return out, nil
}

// segments returns the paths of all segments of a media playlist.
func (s *station) segments(ctx context.Context, playlist string) ([]string, error) {
	a, err := s.get(ctx, playlist, "")
	if err != nil {
		return nil, err
	}
	p, kind, err := m3u8.DecodeFrom(bytes.NewReader(a.body), false)
	if err != nil || kind != m3u8.MEDIA {
		return nil, fmt.Errorf("%s: not a media playlist (status %d): %w", playlist, a.status, err)
	}
	var out []string
	for _, seg := range p.(*m3u8.MediaPlaylist).Segments {
		if seg != nil {
			out = append(out, resolve(playlist, seg.URI))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no segments", playlist)
	}
	return out, nil
}

func resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	r, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return r.RequestURI()
}

// mirror stores what the paths answer as files for the peer, so that both sides send the same bytes.
func (s *station) mirror(ctx context.Context, paths []string, root string) ([]request, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	var out []request
	for i, p := range paths {
		a, err := s.get(ctx, p, "")
		if err != nil {
			return nil, err
		}
		if a.status != http.StatusOK {
			return nil, fmt.Errorf("%s: status %d: %s", p, a.status, tail(string(a.body), 200))
		}
		name := fmt.Sprintf("f%05d%s", i, filepath.Ext(strings.SplitN(p, "?", 2)[0]))
		if err := os.WriteFile(filepath.Join(root, name), a.body, 0o644); err != nil {
			return nil, err
		}
		out = append(out, request{path: "/" + name})
	}
	return out, nil
}

// entryStatus asks the server for the state of an entry (ready, error_converting, …) and whether it plays.
func (s *station) entryStatus(ctx context.Context, entry string) (status string, playable bool, err error) {
	a, err := s.get(ctx, "/v1/entries/"+entry, "")
	if err != nil {
		return "", false, err
	}
	var body struct {
		Entry struct {
			Status   string `json:"status"`
			Playable bool   `json:"playable"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || a.status != http.StatusOK {
		return "", false, fmt.Errorf("entry %s: status %d: %w", entry, a.status, err)
	}
	return body.Entry.Status, body.Entry.Playable, nil
}

// openCatalog opens the SQLite catalog of a data directory.
func openCatalog(ctx context.Context, data string) (*catalog.DB, error) {
	return catalog.Open(ctx, "sqlite://"+filepath.Join(data, "catalog.db"))
}

// quietFolder makes a drop folder in a data directory, whose watcher ignores what comes: what is measured is the upload.
func quietFolder(ctx context.Context, db *catalog.DB, data, name string) (catalog.DropFolder, error) {
	dir := filepath.Join(data, "folders", fmt.Sprint(folderAccount), name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return catalog.DropFolder{}, err
	}
	return db.AddDropFolder(ctx, folderAccount, catalog.DropFolder{
		Name: name, Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: dir, Patterns: "*.none", SizeInterval: 6,
		Handler: catalog.HandleContent, DeletePolicy: catalog.DeleteManually, Options: catalog.DropFolderOptions{Match: catalog.AddAsNew},
	})
}
