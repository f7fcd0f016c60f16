package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sluice/catalog"
	"sluice/ingest/fetch"
	"sluice/ingest/upload"
	"sluice/pipeline/stage"
	"sluice/storage"
)

// placed is content that was stored before the call returns.
type placed struct{ object storage.Object }

// apply makes stored content the asset's, unless something is made of it first.
func (p *placed) apply(a *catalog.Asset, at arrival) {
	if !at.direct() {
		return
	}
	a.Key, a.Size, a.SHA256, a.Status = p.object.Key, p.object.Size, p.object.SHA256, catalog.AssetReady
}

// place stores what an origin has now. Files stay where they are: they go when what follows is committed.
func (s *Service) place(ctx context.Context, a arrival, o origin) (*placed, error) {
	if err := errors.Join(checkType(o), s.scan(ctx, o)); err != nil {
		return nil, err
	}
	var obj storage.Object
	var err error
	switch {
	case o.path != "":
		obj, err = s.Store.Import(ctx, a.place(), o.path, storage.ImportOptions{Keep: true})
	case o.open != nil:
		obj, err = s.put(ctx, a.place(), o)
	case o.stored != nil:
		obj, err = (&stage.Env{Catalog: s.Catalog, Store: s.Store}).Copy(ctx, a.place(), *o.stored)
	default:
		return nil, fmt.Errorf("a %s has nothing to store yet", o.kind)
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, storage.ErrNotExist) {
		return nil, &Error{Kind: NoFile, Object: o.name, Err: err}
	}
	if err != nil {
		return nil, err
	}
	if obj.Size == 0 {
		return nil, errors.Join(&Error{Kind: NoText, Object: o.name}, s.Store.Delete(ctx, obj.Key))
	}
	return &placed{obj}, nil
}

// scan refuses infected content. What is stored was scanned when it came.
func (s *Service) scan(ctx context.Context, o origin) error {
	if s.Scanner == nil || o.stored != nil || o.open == nil && o.path == "" {
		return nil
	}
	open := o.open
	if o.path != "" {
		open = func() (io.ReadCloser, error) { return os.Open(o.path) }
	}
	r, err := open()
	if err != nil {
		return &Error{Kind: NoFile, Object: o.name, Err: err}
	}
	defer r.Close()
	v, err := s.Scanner.Scan(ctx, r, 0)
	if err == nil && v.Virus != "" {
		err = &Error{Kind: Restricted, Object: o.name, Err: fmt.Errorf("it is infected (%s)", v.Virus)}
	}
	return err
}

// checkType refuses files of types that uploads are refused for. Text is what its author says, and what is stored was looked at.
func checkType(o origin) error {
	open := o.open
	switch {
	case o.kind == "Text" || o.stored != nil:
		return nil
	case o.path != "":
		open = func() (io.ReadCloser, error) { return os.Open(o.path) }
	}
	if open == nil {
		return nil
	}
	r, err := open()
	if err != nil {
		return &Error{Kind: NoFile, Object: o.name, Err: err}
	}
	defer r.Close()
	if _, err := upload.Look(r); err != nil {
		return &Error{Kind: Restricted, Object: o.name, Err: err}
	}
	return nil
}

func (s *Service) put(ctx context.Context, key string, o origin) (storage.Object, error) {
	r, err := o.open()
	if err != nil {
		return storage.Object{}, err
	}
	defer r.Close()
	return s.Store.Put(ctx, key, r)
}

// unplace removes what was stored for a call that failed.
func (s *Service) unplace(ctx context.Context, pieces []piece) error {
	var errs []error
	for _, p := range pieces {
		if p.placed != nil {
			errs = append(errs, s.Store.Delete(context.WithoutCancel(ctx), p.placed.object.Key))
		}
	}
	return errors.Join(errs...)
}

// release removes the file of an origin whose content is stored and committed.
func (s *Service) release(o origin) {
	var err error
	switch {
	case o.path == "" || o.keep:
		return
	case o.token != "":
		err = os.RemoveAll(filepath.Dir(o.path))
	default:
		err = os.Remove(o.path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log().Warn("a stored file stays where it was received", "file", o.path, "error", err)
	}
}

// maxInline bounds what is downloaded before a call returns.
const maxInline = 256 << 20

// tempPrefix begins the names of files that are downloaded before a call returns; tempAge is older than any such call.
const (
	tempPrefix = "fetch-"
	tempAge    = 24 * time.Hour
)

// Sweep gives up uploads that rest too long, and removes what crashes left of uploads and downloads. Any process may call it at
// any time.
func (s *Service) Sweep(ctx context.Context) error {
	errs := []error{s.Uploads.Sweep(ctx), s.Fetcher.Sweep(ctx, s.Catalog)}
	temps, err := filepath.Glob(filepath.Join(s.Incoming, tempPrefix+"*"))
	errs = append(errs, err)
	for _, path := range temps {
		if st, err := os.Stat(path); err == nil && time.Since(st.ModTime()) > tempAge {
			errs = append(errs, os.Remove(path))
		}
	}
	return errors.Join(errs...)
}

// fetchNow downloads a URL to a file, which the caller removes.
func (s *Service) fetchNow(ctx context.Context, o origin, id catalog.AssetID) (origin, error) {
	if err := os.MkdirAll(s.Incoming, 0o750); err != nil {
		return o, err
	}
	f, err := os.CreateTemp(s.Incoming, tempPrefix+string(id)+"-*")
	if err != nil {
		return o, err
	}
	path := f.Name()
	if err := f.Close(); err != nil {
		return o, err
	}
	if err := s.Fetcher.Get(ctx, fetch.Request{URL: o.url.URL, Headers: o.url.Headers, MaxSize: maxInline}, path); err != nil {
		return o, err
	}
	o.path, o.url = path, nil
	return o, nil
}
