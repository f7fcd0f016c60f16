package tus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/dropfolder"
	"sluice/ingest/upload"
	"sluice/internal/fault"
	"sluice/storage"
)

// Bounds of paths in drop folders.
const (
	maxPath  = 4096
	maxDepth = 32
)

// place is where a file goes in a drop folder.
type place struct {
	folder catalog.DropFolder
	rel    string
}

// placeOf finds a local drop folder of the sender's account by its id, and checks the path. Folders are for sessions that may do
// everything in their account.
func (s *Server) placeOf(ctx context.Context, who Sender, folder, rel string) (place, error) {
	id, err := strconv.ParseInt(folder, 10, 64)
	missing := &Refusal{http.StatusNotFound, "ERR_FOLDER", "there is no local drop folder " + strconv.Quote(folder)}
	if err != nil {
		return place{}, missing
	}
	if !who.All {
		return place{}, &Refusal{http.StatusForbidden, "ERR_FOLDER", "drop folders take files of administrators' sessions"}
	}
	f, err := s.cfg.Catalog.DropFolder(ctx, who.Account, catalog.DropFolderID(id))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && (!f.Local() || !f.Watched()) {
		return place{}, missing
	}
	if err != nil {
		return place{}, err
	}
	return place{f, rel}, checkRel(rel)
}

func checkRel(rel string) error {
	if len(rel) > maxPath || strings.Count(rel, "/") >= maxDepth {
		return fmt.Errorf("%w: the path is longer than %d bytes or deeper than %d folders", ingest.ErrName, maxPath, maxDepth)
	}
	for name := range strings.SplitSeq(rel, "/") {
		if err := ingest.CheckName(name); err != nil {
			return err
		}
	}
	return nil
}

// temporary is a file in a folder's parts.
func temporary(name string) string { return path.Join(dropfolder.Parts, name) }

// publish gives a complete file of the folder's parts its name; with fresh, only if no other has it.
func publish(root *os.Root, from, rel string, fresh bool) error {
	dir := path.Dir(rel)
	if dir != "." {
		if err := root.MkdirAll(dir, 0o770); err != nil {
			return err
		}
	}
	if !fresh {
		if err := root.Rename(from, rel); err != nil {
			return err
		}
	} else if err := root.Link(from, rel); err != nil {
		return err
	} else if err := root.Remove(from); err != nil {
		return err
	}
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// tell says that a file is complete. It is a hint: what nobody told of is found by the sweep.
func (s *Server) tell(ctx context.Context, p place, size int64) {
	if s.cfg.Transfers == nil {
		return
	}
	if err := s.cfg.Transfers.Uploaded(ctx, p.folder.ID, p.rel, size, "tus"); err != nil {
		s.cfg.Logger.Warn("drop folder not told of a file", "folder", p.folder.ID, "file", p.rel, "error", err)
	}
}

// staleAfter is older than any PUT can be that still writes.
const staleAfter = 24 * time.Hour

const putPrefix = "put-"

// Put returns the handler of PUT …/{folder}/{path...}: the body becomes a file of a local drop folder when it is whole, and not
// before. Repr-Digest, Digest and Content-MD5 are checked; If-None-Match: * keeps a file that is there.
func (s *Server) Put() http.Handler { return s.plain(wayPut, s.put) }

func (s *Server) put(q *request, w http.ResponseWriter, r *http.Request) (Received, error) {
	got, err := s.putFile(q, w, r)
	files.WithLabelValues(wayPut, outcome(got, err)).Inc()
	return got, err
}

func (s *Server) putFile(q *request, w http.ResponseWriter, r *http.Request) (Received, error) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", "PUT, OPTIONS")
		return Received{}, &Refusal{http.StatusMethodNotAllowed, "ERR_METHOD", r.Method + " is not possible here"}
	}
	var err error
	if q.sender, err = s.cfg.Auth(r, ""); err != nil {
		return Received{}, err
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return Received{}, &Refusal{http.StatusUnsupportedMediaType, "ERR_CONTENT_ENCODING", "files are taken as they are, without an encoding"}
	}
	p, err := s.placeOf(r.Context(), q.sender, r.PathValue("folder"), r.PathValue("path"))
	if err != nil {
		return Received{}, err
	}
	if limit := s.cfg.Engine.Limit(); r.ContentLength > limit {
		return Received{}, &Refusal{http.StatusRequestEntityTooLarge, "ERR_MAX_SIZE_EXCEEDED", fmt.Sprintf("files may have %d bytes", limit)}
	}
	known, err := digestsOf(r.Header)
	if err != nil {
		return Received{}, err
	}
	if s.cfg.Engine.Admit != nil {
		if err := s.cfg.Engine.Admit(max(r.ContentLength, 0)); err != nil {
			return Received{}, err
		}
	}
	fresh := r.Header.Get("If-None-Match") == "*"
	root, err := dropfolder.Root(p.folder.Path)
	if err != nil {
		return Received{}, fmt.Errorf("drop folder %d: %w", p.folder.ID, err)
	}
	defer root.Close()
	exists := &Refusal{http.StatusPreconditionFailed, "ERR_EXISTS", "there is a file of this name"}
	if _, err := root.Lstat(p.rel); fresh && err == nil {
		return Received{}, exists
	}
	f := file{way: wayPut, size: r.ContentLength, body: silence(w, r.Body), digests: func() ([]digest, error) { return known, nil }}
	got, err := s.putInto(r.Context(), root, q, p, f, fresh)
	if errors.Is(err, fs.ErrExist) {
		err = exists
	}
	return got, err
}

