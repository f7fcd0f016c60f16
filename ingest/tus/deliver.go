package tus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/ingest/upload"
	"sluice/internal/fault"
)

// carrierFolder is the carrier of uploads that become files of drop folders.
const carrierFolder = "tus-folder"

// into says which file of a drop folder an upload becomes, if its metadata asks for one.
func (s *Server) into(ctx context.Context, who Sender, meta map[string]string, st *state) error {
	if meta["dropFolderId"] == "" {
		return nil
	}
	rel := meta["path"]
	if rel == "" {
		rel = fileName(meta)
	}
	p, err := s.placeOf(ctx, who, meta["dropFolderId"], rel)
	if err != nil {
		return err
	}
	st.Folder, st.Path = p.folder.ID, p.rel
	if s.cfg.Transfers != nil {
		if err := s.cfg.Transfers.Detected(ctx, st.Folder, st.Path, "tus"); err != nil {
			s.cfg.Logger.Warn("drop folder not told of an upload", "folder", st.Folder, "file", st.Path, "error", err)
		}
	}
	return nil
}

// deliver makes a complete upload the file of a drop folder that it is meant to be. It goes on where a process that died left it.
func (s *Server) deliver(ctx context.Context, t catalog.UploadToken, st state) error {
	if st.Folder == 0 || t.Status != catalog.UploadFull {
		return nil
	}
	l, err := locker{s.cfg.Redis}.try(ctx, "deliver-"+string(t.ID), func() {})
	if errors.Is(err, handler.ErrFileLocked) {
		return nil // another request does it
	}
	if err != nil {
		return err
	}
	defer l.Unlock() //nolint:errcheck // it ends by itself
	f, err := s.cfg.Catalog.DropFolderByID(ctx, st.Folder)
	if err != nil {
		return err
	}
	root, err := dropfolder.Root(f.Path)
	if err != nil {
		return fmt.Errorf("drop folder %d: %w", f.ID, err)
	}
	defer root.Close()
	if err := s.verify(ctx, t, st); err != nil {
		return err
	}
	name := "tus-" + string(t.ID)
	if err := s.bring(root, s.cfg.Engine.Path(t), name); err != nil {
		return fmt.Errorf("drop folder %d: %w", f.ID, err)
	}
	fault.Point("tus.brought")
	// What is in neither place has its name already.
	if err := publish(root, temporary(name), st.Path, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop folder %d: %w", f.ID, err)
	}
	fault.Point("tus.published")
	s.tell(ctx, place{f, st.Path}, t.Extents.Total())
	fault.Point("tus.told")
	return s.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		err := upload.Use(ctx, tx, t.Account, t.ID, "dropFolder", strconv.FormatInt(int64(f.ID), 10))
		if errors.Is(err, upload.ErrState) {
			return nil
		}
		return err
	})
}

// verify compares a complete upload, unless it left its place already, with the checksum that its sender told. One of other bytes is
// given up.
func (s *Server) verify(ctx context.Context, t catalog.UploadToken, st state) error {
	known, err := digestOfField(st.Meta["sha256"])
	if err != nil || known == nil {
		return err
	}
	f, err := os.Open(s.cfg.Engine.Path(t))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	wrong := check(known, hex.EncodeToString(sum.Sum(nil)), nil)
	if wrong == nil {
		return nil
	}
	if err := s.cfg.Engine.Delete(ctx, t.Account, t.ID); err != nil {
		return err
	}
	if s.cfg.Transfers != nil {
		err = s.cfg.Transfers.Aborted(ctx, st.Folder, st.Path)
	}
	return errors.Join(wrong, err)
}

// bring moves a file, if it is there, into the parts of a folder: by its name where the file system allows.
func (s *Server) bring(root *os.Root, path, name string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := root.MkdirAll(dropfolder.Parts, 0o770); err != nil {
		return err
	}
	parts, err := root.Open(dropfolder.Parts)
	if err != nil {
		return err
	}
	defer parts.Close()
	err = unix.Renameat(unix.AT_FDCWD, path, int(parts.Fd()), name)
	if !errors.Is(err, unix.EXDEV) {
		return errors.Join(err, parts.Sync())
	}
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := root.OpenFile(temporary(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o660)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if err := errors.Join(err, dst.Close(), parts.Sync()); err != nil {
		return err
	}
	return os.Remove(path)
}
