package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"time"

	"sluice/ingest/dropfolder"
)

// maxDepth bounds how deep a tree is followed.
const maxDepth = 32

// Entry is what a directory has under a name. What is neither a file nor a directory is neither.
type Entry struct {
	Name    string
	File    bool
	Dir     bool
	Size    int64
	ModTime time.Time
}

// Walk lists a tree directory by directory, as Store.List wants it. ReadDir lists one, whose path is relative to the folder and ""
// at its top; one that is gone meanwhile is fs.ErrNotExist. Names that no file can have are left out and logged.
func Walk(ctx context.Context, flat bool, log *slog.Logger, readDir func(ctx context.Context, dir string) ([]Entry, error), each func([]dropfolder.File) error) error {
	batch := make([]dropfolder.File, 0, dropfolder.ListBatch)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := each(batch)
		batch = batch[:0]
		return err
	}
	bad, example := 0, ""
	for dirs := []string{""}; len(dirs) > 0; {
		dir := dirs[len(dirs)-1]
		dirs = dirs[:len(dirs)-1]
		if err := ctx.Err(); err != nil {
			return err
		}
		list, err := readDir(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) && dir != "" {
			continue
		}
		if err != nil {
			return fmt.Errorf("list %q: %w", "/"+dir, err)
		}
		for _, e := range list {
			if e.Name == "." || e.Name == ".." || strings.HasPrefix(e.Name, ".sluice-") {
				continue
			}
			if !ValidName(e.Name) {
				bad, example = bad+1, e.Name
				continue
			}
			rel := path.Join(dir, e.Name)
			switch {
			case e.Dir && !flat && strings.Count(rel, "/") < maxDepth-1:
				dirs = append(dirs, rel)
			case e.File:
				if batch = append(batch, dropfolder.File{Path: rel, Size: e.Size, ModTime: e.ModTime}); len(batch) == cap(batch) {
					if err := flush(); err != nil {
						return err
					}
				}
			}
		}
	}
	if bad > 0 && log != nil {
		log.Warn("drop folder: the server lists names that no file can have", "count", bad, "example", fmt.Sprintf("%.100q", example))
	}
	return flush()
}

// ValidName says whether a server's name can be one of a path: no way out of the folder, and nothing that ends a command.
func ValidName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\x00\r\n")
}

// ValidPath says whether a path lies below the folder.
func ValidPath(rel string) bool {
	if len(rel) > 4096 {
		return false
	}
	for part := range strings.SplitSeq(rel, "/") {
		if !ValidName(part) {
			return false
		}
	}
	return true
}
