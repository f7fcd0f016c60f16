package manifest

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/blake3"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
)

// source finds the content that a resource names. Without it, the item has a problem more.
func (a *applier) source(ctx context.Context, it *Item, p *plan, res *Node) (content.Source, error) {
	switch res.Name() {
	case "dropFolderFileContentResource":
		return a.folderFile(ctx, it, res)
	case "serverFileContentResource":
		return a.serverFile(ctx, it, res)
	case "urlContentResource":
		if err := fetch.Check(res.text("url"), nil); err != nil {
			it.wrong(res, codeInvalid, "URL %s: %v", fetch.Redact(res.text("url")), err)
			return nil, nil
		}
		return content.URL{URL: res.text("url")}, a.reach(ctx, it, res, res.text("url"))
	case "sshUrlContentResource":
		keyed, err := fetch.WithKey(res.text("url"), res.text("privateKey"), res.text("keyPassphrase"))
		if err == nil {
			err = fetch.Check(keyed, nil)
		}
		if err != nil {
			it.wrong(res, codeInvalid, "URL %s: %v", fetch.Redact(res.text("url")), err)
			return nil, nil
		}
		return content.URL{URL: keyed}, a.reach(ctx, it, res, keyed)
	case "entryContentResource":
		return a.entryContent(ctx, it, p, res)
	case "assetContentResource":
		as, err := a.Catalog.Asset(ctx, catalog.AssetID(res.text("assetId")))
		if errors.Is(err, catalog.ErrNotFound) || err == nil && (as.Account != a.job.Account || as.Status != catalog.AssetReady) {
			it.wrong(res, codeInvalid, "there is no asset %q that is ready", res.text("assetId"))
			return nil, nil
		}
		return content.Asset{ID: as.ID}, err
	}
	it.wrong(res, codeAction, "%s is not supported here", res.Name())
	return nil, nil
}

// reach asks, in a rehearsal, whether the file at a URL is there.
func (a *applier) reach(ctx context.Context, it *Item, res *Node, url string) error {
	if !a.rehearsal || a.Reach == nil {
		return nil
	}
	err := a.Reach(ctx, fetch.Request{URL: url})
	var failed *fetch.Error
	if errors.As(err, &failed) {
		it.wrong(res, codeRemote, "URL %s: %s", failed.URL, failed.UserText())
		return nil
	}
	return err
}

func (a *applier) entryContent(ctx context.Context, it *Item, p *plan, res *Node) (content.Source, error) {
	e, err := a.names.entry(ctx, res.text("entryId"))
	if errors.Is(err, errAbsent) {
		it.wrong(res, codeInvalid, "there is no entry %q", res.text("entryId"))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if e.Status != catalog.EntryReady {
		it.wrong(res, codeInvalid, "entry %s is not ready to be copied from", e.ID)
		return nil, nil
	}
	params, err := a.params(ctx, it, p, res, "flavorParamsId", "flavorParams")
	return content.Entry{ID: e.ID, Params: params}, err
}

// params is the id of the flavor parameters that a node names; 0, the source, when it names none.
func (a *applier) params(ctx context.Context, it *Item, p *plan, n *Node, byID, byName string) (int64, error) {
	id, name := n.text(byID), n.text(byName)
	if id == "" && name == "" || id == "0" {
		return 0, nil
	}
	found, err := a.names.flavor(ctx, id, name, p.entry.ConversionProfile)
	if errors.Is(err, errAbsent) {
		it.wrong(n, codeInvalid, "there are no flavor params %q", id+name)
		return 0, nil
	}
	return found, err
}

// folderFile is a file of the job's drop folder.
func (a *applier) folderFile(ctx context.Context, it *Item, res *Node) (content.Source, error) {
	ref := res.reference()
	switch {
	case a.Files == nil || a.job.Folder == 0:
		it.wrong(res, codeFile, "file %q: the document did not come by a drop folder", ref.Path)
		return nil, nil
	case !filepath.IsLocal(ref.Path) || strings.ContainsAny(ref.Path, "\\\x00"):
		it.wrong(res, codeFile, "file %q does not lie in the drop folder", ref.Path)
		return nil, nil
	}
	src, err := a.Files(ctx, a.job.Folder, ref.Path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("it is not there")
		}
		it.wrong(res, codeFile, "file %q of the drop folder: %v", ref.Path, err)
		return nil, nil
	}
	return src, a.verify(ctx, it, res, ref, src)
}

// serverFile is a file of this machine, when that lies under a configured root.
func (a *applier) serverFile(ctx context.Context, it *Item, res *Node) (content.Source, error) {
	ref := res.reference()
	for _, dir := range a.Roots {
		rel, err := filepath.Rel(dir, ref.Path)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			it.wrong(res, codeFile, "server file %q: %v", ref.Path, err)
			return nil, nil
		}
		st, err := root.Stat(rel) // follows no link out of the root
		root.Close()
		if plain := err == nil && st.Mode().IsRegular(); !plain {
			it.wrong(res, codeFile, "server file %q is not there, or is no plain file", ref.Path)
			return nil, nil
		}
		src := content.File{Path: filepath.Join(dir, rel)}
		return src, a.verify(ctx, it, res, ref, src)
	}
	it.wrong(res, codeFile, "server file %q does not lie under a root that the server allows", ref.Path)
	return nil, nil
}

// hashes are the algorithms that documents give checksums by.
var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New,
	"xxh64":  func() hash.Hash { return xxhash.New() },
	"blake3": func() hash.Hash { return blake3.New() },
}

// verify holds a file that is here against what the document says of it. What comes from elsewhere is not read twice.
func (a *applier) verify(ctx context.Context, it *Item, res *Node, ref Reference, src content.Source) error {
	var open func() (io.ReadCloser, error)
	switch src := src.(type) {
	case content.File:
		open = func() (io.ReadCloser, error) { return os.Open(src.Path) }
		st, err := os.Stat(src.Path)
		if err != nil {
			it.wrong(res, codeFile, "file %q: %v", ref.Path, err)
			return nil
		}
		if ref.Size >= 0 && st.Size() != ref.Size {
			it.wrong(res, codeFileSize, "file %q has %d bytes, the document says %d", ref.Path, st.Size(), ref.Size)
			return nil
		}
	case content.Stream:
		open = src.Open
	}
	if ref.Checksum == "" || open == nil {
		return nil
	}
	sum, err := checksum(ctx, ref.Sum, open)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		it.wrong(res, codeFile, "file %q: %v", ref.Path, err)
		return nil
	}
	if sum != ref.Checksum {
		it.wrong(res, codeChecksum, "file %q has the %s %s, the document says %s", ref.Path, ref.Sum, sum, ref.Checksum)
	}
	return nil
}

// checksum reads all there is.
func checksum(ctx context.Context, algorithm string, open func() (io.ReadCloser, error)) (string, error) {
	fresh, ok := hashes[algorithm]
	if !ok {
		return "", fmt.Errorf("there is no checksum %q", algorithm)
	}
	r, err := open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := fresh()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := r.Read(buf)
		_, _ = h.Write(buf[:n]) // a hash never fails
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
