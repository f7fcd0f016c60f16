package media

import (
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// find returns the page of entries that a filter selects for a call, and how many there are on all pages.
func (s *Service) find(c *rpc.Call, f *rpc.Filter, p *rpc.Pager, types ...string) ([]catalog.Entry, int, error) {
	q, none, err := s.query(c, f, types)
	if err != nil || none {
		return nil, 0, err
	}
	q.Offset, q.Limit = p.Page()
	list, total, err := s.Catalog.QueryEntries(c, c.AccountID(), q)
	return list, total, failure(err, "")
}

func (s *Service) list(c *rpc.Call, f *rpc.Filter, p *rpc.Pager, types ...string) ([]kaltura.Entry, int, error) {
	found, total, err := s.find(c, f, p, types...)
	if err != nil {
		return nil, 0, err
	}
	out, err := s.view(c, found...)
	return out, total, err
}

func (s *Service) count(c *rpc.Call, f *rpc.Filter, types ...string) (int, error) {
	_, total, err := s.find(c, f, &rpc.Pager{PageSize: new(0)}, types...)
	return total, err
}

// query is a filter as a query of the catalog, with the defaults of §7 of the API contract and what the session may see;
// none says that it can select nothing.
func (s *Service) query(c *rpc.Call, f *rpc.Filter, types []string) (q catalog.Query, none bool, err error) {
	if f == nil {
		f = &rpc.Filter{}
	}
	q.Order = orders(f.Order)
	if q.Conds, err = s.withDefaultProfiles(c, slices.Clone(f.Conds)); err != nil {
		return q, false, err
	}
	extra, err := s.extras(c, f.Extra)
	if err != nil {
		return q, false, err
	}
	q.Conds = append(q.Conds, extra...)
	within, err := search(f.Search)
	if err != nil {
		return q, false, err
	}
	if within != nil {
		q.Conds = append(q.Conds, *within)
	}
	_, byID := f.Cond("id", catalog.OpEq)
	_, redirected := f.Extra["redirectFromEntryId"]
	if !byID && !redirected {
		q.Conds = withDefaults(q.Conds)
	}
	if len(types) > 0 {
		q.Conds = append(q.Conds, anyOf("type", types...))
	}
	return s.visible(c, q, byID || redirected)
}

// withDefaults adds the conditions that hold unless a filter says otherwise.
func withDefaults(conds []catalog.Cond) []catalog.Cond {
	named := slices.ContainsFunc(conds, func(c catalog.Cond) bool {
		return c.Field == "id" && c.Op == catalog.OpIn || c.Field == "parentEntryId" && c.Op == catalog.OpEq || c.Field == "displayInSearch"
	})
	if !has(conds, "status") {
		conds = append(conds, catalog.Cond{Field: "status", Op: catalog.OpEq, Values: []any{int64(catalog.EntryReady)}})
	}
	if !has(conds, "moderationStatus") {
		conds = append(conds, catalog.Cond{Field: "moderationStatus", Op: catalog.OpNotIn, Values: []any{
			int64(catalog.ModerationPending), int64(catalog.ModerationRejected),
		}})
	}
	if !named {
		conds = append(conds, catalog.Cond{Field: "displayInSearch", Op: catalog.OpNotIn, Values: []any{
			int64(catalog.DisplaySystem), int64(catalog.DisplayRecycled),
		}})
	}
	return conds
}

// visible restricts a query to what the session may list, of what it may know of: administrators and sessions with list:* all entries, users their
// own, widgets those that they name.
func (s *Service) visible(c *rpc.Call, q catalog.Query, named bool) (catalog.Query, bool, error) {
	entitled, restricted, err := access.EntitledOnly(c, s.Catalog, c.AccountID(), c.Session)
	if err != nil {
		return q, false, err
	}
	if restricted {
		q.Conds = append(q.Conds, entitled)
	}
	if c.Admin() || c.May("list", "*") {
		return q, false, nil
	}
	if c.Session == nil || c.Session.Widget() {
		named = named || slices.ContainsFunc(q.Conds, func(c catalog.Cond) bool { return c.Field == "id" && c.Op == catalog.OpIn })
		return q, !named, nil
	}
	if c.User() == "" {
		return q, true, nil
	}
	q.Conds = append(q.Conds, catalog.Cond{Field: "userId", Op: catalog.OpEq, Values: []any{c.User()}})
	return q, false, nil
}

// extras are the filter's properties that no one field has.
func (s *Service) extras(c *rpc.Call, extra map[string]string) ([]catalog.Cond, error) {
	var out []catalog.Cond
	for name, value := range extra {
		switch name {
		case "freeText":
			out = append(out, catalog.Cond{Field: "searchText", Op: catalog.OpMatchAnd, Values: []any{value}})
		case "isRoot":
			out = append(out, catalog.Cond{Field: "isRoot", Op: catalog.OpEq, Values: []any{truth(value)}})
		case "categoriesFullNameIn":
			out = append(out, listed("categories", catalog.OpIn, value))
		case "categoryAncestorIdIn":
			ids, err := s.below(c, value)
			if err != nil {
				return nil, err
			}
			within := anyOf("categoriesIds", ids...)
			within.Op = catalog.OpMatchOr
			out = append(out, within)
		case "redirectFromEntryId":
			id, err := s.redirect(c, value)
			if err != nil {
				return nil, err
			}
			out = append(out, anyOf("id", id))
		default:
			for suffix, op := range map[string]catalog.Op{"MultiLikeOr": catalog.OpMultiLikeOr, "MultiLikeAnd": catalog.OpMultiLikeAnd} {
				if field, ok := strings.CutSuffix(name, suffix); ok {
					out = append(out, listed(field, op, value))
				}
			}
		}
	}
	return out, nil
}

// redirect is the entry to be played when id is asked for.
func (s *Service) redirect(c *rpc.Call, id string) (string, error) {
	e, err := s.Catalog.Entry(c, c.AccountID(), catalog.EntryID(id))
	if err != nil || e.Redirect == "" {
		return id, ignoreMissing(err)
	}
	return string(e.Redirect), nil
}

// withDefaultProfiles lets conditions on the account's default profiles meet the entries that name none.
func (s *Service) withDefaultProfiles(c *rpc.Call, conds []catalog.Cond) ([]catalog.Cond, error) {
	for i, cond := range conds {
		if cond.Field != "accessControlId" && cond.Field != "conversionProfileId" || cond.Op != catalog.OpEq && cond.Op != catalog.OpIn {
			continue
		}
		known, err := s.defaults.of(c, s.Catalog, c.AccountID())
		if err != nil {
			return nil, err
		}
		byDefault := known.access
		if cond.Field == "conversionProfileId" {
			byDefault = known.profile
		}
		if slices.Contains(cond.Values, any(byDefault)) {
			conds[i] = catalog.Cond{Field: cond.Field, Op: catalog.OpIn, Values: append(slices.Clone(cond.Values), int64(0))}
		}
	}
	return conds, nil
}

// orders are the filter's orders as the catalog's: what sorts like age does so.
func orders(list []catalog.Order) []catalog.Order {
	out := slices.Clone(list)
	for i, o := range out {
		if o.Field == "recent" || o.Field == "weight" {
			out[i].Field = "createdAt"
		}
	}
	return out
}

func has(conds []catalog.Cond, field string) bool {
	return slices.ContainsFunc(conds, func(c catalog.Cond) bool { return c.Field == field })
}

func anyOf(field string, values ...string) catalog.Cond {
	c := catalog.Cond{Field: field, Op: catalog.OpIn}
	for _, v := range values {
		c.Values = append(c.Values, v)
	}
	return c
}

func listed(field string, op catalog.Op, value string) catalog.Cond {
	c := anyOf(field, kaltura.List(value)...)
	c.Op = op
	return c
}

func truth(value string) int64 {
	switch strings.ToLower(value) {
	case "1", "true":
		return 1
	case "-1":
		return -1
	}
	return 0
}
