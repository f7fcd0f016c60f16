package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"sluice/catalog"
)

// partsDir holds what is not whole yet, inside a folder.
const partsDir = ".sluice-parts"

// Kinds of rest of a transfer.
const (
	// resting: it is under way, or its client was lost.
	resting = ""
	// closed: its client ended it, and nothing tells whether the end was the file's.
	closed = "closed"
	// whole: it is only to be renamed.
	whole = "whole"
)

// record is what is known of an unfinished file, beside its bytes.
type record struct {
	Path    string          `json:"path"` // inside the folder
	User    string          `json:"user"`
	By      string          `json:"by"` // the protocol
	State   string          `json:"state,omitempty"`
	Extents catalog.Extents `json:"extents,omitempty"` // what is durably here
	Begun   time.Time       `json:"begun"`
	Changed time.Time       `json:"changed"`
	// ModTime is what the client wants the file to have.
	ModTime time.Time `json:"mod_time,omitzero"`
	// GivenUp says that the folder was told that it will not come; its bytes are kept for a while more.
	GivenUp bool `json:"given_up,omitempty"`
}

// Ends of the names of a part's two files.
const (
	dataEnd   = ".part"
	recordEnd = ".json"
)

// partName returns the path of a part's files, without their ends. Those of one folder begin alike, so that a listing finds them.
func partName(rel string) string {
	return partsDir + "/" + partPrefix(path.Dir(rel)) + shortHash(path.Base(rel), 16)
}

func partPrefix(dir string) string { return "gw-" + shortHash(dir, 8) + "-" }

func shortHash(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:n])
}

// readRecord returns what is known of a part; fs.ErrNotExist when there is none.
func readRecord(root *os.Root, name string) (record, error) {
	var r record
	b, err := root.ReadFile(name + recordEnd)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, &fs.PathError{Op: "read", Path: name + recordEnd, Err: err}
	}
	return r, nil
}

// writeRecord replaces a part's record; what it tells of must be durable before.
func writeRecord(root *os.Root, name string, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp := name + recordEnd + ".tmp"
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return root.Rename(tmp, name+recordEnd)
}

// removePart removes a part's bytes and its record, in the order in which a crash between them leaves nothing to resume.
func removePart(root *os.Root, name string) error {
	return errors.Join(absent(root.Remove(name+recordEnd)), absent(root.Remove(name+dataEnd)))
}

func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// records calls fn for each record of a folder whose name begins with the prefix. What cannot be read is passed over.
func records(root *os.Root, prefix string, fn func(name string, r record) error) error {
	dir, err := root.Open(partsDir)
	if err != nil {
		return absent(err)
	}
	defer dir.Close()
	for {
		list, err := dir.ReadDir(1024)
		for _, e := range list {
			base, ok := strings.CutSuffix(e.Name(), recordEnd)
			if !ok || !strings.HasPrefix(base, prefix) {
				continue
			}
			name := partsDir + "/" + base
			r, err := readRecord(root, name)
			if err != nil || partName(r.Path) != name {
				continue
			}
			if err := fn(name, r); err != nil {
				return err
			}
		}
		if len(list) == 0 || err != nil {
			return nil
		}
	}
}

// syncDir makes renames inside a folder of the root durable.
func syncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
