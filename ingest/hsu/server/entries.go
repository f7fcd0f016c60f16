package server

import (
	"context"
	"errors"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/hsu"
	"sluice/ingest/upload"
)

// entries makes files the content of entries: each file is an upload token that the entry waits for.
type entries struct {
	server   *Server
	transfer catalog.Transfer
	spec     spec
}

func (d *entries) allows(f hsu.File) error {
	if d.spec.Entry != "" && f.Number != 0 {
		return invalid("an entry takes one file")
	}
	if f.Size == 0 {
		return invalid("%q is empty", f.Path)
	}
	return nil
}

// place makes the file's token, and chooses the id of the entry that it will be.
func (d *entries) place(ctx context.Context, row catalog.TransferFile) (catalog.TransferFile, error) {
	if row.Token == "" {
		t, err := d.server.cfg.Uploads.Add(ctx, catalog.UploadToken{
			Account: d.transfer.Account, User: d.transfer.User, FileName: path.Base(row.Path), FileSize: max(row.Size, 0),
		})
		if err != nil {
			return row, err
		}
		row.Token = t.ID
	}
	if row.Entry == "" {
		if row.Entry = catalog.EntryID(d.spec.Entry); row.Entry == "" {
			row.Entry = catalog.NewEntryID()
		}
	}
	return row, nil
}

// begin makes the entry and lets it wait for the token. Each step is left out that was done.
func (d *entries) begin(ctx context.Context, row catalog.TransferFile) error {
	c := d.server.cfg
	t, err := c.Catalog.UploadToken(ctx, d.transfer.Account, row.Token)
	if err != nil {
		return err
	}
	if t.Generation == 0 {
		if t, err = c.Uploads.Upload(ctx, t.Account, t.ID, upload.Chunk{}); err != nil {
			return err
		}
	}
	if t.AttachedID != "" {
		return nil
	}
	if d.spec.Entry == "" {
		if err := d.add(ctx, row); err != nil {
			return err
		}
	}
	return c.Content.SetEntry(ctx, t.Account, row.Entry, []content.Part{{Source: content.Token{ID: t.ID}}}, content.Options{Replace: d.spec.Replace})
}

// add makes the entry of a file, unless it is there.
func (d *entries) add(ctx context.Context, row catalog.TransferFile) error {
	c := d.server.cfg.Catalog
	if _, err := c.EntryByID(ctx, row.Entry); !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	e := catalog.BlankEntry(d.transfer.Account)
	e.ID, e.Owner, e.Creator = row.Entry, d.transfer.User, d.transfer.User
	if m := d.spec.Metadata; m != nil {
		e.Name, e.Description, e.ReferenceID, e.Tags, e.AdminTags = m.Name, m.Description, m.ReferenceID, m.Tags, m.AdminTags
		e.ConversionProfile, e.AccessControl, e.Details.PartnerData = m.ConversionProfile, m.AccessControl, m.PartnerData
		if m.UserID != "" {
			e.Owner = m.UserID
		}
	}
	if e.Name == "" {
		e.Name = path.Base(row.Path)
	}
	if e.ConversionProfile == 0 {
		if p, err := c.DefaultProfile(ctx, e.Account, mediaProfile); err == nil {
			e.ConversionProfile = p.ID
		} else if !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
	}
	if e.Owner != "" {
		if _, err := c.EnsureUser(ctx, e.Account, e.Owner); err != nil {
			return err
		}
	}
	_, err := c.AddEntry(ctx, e)
	return err
}

// mediaProfile is the type of the conversion profiles of media.
const mediaProfile = 1

func (d *entries) open(row catalog.TransferFile) (*os.File, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	t, err := d.server.cfg.Catalog.UploadToken(ctx, d.transfer.Account, row.Token)
	if err != nil {
		return nil, err
	}
	if !t.Open() {
		return nil, errHanded
	}
	return os.OpenFile(d.server.cfg.Uploads.Path(t), os.O_RDWR, 0)
}

func (d *entries) openNew(row catalog.TransferFile) (*os.File, error) { return d.open(row) }

func (d *entries) sync(rows []catalog.TransferFile) error {
	if len(rows) > syncEach {
		dir, err := os.Open(d.server.cfg.Uploads.Dir)
		if err != nil {
			return err
		}
		defer dir.Close()
		return unix.Syncfs(int(dir.Fd()))
	}
	for _, row := range rows {
		f, err := d.open(row)
		if errors.Is(err, errHanded) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(unix.Fdatasync(int(f.Fd())), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// syncEach bounds the files that are synced one by one; with more, the file system is synced as a whole.
const syncEach = 8

func (d *entries) finish(ctx context.Context, rows []catalog.TransferFile) []error {
	out := make([]error, len(rows))
	for i, row := range rows {
		out[i] = d.complete(ctx, row)
	}
	return out
}

// complete completes the token, and with it what the entry waits for.
func (d *entries) complete(ctx context.Context, row catalog.TransferFile) error {
	c := d.server.cfg
	t, err := c.Catalog.UploadToken(ctx, d.transfer.Account, row.Token)
	if err != nil || t.Status == catalog.UploadFull || t.Status == catalog.UploadClosed {
		return err
	}
	_, err = c.Uploads.Upload(ctx, t.Account, t.ID, upload.Chunk{Resume: true, Final: true, At: row.Size})
	return err
}

// drop gives the token up, and removes the entry that was made for it while it has nothing else.
func (d *entries) drop(ctx context.Context, row catalog.TransferFile) error {
	if row.Token == "" {
		return nil
	}
	c := d.server.cfg
	t, err := c.Catalog.UploadToken(ctx, d.transfer.Account, row.Token)
	if errors.Is(err, catalog.ErrNotFound) || err == nil && !t.Open() {
		return nil
	}
	if err != nil {
		return err
	}
	err = c.Uploads.Delete(ctx, t.Account, t.ID)
	if err != nil || d.spec.Entry != "" {
		return err
	}
	if err := c.Catalog.DeleteEntry(ctx, row.Entry); err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	return nil
}

func (d *entries) end() error { return nil }
func (d *entries) close()     {}
