package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/storage"
)

// archivesDir is the directory at the top of a local folder in which archives are expanded, a directory each: DELIVERY.part until all
// members are on disk, then DELIVERY, out of which they are renamed to their places one by one.
const archivesDir = ".sluice-archives"

// planArchive decides about an archive.
func (fo *folder) planArchive(f catalog.DropFolderFile) plan {
	if !fo.f.Options.ExpandArchives || fo.local == nil {
		return refuse(f, Parsed{}, trouble(CodeTypeRefused,
			"%q is an archive, and this folder does not expand them. Send the files themselves, or set expandArchives, then retry.", complete.Shown(f.Path)))
	}
	return plan{job: job{files: []catalog.DropFolderFile{f}, archive: true}, parsed: []Parsed{{}}, event: Taken, to: processing}
}

// enterArchive puts the members of an archive beside it, all or none, each once whatever dies meanwhile.
func (fo *folder) enterArchive(ctx context.Context, f catalog.DropFolderFile) error {
	root, err := fo.local.rooted()
	if err != nil {
		return fo.failArchive(ctx, f, err)
	}
	defer root.Close()
	err = fo.expand(ctx, root, f)
	if err == nil {
		err = fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
			_, err := move(ctx, tx, fo.fence, f, Linked, handled, func(n *catalog.DropFolderFile) {
				n.ImportEnd, n.NextAt = catalog.StampOf(time.Now()), fo.purgeAt(*n)
			})
			return err
		})
	}
	if err != nil {
		return fo.failArchive(ctx, f, err)
	}
	fo.at("entered")
	if err := dropArchive(root, f); err != nil {
		fo.log.Warn("the directory of an expanded archive could not be removed; the next start tries again", "file", complete.Shown(f.Path), "error", err)
	}
	return nil
}

func (fo *folder) failArchive(ctx context.Context, f catalog.DropFolderFile, err error) error {
	return fo.fail(ctx, []taken{{DropFolderFile: f, path: fo.place(f)}}, err)
}

// archiveDir is where a delivery is expanded.
func archiveDir(f catalog.DropFolderFile) string {
	return path.Join(archivesDir, fmt.Sprintf("%d-%s", f.ID, catalog.PathKey(f.Key)[:16]))
}

func (fo *folder) expand(ctx context.Context, root *os.Root, f catalog.DropFolderFile) error {
	whole := archiveDir(f)
	if _, err := root.Stat(whole); errors.Is(err, fs.ErrNotExist) {
		if err := fo.extract(ctx, root, f, whole); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	fo.at("expanded")
	return fo.publish(ctx, root, f, whole)
}

// rooted is the folder as a root out of which no name leads.
func (l *local) rooted() (*os.Root, error) {
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return nil, err
	}
	ours, err := l.root.Stat()
	if err == nil {
		var theirs os.FileInfo
		if theirs, err = root.Stat("."); err == nil && !os.SameFile(ours, theirs) {
			err = fmt.Errorf("%w: the folder is another one now", storage.ErrChanged)
		}
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// extract writes all members below a directory that has its name when they are on disk.
func (fo *folder) extract(ctx context.Context, root *os.Root, f catalog.DropFolderFile, whole string) error {
	src, err := fo.local.openFile(f.Path)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := unchanged(src, f); err != nil {
		return err
	}
	part := whole + ".part"
	if err := errors.Join(root.RemoveAll(part), root.MkdirAll(part, 0o770)); err != nil {
		return err
	}
	err = newArchive(f.Path, f.Size, fo.f.Options.Flat).each(src, f.Size, func(m member) error { return fo.writeMember(ctx, root, part, f, m) })
	if err == nil {
		err = unchanged(src, f)
	}
	if err == nil {
		err = syncAll(root)
	}
	if err == nil {
		err = root.Rename(part, whole)
	}
	if err != nil {
		return errors.Join(err, root.RemoveAll(part))
	}
	return syncAll(root)
}

// writeMember writes one file of an archive.
func (fo *folder) writeMember(ctx context.Context, root *os.Root, part string, f catalog.DropFolderFile, m member) error {
	a := archive{rel: f.Path}
	if err := fo.admit(m.size); err != nil {
		return err
	}
	to := path.Join(part, m.name)
	if err := root.MkdirAll(path.Dir(to), 0o770); err != nil {
		return misplaced(&a, m.name, err)
	}
	w, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return misplaced(&a, m.name, err)
	}
	src := &reading{ctx: ctx, r: m.Reader}
	n, err := io.Copy(w, io.LimitReader(src, m.size+1))
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case src.err != nil:
		err = a.unreadable(src.err)
	case err == nil && n != m.size:
		err = a.trouble(CodeTooLarge, "%q in it has another size than it says.", m.name)
	}
	return errors.Join(err, w.Close())
}

// misplaced says why a member has no place: another one has it.
func misplaced(a *archive, name string, err error) error {
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EISDIR) {
		return a.trouble(CodeName, "%q is in it twice, or is a file and a folder.", name)
	}
	return err
}

// reading ends with its context, and remembers that reading failed.
type reading struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// syncAll brings what was written to disk; one call for all files costs less than one each.
func syncAll(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}

// publish renames the members that are left to their places.
func (fo *folder) publish(ctx context.Context, root *os.Root, f catalog.DropFolderFile, whole string) error {
	err := fs.WalkDir(root.FS(), whole, func(at string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || e.IsDir() {
			return err
		}
		to := beside(f.Path, strings.TrimPrefix(at, whole+"/"))
		if err := root.MkdirAll(path.Dir(to), 0o770); err != nil {
			return misplaced(&archive{rel: f.Path}, to, err)
		}
		if err := root.Rename(at, to); err != nil {
			return misplaced(&archive{rel: f.Path}, to, err)
		}
		fo.at("published")
		return nil
	})
	if err != nil {
		return err
	}
	return syncAll(root)
}

// dropArchive removes the directory that an archive was expanded in.
func dropArchive(root *os.Root, f catalog.DropFolderFile) error { return root.RemoveAll(archiveDir(f)) }

// sweepArchives removes the directories of archives that no file waits for: their watcher died after the last step.
func (fo *folder) sweepArchives(ctx context.Context) error {
	if fo.local == nil {
		return nil
	}
	root, err := fo.local.rooted()
	if err != nil {
		return err
	}
	defer root.Close()
	names, err := fs.ReadDir(root.FS(), archivesDir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Statuses: statuses{pending, processing}})
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, r := range rows {
		if isArchive(r.Path) && r.Key != "" {
			wanted[path.Base(archiveDir(r))] = true
		}
	}
	for _, n := range names {
		if !wanted[n.Name()] {
			err = errors.Join(err, root.RemoveAll(path.Join(archivesDir, n.Name())))
		}
	}
	return err
}
