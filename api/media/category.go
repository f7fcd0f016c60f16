package media

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// checkCategories says that a category of a list of ids does not exist.
func (s *Service) checkCategories(c *rpc.Call, list string) error {
	for _, text := range kaltura.List(list) {
		id, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			_, err = s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(id))
		}
		if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, strconv.ErrSyntax) || errors.Is(err, strconv.ErrRange) {
			return rpc.E("CATEGORY_NOT_FOUND", "ID", text).Because(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
