package media

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

// Service is the media and baseEntry services.
type Service struct {
	Catalog *catalog.DB
	Content Content
	// Uploads receives files; nil leaves the upload actions out.
	Uploads Uploads
	// Pictures makes pictures of entries; nil leaves the actions that need it out.
	Pictures Pictures
	// Playback answers what may be played; nil leaves its actions out.
	Playback *Playback

	defaults defaults
}

// Content gives entries and assets their content; content.Service does.
type Content interface {
	SetEntry(ctx context.Context, account catalog.AccountID, entry catalog.EntryID, parts []content.Part, opts content.Options) error
	SetAsset(ctx context.Context, account catalog.AccountID, asset catalog.AssetID, src content.Source) error
}

// Register adds the services, their actions and the classes of entries.
func (s *Service) Register(r *rpc.Registry) {
	kaltura.RegisterResources(r)
	kaltura.RegisterEntries(r)
	s.registerMedia(r.Service("media", "Videos, sounds and pictures."))
	base := r.Service("baseEntry", "Entries of every type.")
	s.registerBaseEntry(base)
	if s.Playback != nil {
		s.Playback.Register(base)
	}
}

// view is what entries look like for a call.
func (s *Service) view(c *rpc.Call, entries ...catalog.Entry) ([]kaltura.Entry, error) {
	ids := make([]catalog.EntryID, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	params, err := s.Catalog.ReadyParams(c, ids)
	if err != nil {
		return nil, err
	}
	return s.views(c, entries, func(e *catalog.Entry) []int64 { return params[e.ID] })
}

// views is view where the params of the ready flavors are known.
func (s *Service) views(c *rpc.Call, entries []catalog.Entry, params func(*catalog.Entry) []int64) ([]kaltura.Entry, error) {
	out := make([]kaltura.Entry, len(entries))
	for i, e := range entries {
		v := kaltura.EntryView{Base: c.Base, Admin: c.Admin(), Params: params(&e)}
		if e.AccessControl == 0 || e.ConversionProfile == 0 {
			known, err := s.defaults.of(c, s.Catalog, e.Account)
			if err != nil {
				return nil, err
			}
			v.AccessControl, v.Profile = known.access, known.profile
		}
		out[i] = kaltura.EntryOf(e, v)
	}
	return out, nil
}

func (s *Service) viewOne(c *rpc.Call, e catalog.Entry) (kaltura.Entry, error) {
	list, err := s.view(c, e)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// shown is what an entry that passes the check looks like for a call that asks for it.
func (s *Service) shown(c *rpc.Call, id string, check func(catalog.Entry) error) (kaltura.Entry, error) {
	e, params, err := access.Shown(c, s.Catalog, id)
	if err == nil {
		err = check(e)
	}
	if err != nil {
		return nil, err
	}
	list, err := s.views(c, []catalog.Entry{e}, func(*catalog.Entry) []int64 { return params })
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// viewAgain is viewOne of an entry's present state.
func (s *Service) viewAgain(c *rpc.Call, id catalog.EntryID) (kaltura.Entry, error) {
	e, err := s.Catalog.Entry(c, c.AccountID(), id)
	if err != nil {
		return nil, err
	}
	return s.viewOne(c, e)
}

// defaults remembers the default profiles of accounts for a moment.
type defaults struct {
	mu    sync.Mutex // guards known
	known map[catalog.AccountID]profiles
}

type profiles struct {
	access, profile int64
	until           time.Time
}

// Limits of what is remembered.
const (
	remember    = time.Second
	maxRemember = 4096
)

func (d *defaults) of(ctx context.Context, db *catalog.DB, account catalog.AccountID) (profiles, error) {
	now := time.Now()
	d.mu.Lock()
	p, ok := d.known[account]
	d.mu.Unlock()
	if ok && now.Before(p.until) {
		return p, nil
	}
	p = profiles{until: now.Add(remember)}
	access, err := db.DefaultAccessControl(ctx, account)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return p, err
	}
	p.access = access.ID
	if p.profile, err = defaultProfile(ctx, db, account); err != nil {
		return p, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= maxRemember {
		d.known = map[catalog.AccountID]profiles{}
	}
	d.known[account] = p
	return p, nil
}

// mediaOf says that an entry may be handled by the media service, and returns the exception when not.
func mediaOf(e catalog.Entry) error {
	if e.Type != catalog.EntryMedia && e.Type != catalog.EntryLiveStream {
		return notFound(string(e.ID))
	}
	return nil
}
