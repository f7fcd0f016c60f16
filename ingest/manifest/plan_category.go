package manifest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sluice/catalog"
)

// categories are made where a path does not exist, when the entry is stored.
func (a *applier) categories(ctx context.Context, it *Item, p *plan) error {
	n := it.get("categories")
	if n == nil {
		return nil
	}
	var full, ids []string
	for _, k := range n.kids {
		if k.Name() == "category" {
			if _, err := catalog.SplitCategory(k.Text); err != nil {
				it.wrong(k, codeInvalid, "%v", err)
			}
			full = append(full, k.Text)
			continue
		}
		err := a.names.category(ctx, number(k.Text))
		if errors.Is(err, errAbsent) {
			it.wrong(k, codeInvalid, "there is no category %s", k.Text)
		} else if err != nil {
			return err
		}
		ids = append(ids, k.Text)
	}
	p.edit(func(e *catalog.Entry) { // what is given is all that holds
		if len(ids) > 0 {
			e.CategoryIDs = ids
			return
		}
		if e.Categories = full; len(full) == 0 {
			e.CategoryIDs = nil
		}
	})
	return nil
}

// contributes says which categories are not open to the user whose items alone the job may touch. Those that the entry is in
// already are.
func (a *applier) contributes(ctx context.Context, it *Item, p *plan) error {
	if a.job.Owner == "" {
		return nil
	}
	next := p.entry
	p.apply(&next)
	var in []string
	if p.action != catalog.BulkAdd {
		in = p.entry.CategoryIDs
	}
	rows := map[string]catalog.Category{}
	find := func(row catalog.Category, err error) error {
		if id := strconv.FormatInt(int64(row.ID), 10); err == nil && !slices.Contains(in, id) {
			rows[id] = row
		}
		if errors.Is(err, catalog.ErrNotFound) { // it was told of before, or is made
			return nil
		}
		return err
	}
	for _, id := range next.CategoryIDs {
		if err := find(a.Catalog.Category(ctx, a.job.Account, catalog.CategoryID(number(id)))); err != nil {
			return err
		}
	}
	for _, name := range next.Categories {
		parts, err := catalog.SplitCategory(name)
		if err != nil {
			continue // it was told of before
		}
		if err := find(a.Catalog.CategoryByName(ctx, a.job.Account, strings.Join(parts, catalog.CategorySeparator))); err != nil {
			return err
		}
	}
	for _, row := range rows {
		allowed, moderated, err := a.Catalog.Contribution(ctx, row, a.job.Owner)
		if err != nil {
			return err
		}
		if !allowed || moderated {
			it.wrong(cmp.Or(it.get("categories"), it.Node), codeForbidden, "user %s may not add entries to category %q", a.job.Owner, row.FullName)
		}
	}
	return nil
}
