package dropfolder

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/catalog"
)

// ErrPath says that a local folder cannot be where it is asked for.
var ErrPath = errors.New("not a place for a drop folder")

// Roots are the directories that local drop folders may be in: "PATH", in which every account has the directory named by its id, or
// "ACCOUNT=PATH", which is one account's own.
type Roots []string

// Resolve makes the path of a local folder absolute: a relative one is below the account's first root. Others than below one of the
// account's roots are ErrPath.
func (r Roots) Resolve(account catalog.AccountID, path string) (string, error) {
	path = strings.TrimSpace(path)
	if path == "" || strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("%w: there is no path", ErrPath)
	}
	for _, root := range r {
		own, ok := ownRoot(root, account)
		if !ok {
			continue
		}
		abs := filepath.Clean(path)
		if !filepath.IsAbs(abs) {
			abs = filepath.Join(own, abs)
		}
		if abs == own || strings.HasPrefix(abs, own+"/") {
			return abs, nil
		}
	}
	return "", fmt.Errorf("%w: %q is not below a directory that the server allows account %d (dropfolder.roots)", ErrPath, path, account)
}

// ownRoot is the account's part of a root.
func ownRoot(root string, account catalog.AccountID) (string, bool) {
	id := strconv.FormatInt(int64(account), 10)
	if owner, dir, owned := strings.Cut(root, "="); owned {
		return filepath.Clean(dir), owner == id
	}
	return filepath.Join(root, id), true
}
