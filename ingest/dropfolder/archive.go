package dropfolder

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"sluice/ingest/complete"
)

// Bounds of archives. What is small may be packed as densely as it can be: a packet of documents is no bomb.
const (
	maxMembers = 100_000
	maxRatio   = 100     // of a member, where the archive tells how it is packed
	maxGrowth  = 10      // of all members together
	maxGrown   = 1 << 40 // bytes of all members together
	slightGrow = 64 << 20
	slightFile = 1 << 20
	// maxDirectory bounds the directory of a ZIP file, which is read as a whole.
	maxDirectory = 16 << 20
)

// archiveEnds are the ends of names of archives.
var archiveEnds = []string{".zip", ".tar", ".tar.gz", ".tgz"}

// isArchive says by its name that a file is an archive.
func isArchive(rel string) bool {
	name := strings.ToLower(rel)
	for _, end := range archiveEnds {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// member is a file of an archive, read while it is its turn.
type member struct {
	name string
	size int64 // as the archive announces it
	io.Reader
}

// archive reads the members of an archive one after the other. Its errors are Troubles.
type archive struct {
	rel  string // the archive, for sentences
	flat bool   // the folder has no sub-folders
	// most is what all members may have together.
	most, sum int64
	count     int
}

func newArchive(rel string, size int64, flat bool) *archive {
	return &archive{rel: rel, flat: flat, most: min(max(size*maxGrowth, slightGrow), maxGrown)}
}

// each calls fn with every file that is to come in.
func (a *archive) each(r *os.File, size int64, fn func(m member) error) error {
	var magic [2]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil {
		return a.unreadable(err)
	}
	switch {
	case string(magic[:]) == "PK":
		return a.zip(r, size, fn)
	case magic == [2]byte{0x1f, 0x8b}:
		z, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<20))
		if err != nil {
			return a.unreadable(err)
		}
		return a.tar(z, fn)
	}
	return a.tar(bufio.NewReaderSize(r, 1<<20), fn)
}

// bounded fails when more is read of a file than left allows, unless that is negative.
type bounded struct {
	io.ReaderAt
	left int64
}

var errDirectory = errors.New("its directory is too long")

func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, errDirectory
		}
	}
	return b.ReaderAt.ReadAt(p, at)
}

func (a *archive) zip(r io.ReaderAt, size int64, fn func(m member) error) error {
	src := &bounded{ReaderAt: r, left: maxDirectory}
	z, err := zip.NewReader(src, size)
	if errors.Is(err, errDirectory) {
		return a.tooMany()
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked one by one
		return a.unreadable(err)
	}
	src.left = -1
	for _, f := range z.File {
		const encrypted = 1
		packed := max(f.CompressedSize64, 1)
		switch {
		case f.Flags&encrypted != 0:
			return a.trouble(CodeTypeRefused, "%q in it needs a password.", f.Name)
		case f.UncompressedSize64 > slightFile && f.UncompressedSize64/packed > maxRatio:
			return a.trouble(CodeTooLarge, "%q in it is packed more than %d times.", f.Name, maxRatio)
		}
		wanted, err := a.take(f.Name, f.Mode(), f.UncompressedSize64)
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if err := a.unpack(f, fn); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) unpack(f *zip.File, fn func(m member) error) error {
	r, err := f.Open()
	if err != nil {
		return a.unreadable(err)
	}
	err = fn(member{plainName(f.Name), int64(f.UncompressedSize64), r}) //nolint:gosec // take bounded it
	return errors.Join(err, r.Close())
}

func (a *archive) tar(r io.Reader, fn func(m member) error) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			if a.count == 0 {
				return a.trouble(CodeEmpty, "There is nothing in it.")
			}
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return a.unreadable(err)
		case h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
			return a.trouble(CodeNotRegular, "%q in it is no regular file.", h.Name)
		}
		mode := fs.FileMode(0)
		if h.Typeflag == tar.TypeDir {
			mode = fs.ModeDir
		}
		wanted, err := a.take(h.Name, mode, uint64(max(h.Size, 0)))
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if err := fn(member{plainName(h.Name), h.Size, t}); err != nil {
			return err
		}
	}
}

// plainName is a member's name without what means nothing.
func plainName(name string) string { return strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/") }

// take counts a member, and says whether it is to come in: directories come with their files, and hidden files do not. A member that
// may not be there refuses the archive, of which nothing is used then.
func (a *archive) take(name string, mode fs.FileMode, size uint64) (bool, error) {
	rel := plainName(name)
	if a.count++; a.count > maxMembers {
		return false, a.tooMany()
	}
	switch {
	case !utf8.ValidString(rel):
		return false, a.trouble(CodeNotUTF8, "The name %q in it is not UTF-8.", complete.Shown(rel))
	case mode.IsDir() && (rel == "" || rel == "."):
		return false, nil
	case !fs.ValidPath(rel):
		return false, a.trouble(CodeName, "The name %q in it leads elsewhere.", name)
	case checkName(rel) != "" || strings.Count(rel, "/") >= maxDepth:
		return false, a.trouble(checkName(rel), "The name %q in it may not be.", complete.Shown(rel))
	case mode.IsDir():
		return false, nil
	case !mode.IsRegular():
		return false, a.trouble(CodeNotRegular, "%q in it is no regular file.", name)
	case hiddenWithin(rel):
		return false, nil
	case isArchive(rel):
		return false, a.trouble(CodeTypeRefused, "%q in it is an archive itself: archives are expanded once.", name)
	case inFlight(rel):
		return false, a.trouble(CodeName, "The name %q in it is one of files that are not complete.", name)
	case a.flat && strings.Contains(rel, "/"):
		return false, a.trouble(CodeName, "%q in it is in a sub-folder, which this folder does not have.", name)
	case size > uint64(a.most-a.sum):
		return false, a.trouble(CodeTooLarge, "It expands to more than %d bytes.", a.most)
	}
	a.sum += int64(size) //nolint:gosec // it is at most most
	return true, nil
}

// hiddenWithin says that a file, or a folder that it is in, is hidden, or what macOS puts beside files.
func hiddenWithin(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		if complete.Hidden(part) || part == "__MACOSX" {
			return true
		}
	}
	return false
}

func (a *archive) tooMany() error {
	return a.trouble(CodeTooLarge, "It has more than %d files, or their names are too long together.", maxMembers)
}

func (a *archive) unreadable(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err // the disk's fault, not the archive's
	}
	return a.trouble(CodeMediaUnreadble, "It cannot be read as an archive: %v.", err)
}

// trouble says what is wrong with the archive.
func (a *archive) trouble(code Code, text string, args ...any) error {
	if code == "" {
		code = CodeName
	}
	return trouble(code, "%q is not expanded, and nothing of it is used. %s Correct it and send it again.", complete.Shown(a.rel), fmt.Sprintf(text, args...))
}

// beside is the path of a member, which comes as if the archive had been unpacked where it lies.
func beside(archive, name string) string { return path.Join(path.Dir(archive), name) }
