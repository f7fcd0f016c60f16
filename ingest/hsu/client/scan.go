package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// source is a file to send.
type source struct {
	file     string // on this machine
	path     string // as the server sees it, with slashes
	size     int64
	modified int64 // Unix nanoseconds
}

// inFlight are endings of names that programs give to files they have not finished.
var inFlight = []string{
	".filepart", ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".aspx", ".aspera-ckpt", ".upload", ".uploading",
	".incomplete", ".!ut", "~", ".cache",
}

// scan finds the files of the options' paths, in a stable order. A folder's files have its name in front, unless its path ends
// with a slash or a dot.
func (o *Options) scan() ([]source, error) {
	var out []source
	seen := map[string]string{}
	for _, arg := range o.Paths {
		st, err := os.Stat(arg)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
		add := func(file, name string, st fs.FileInfo) error {
			if other, twice := seen[name]; twice {
				return fmt.Errorf("%w: %s and %s have the same path for the server: %s", ErrUsage, other, file, name)
			}
			seen[name] = file
			out = append(out, source{file, name, st.Size(), st.ModTime().UnixNano()})
			return nil
		}
		switch {
		case st.Mode().IsRegular():
			err = add(arg, filepath.Base(arg), st)
		case !st.IsDir():
			err = fmt.Errorf("%w: %s is neither a file nor a folder", ErrUsage, arg)
		case !o.Recursive:
			err = fmt.Errorf("%w: %s is a folder: folders need -r", ErrUsage, arg)
		default:
			err = o.walk(arg, add)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o *Options) walk(root string, add func(file, name string, st fs.FileInfo) error) error {
	front := filepath.Base(filepath.Clean(root))
	if last := root[len(root)-1]; os.IsPathSeparator(last) || front == "." || front == ".." || front == string(filepath.Separator) {
		front = ""
	}
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && file != root { // it went while we looked
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name := path.Join(front, filepath.ToSlash(rel))
		if file != root && o.excluded(d.Name(), filepath.ToSlash(rel)) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return add(file, name, st)
	})
}

// excluded says whether a file or folder is left out: hidden ones, names in flight, and those of the options.
func (o *Options) excluded(name, rel string) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	lower := strings.ToLower(name)
	for _, ending := range inFlight {
		if strings.HasSuffix(lower, ending) && !o.Growing {
			return true
		}
	}
	for _, glob := range o.Exclude {
		for _, s := range []string{name, rel} {
			if ok, _ := path.Match(glob, s); ok { // the globs were checked
				return true
			}
		}
	}
	return false
}
