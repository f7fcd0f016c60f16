package manifest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/catalog"
	"sluice/ingest/manifest/xsd"
)

// names finds what items name. It remembers what it found while a job runs: profiles do not change with each item.
type names struct {
	db      *catalog.DB
	account catalog.AccountID
	known   map[string]int64
	schemas map[int64]schema
	// coming are the reference ids of entries that a rehearsal would have made, up to a bound.
	coming map[string]bool
}

type schema struct {
	profile catalog.MetadataProfile
	*xsd.Schema
}

const (
	maxKnown  = 4096
	maxComing = 100_000
)

// errAbsent says that nothing has the name.
var errAbsent = errors.New("there is none")

// id remembers the id that find returns for a name; ErrNotFound of the catalog becomes errAbsent.
func (n *names) id(kind, name string, find func() (int64, error)) (int64, error) {
	key := kind + "\x00" + name
	if id, ok := n.known[key]; ok {
		return id, nil
	}
	id, err := find()
	if errors.Is(err, catalog.ErrNotFound) {
		return 0, errAbsent
	}
	if err != nil {
		return 0, err
	}
	if n.known == nil || len(n.known) >= maxKnown {
		n.known = map[string]int64{}
	}
	n.known[key] = id
	return id, nil
}

// bySystemName is the query for a system name.
func bySystemName(name string) catalog.Query {
	return catalog.Query{Conds: []catalog.Cond{{Field: "systemName", Op: catalog.OpEq, Values: []any{name}}}, Limit: 1}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0 // check told of it
	}
	return n
}

// conversion is the id of a conversion profile.
func (n *names) conversion(ctx context.Context, id, name string) (int64, error) {
	return n.id("conversion", id+"\x00"+name, func() (int64, error) {
		if name == "" {
			p, err := n.db.ConversionProfile(ctx, n.account, number(id))
			return p.ID, err
		}
		rows, _, err := n.db.ListConversionProfiles(ctx, n.account, bySystemName(name))
		return firstID(rows, err, func(p catalog.ConversionProfile) int64 { return p.ID })
	})
}

func firstID[T any](rows []T, err error, id func(T) int64) (int64, error) {
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, errAbsent
	}
	return id(rows[0]), nil
}

// access is the id of an access control profile.
func (n *names) access(ctx context.Context, id, name string) (int64, error) {
	return n.id("access", id+"\x00"+name, func() (int64, error) {
		if name == "" {
			p, err := n.db.AccessControl(ctx, n.account, number(id))
			return p.ID, err
		}
		rows, _, err := n.db.AccessControls(ctx, n.account, bySystemName(name))
		return firstID(rows, err, func(p catalog.AccessControl) int64 { return p.ID })
	})
}

// flavor is the id of flavor parameters: by their own system name, or by that which a profile gives them.
func (n *names) flavor(ctx context.Context, id, name string, profile int64) (int64, error) {
	return n.id("flavor", id+"\x00"+name+"\x00"+fmt.Sprint(profile), func() (int64, error) {
		if name == "" {
			p, err := n.db.FlavorParams(ctx, n.account, number(id))
			return p.ID, err
		}
		if profile > 0 {
			params, err := n.db.ProfileParams(ctx, n.account, profile)
			if err != nil {
				return 0, err
			}
			for _, p := range params {
				if strings.EqualFold(p.SystemName, name) {
					return p.Params, nil
				}
			}
		}
		rows, _, err := n.db.ListFlavorParams(ctx, n.account, bySystemName(name))
		return firstID(rows, err, func(p catalog.FlavorParams) int64 { return p.ID })
	})
}

// category checks that there is a category of an id.
func (n *names) category(ctx context.Context, id int64) error {
	_, err := n.id("category", fmt.Sprint(id), func() (int64, error) {
		c, err := n.db.Category(ctx, n.account, catalog.CategoryID(id))
		return int64(c.ID), err
	})
	return err
}

// schema is a metadata profile of entries with its schema compiled.
func (n *names) schema(ctx context.Context, id, name string) (schema, error) {
	found, err := n.id("metadata", id+"\x00"+name, func() (int64, error) {
		if name == "" {
			p, err := n.db.MetadataProfile(ctx, n.account, number(id))
			return p.ID, err
		}
		rows, _, err := n.db.MetadataProfiles(ctx, n.account, bySystemName(name))
		return firstID(rows, err, func(p catalog.MetadataProfile) int64 { return p.ID })
	})
	if err != nil {
		return schema{}, err
	}
	if s, ok := n.schemas[found]; ok {
		return s, nil
	}
	p, err := n.db.MetadataProfile(ctx, n.account, found)
	if err != nil {
		return schema{}, err
	}
	s := schema{profile: p}
	if s.Schema, err = xsd.Compile(p.XSD); err != nil {
		return schema{}, err
	}
	if n.schemas == nil {
		n.schemas = map[int64]schema{}
	}
	n.schemas[found] = s
	return s, nil
}

// found are the states of entries that a reference id means.
var found = []any{
	int64(catalog.EntryErrorImporting), int64(catalog.EntryErrorConverting), int64(catalog.EntryImport), int64(catalog.EntryPreconvert),
	int64(catalog.EntryReady), int64(catalog.EntryPending), int64(catalog.EntryNoContent),
}

// ambiguous says that several entries have a reference id.
type ambiguous struct {
	reference string
	ids       []string
}

func (e *ambiguous) Error() string {
	return fmt.Sprintf("%s: reference id %q is that of the entries %s", codeAmbiguous, e.reference, strings.Join(e.ids, ", "))
}

// reference is the entry of a reference id. errAbsent says that there is none, *ambiguous that there are several.
func (n *names) reference(ctx context.Context, id string) (catalog.Entry, error) {
	rows, _, err := n.db.QueryEntries(ctx, n.account, catalog.Query{Limit: 5, Conds: []catalog.Cond{
		{Field: "referenceId", Op: catalog.OpEq, Values: []any{id}}, {Field: "status", Op: catalog.OpIn, Values: found},
	}})
	switch {
	case err != nil:
		return catalog.Entry{}, err
	case len(rows) == 0:
		return catalog.Entry{}, errAbsent
	case len(rows) > 1:
		e := &ambiguous{reference: id}
		for _, r := range rows {
			e.ids = append(e.ids, string(r.ID))
		}
		return catalog.Entry{}, e
	}
	return rows[0], nil
}

// entry is the entry of an id; errAbsent says that the account has none, or that it is deleted.
func (n *names) entry(ctx context.Context, id string) (catalog.Entry, error) {
	e, err := n.db.Entry(ctx, n.account, catalog.EntryID(id))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && e.Status == catalog.EntryDeleted {
		return catalog.Entry{}, errAbsent
	}
	return e, err
}
