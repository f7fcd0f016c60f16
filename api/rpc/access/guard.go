package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/catalog"
)

// Guard looks up what decides about entries, and remembers it for a moment: requests for the bytes of entries ask it all
// the time. Its zero value lacks nothing but the catalog.
type Guard struct {
	Catalog *catalog.DB
	// Geo tells where addresses are; nil knows of none.
	Geo Geo
	// Always restricts every entry: its media needs signed URLs.
	Always bool

	mu       sync.Mutex // guards what follows
	profiles map[profileKey]remembered[[]catalog.AccessRule]
	accounts map[catalog.AccountID]remembered[catalog.Account]
}

// Limits of what a Guard remembers.
const (
	remember    = time.Second
	maxRemember = 4096
)

type profileKey struct {
	account catalog.AccountID
	id      int64
}

type remembered[T any] struct {
	value T
	until time.Time
}

// Rules are those of the entry's profile; of the account's default profile when the entry names none, or one that is gone.
func (g *Guard) Rules(ctx context.Context, e catalog.Entry) ([]catalog.AccessRule, error) {
	key := profileKey{e.Account, e.AccessControl}
	return recall(g, &g.profiles, key, func() ([]catalog.AccessRule, error) {
		p, err := g.profile(ctx, key)
		return p.Rules, err
	})
}

func (g *Guard) profile(ctx context.Context, key profileKey) (catalog.AccessControl, error) {
	if key.id > 0 {
		p, err := g.Catalog.AccessControl(ctx, key.account, key.id)
		if err == nil || !errors.Is(err, catalog.ErrNotFound) {
			return p, err
		}
	}
	p, err := g.Catalog.DefaultAccessControl(ctx, key.account)
	if errors.Is(err, catalog.ErrNotFound) {
		return catalog.AccessControl{}, nil
	}
	return p, err
}

// Account returns the account.
func (g *Guard) Account(ctx context.Context, id catalog.AccountID) (catalog.Account, error) {
	return recall(g, &g.accounts, id, func() (catalog.Account, error) { return g.Catalog.Account(ctx, id) })
}

// recall returns what is remembered under key, or finds it.
func recall[K comparable, T any](g *Guard, all *map[K]remembered[T], key K, find func() (T, error)) (T, error) {
	now := time.Now()
	g.mu.Lock()
	known, ok := (*all)[key]
	g.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.value, nil
	}
	v, err := find()
	if err != nil {
		return v, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if *all == nil || len(*all) >= maxRemember {
		*all = map[K]remembered[T]{}
	}
	(*all)[key] = remembered[T]{v, now.Add(remember)}
	return v, nil
}

// Restricted says whether there are requests that may not have the entry's media: then all of them need a token.
func (g *Guard) Restricted(ctx context.Context, e catalog.Entry) (bool, error) {
	if g.Always || !Scheduled(e, time.Now()) || Moderated(e) {
		return true, nil
	}
	if open, err := Entitled(ctx, g.Catalog, nil, e); err != nil || !open {
		return true, err
	}
	rules, err := g.Rules(ctx, e)
	return Concerns(rules, Play, Download, Serve), err
}

// Decision is everything that decides about a request for an entry.
type Decision struct {
	Verdict
	// Scheduled says that now is within the entry's window, or that the session need not care.
	Scheduled bool
	// Entitled says that the request may know of the entry. Private says that others may not.
	Entitled, Private bool
	// Moderated says that the entry waits for a moderator or was refused by one, and that the session must care.
	Moderated bool
}

// Allowed says whether the request may have anything at all.
func (d *Decision) Allowed() bool { return d.Entitled && d.Scheduled && !d.Moderated && !d.Blocked() }

// Cacheable says that the next request would be decided alike, whoever makes it.
func (d *Decision) Cacheable() bool { return d.Allowed() && !d.Ruled && !d.Private }

// Decide says what a request may do with an entry of the session's account.
func (g *Guard) Decide(ctx context.Context, e catalog.Entry, r *Request) (Decision, error) {
	rules, err := g.Rules(ctx, e)
	if err != nil {
		return Decision{}, err
	}
	r.Entry, r.Geo = e.ID, g.Geo
	r.listed, err = Listed(ctx, g.Catalog, r.Session, "sviewplaylist", e)
	if err != nil {
		return Decision{}, err
	}
	free := r.admin() || r.may("sview") || r.listed
	d := Decision{Verdict: Evaluate(rules, r), Scheduled: free || Scheduled(e, r.Now), Moderated: !free && Moderated(e)}
	if d.Entitled, err = Entitled(ctx, g.Catalog, nil, e); err != nil || r.Session == nil {
		d.Private = !d.Entitled
		return d, err
	}
	d.Private = !d.Entitled
	d.Entitled, err = Entitled(ctx, g.Catalog, r.Session, e)
	return d, err
}