// putInto writes a body to the folder's parts and gives it its name.
func (s *Server) putInto(ctx context.Context, root *os.Root, q *request, p place, f file, fresh bool) (Received, error) {
	if err := root.MkdirAll(dropfolder.Parts, 0o770); err != nil {
		return Received{}, err
	}
	sweepParts(root)
	name := temporary(putPrefix + rand.Text())
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return Received{}, err
	}
	defer func() { _ = root.Remove(name) }() // gone already when it was published
	got, err := s.write(ctx, out, q, f)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			err = fmt.Errorf("%w: %w", storage.ErrFull, err)
		}
		return got, err
	}
	fault.Point("put.written")
	if err := publish(root, name, p.rel, fresh); err != nil && !errors.Is(err, fs.ErrExist) {
		// A link that leads out of the folder, or a file where the path has a folder.
		return got, errors.Join(&Refusal{http.StatusConflict, "ERR_PATH", "the folder cannot have a file at this path"}, err)
	} else if err != nil {
		return got, err
	}
	fault.Point("put.published")
	got.Folder, got.Path = strconv.FormatInt(int64(p.folder.ID), 10), p.rel
	s.tell(context.WithoutCancel(ctx), p, got.Size)
	return got, nil
}

// write copies a body to a file and says what it was.
func (s *Server) write(ctx context.Context, out *os.File, q *request, f file) (Received, error) {
	body, err := s.checked(ctx, q.sender.Account, f)
	if err != nil {
		return Received{}, err
	}
	src, err := upload.Look(body)
	if err != nil {
		return Received{}, err
	}
	limit := s.cfg.Engine.Limit()
	n, err := io.Copy(out, io.LimitReader(src, limit+1))
	if err != nil && body.body.err == nil {
		return Received{}, err
	}
	if n > limit {
		return Received{}, fmt.Errorf("%w: it has more than %d bytes", upload.ErrTooLarge, limit)
	}
	return body.verdict()
}

// sweepParts removes what requests left that ended with their process.
func sweepParts(root *os.Root) {
	d, err := root.Open(dropfolder.Parts)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, n := range names {
		if st, err := root.Lstat(temporary(n)); err == nil && strings.HasPrefix(n, putPrefix) && time.Since(st.ModTime()) > staleAfter {
			_ = root.Remove(temporary(n))
		}
	}
}
