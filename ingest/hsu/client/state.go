package client

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// state is what is remembered of an unfinished upload: its session, and how its files are numbered there.
type state struct {
	path string

	Server  string           `json:"server"`
	Session string           `json:"session"`
	Token   string           `json:"token"`
	Next    uint32           `json:"next"`
	Files   map[string]known `json:"files"`
}

type known struct {
	Number   uint32 `json:"n"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
}

// statePath names the state of an upload after what it sends and where to.
func (o *Options) statePath() (string, error) {
	if o.StateDir == "" {
		return "", nil
	}
	paths := make([]string, len(o.Paths))
	for i, p := range o.Paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		paths[i] = abs
	}
	slices.Sort(paths)
	text, err := json.Marshal([]any{o.Server, o.Open.Folder, o.Open.Prefix, o.Open.Entry, paths})
	if err != nil {
		return "", err
	}
	return filepath.Join(o.StateDir, fmt.Sprintf("%x.json", sha256.Sum256(text))), nil
}

// loadState returns what is remembered, or, unless it is to be resumed, a new state.
func (o *Options) loadState() (*state, error) {
	path, err := o.statePath()
	if err != nil {
		return nil, err
	}
	s := &state{path: path, Server: o.Server, Files: map[string]known{}}
	if !o.Resume || path == "" {
		return s, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, s); err != nil || s.Files == nil {
		return nil, fmt.Errorf("%s: not the state of an upload; remove it to begin anew: %w", path, err)
	}
	return s, nil
}

// number is the number of a file in the session: the one that it had, as long as it is the same file.
func (s *state) number(src source) uint32 {
	k, ok := s.Files[src.path]
	if !ok || k.Size != src.size || k.Modified != src.modified {
		k = known{s.Next, src.size, src.modified}
		s.Next++
		s.Files[src.path] = k
	}
	return k.Number
}

// save writes the state, at once or not at all.
func (s *state) save() error {
	if s.path == "" {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(s.path), "new-*") // another upload of the same may run
	if err != nil {
		return err
	}
	_, err = temp.Write(b)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// forget removes the state of a session that ended.
func (s *state) forget() error {
	s.Session, s.Token, s.Next, s.Files = "", "", 0, map[string]known{}
	if s.path == "" {
		return nil
	}
	if err := os.Remove(s.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
