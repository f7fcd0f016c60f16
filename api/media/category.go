package media

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// checkCategories says that a category of a list of ids does not exist, or that the call may not put an entry, which has the id
// e unless it is new, into one that it names.
func (s *Service) checkCategories(c *rpc.Call, e catalog.EntryID, ids, names string) error {
	for _, text := range kaltura.List(ids) {
		id, err := strconv.ParseInt(text, 10, 64)
		var row catalog.Category
		if err == nil {
			row, err = s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(id))
		}
		if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, strconv.ErrSyntax) || errors.Is(err, strconv.ErrRange) {
			return rpc.E("CATEGORY_NOT_FOUND", "ID", text).Because(err)
		}
		if err != nil {
			return err
		}
		if err := s.contribute(c, e, row); err != nil {
			return err
		}
	}
	for _, name := range kaltura.List(names) {
		parts, err := catalog.SplitCategory(name)
		if err != nil {
			continue // the catalog says why
		}
		row, err := s.Catalog.CategoryByName(c, c.AccountID(), strings.Join(parts, catalog.CategorySeparator))
		if errors.Is(err, catalog.ErrNotFound) { // it is made
			continue
		}
		if err != nil {
			return err
		}
		if err := s.contribute(c, e, row); err != nil {
			return err
		}
	}
	return nil
}

// checkCopied refuses a new entry with categories of another one that are not open to the call.
func (s *Service) checkCopied(c *rpc.Call, ids []string) error {
	if !access.Enforced(c.Session) {
		return nil
	}
	return s.checkCategories(c, "", strings.Join(ids, ","), "")
}

// contribute refuses to put an entry into a category that is not open to the call. Of one with a moderator, the list of an entry
// would go past that: categoryEntry is the way in.
func (s *Service) contribute(c *rpc.Call, e catalog.EntryID, row catalog.Category) error {
	moderated, err := access.Contribute(c, s.Catalog, row)
	var refused *rpc.Error
	if err != nil && !errors.As(err, &refused) || err == nil && !moderated {
		return err
	}
	old, lerr := s.Catalog.Entry(c, c.AccountID(), e)
	switch {
	case lerr == nil && slices.Contains(old.CategoryIDs, strconv.FormatInt(int64(row.ID), 10)): // it is there
		return nil
	case lerr != nil && !errors.Is(lerr, catalog.ErrNotFound):
		return lerr
	}
	return cmp.Or(err, error(rpc.E("CANNOT_ASSIGN_ENTRY_TO_CATEGORY")))
}

// maxBelow bounds the categories that a filter by an ancestor takes in.
const maxBelow = 10_000

// below is a list of ids of categories with those of all that lie below them.
func (s *Service) below(c *rpc.Call, list string) ([]string, error) {
	var out []string
	for _, text := range kaltura.List(list) {
		out = append(out, text)
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			continue // it is no category's
		}
		top, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(id))
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows, _, err := s.Catalog.Categories(c, c.AccountID(), catalog.Query{Limit: maxBelow, Conds: []catalog.Cond{
			{Field: "fullIds", Op: catalog.OpStartsWith, Values: []any{top.FullIDs + catalog.CategorySeparator}},
		}})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			out = append(out, strconv.FormatInt(int64(row.ID), 10))
		}
	}
	return out, nil
}
