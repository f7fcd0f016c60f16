package category

import (
	"errors"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Service is the category, categoryEntry and categoryUser services.
type Service struct{ Catalog *catalog.DB }

// Register adds the services and their actions.
func (s *Service) Register(r *rpc.Registry) {
	svc := r.Service("category", "The tree of topics that entries are in.")
	rpc.Action(svc, "add", "Adds a category.", s.add, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "get", "Returns a category.", s.get)
	rpc.Action(svc, "update", "Changes a category; its entries and what lies below follow.", s.update, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "delete", "Deletes a category and what lies below it.", s.delete, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "list", "Lists categories.", s.list)
	rpc.Action(svc, "move", "Moves categories below another one.", s.move, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "clone", "Makes an empty category like another one.", s.clone, rpc.For(rpc.AdminSession))
	s.registerEntries(r)
	s.registerMembers(r)
}

func missing(id int64) error {
	return rpc.E("CATEGORY_NOT_FOUND", "ID", strconv.FormatInt(id, 10))
}

// failure is an error of the catalog as the exception for a call about a category.
func failure(err error, id int64, name string) error {
	switch {
	case errors.Is(err, catalog.ErrConflict):
		return rpc.E("DUPLICATE_CATEGORY", "CATEGORY", name).Because(err)
	case errors.Is(err, catalog.ErrNotFound):
		return missing(id)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "category").Because(err)
	}
	return err
}

// show is a category on the wire, with its counts.
func (s *Service) show(c *rpc.Call, row catalog.Category) (*Category, error) {
	n, err := s.Catalog.CountCategory(c, row)
	if err != nil {
		return nil, err
	}
	out := of(row, n, c.Admin())
	if row.Parent == 0 {
		return out, nil
	}
	private, err := s.Catalog.Privacies(c, row.Account, []catalog.CategoryID{row.ID}, "")
	if err != nil {
		return nil, err
	}
	for _, p := range private { // its own and those that it lies in
		out.PrivacyContexts = new(strings.Join(p.Contexts, ","))
	}
	return out, nil
}

func (s *Service) parent(c *rpc.Call, id int64) error {
	if id == 0 {
		return nil
	}
	_, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(id))
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.E("PARENT_CATEGORY_NOT_FOUND", "ID", strconv.FormatInt(id, 10)).Because(err)
	}
	return err
}

func (s *Service) add(c *rpc.Call, in struct {
	Category *Category `k:"category" for:"add" required:"true"`
}) (*Category, error) {
	if kaltura.Value(in.Category.Name) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaCategory::name")
	}
	parent := kaltura.Value(in.Category.ParentID)
	if err := s.parent(c, parent); err != nil {
		return nil, err
	}
	row := catalog.Category{Parent: catalog.CategoryID(parent)}
	if err := in.Category.into(&row); err != nil {
		return nil, err
	}
	row, err := s.Catalog.AddCategory(c, c.AccountID(), row)
	if err != nil {
		return nil, failure(err, parent, *in.Category.Name)
	}
	return s.show(c, row)
}

func (s *Service) get(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"category"`
}) (*Category, error) {
	row, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(in.ID))
	if err != nil {
		return nil, failure(err, in.ID, "")
	}
	return s.show(c, row)
}

func (s *Service) update(c *rpc.Call, in struct {
	ID       int64     `k:"id" ref:"category"`
	Category *Category `k:"category" for:"update" required:"true"`
}) (*Category, error) {
	row, err := s.Catalog.UpdateCategory(c, c.AccountID(), catalog.CategoryID(in.ID), in.Category.into)
	if err != nil {
		return nil, failure(err, in.ID, kaltura.Value(in.Category.Name))
	}
	return s.settled(c, row)
}

// settleNow is how many entries a call brings up to date itself; more are left to the background.
const settleNow = 500

// settled brings the entries of a changed category up to date when they are few, and returns it.
func (s *Service) settled(c *rpc.Call, row catalog.Category) (*Category, error) {
	n, err := s.Catalog.CountCategory(c, row)
	if err != nil {
		return nil, err
	}
	if row.Status == catalog.CategoryUpdating && n.All <= settleNow {
		if err := s.Catalog.SettleCategories(c, c.AccountID()); err != nil {
			return nil, err
		}
		if row, err = s.Catalog.Category(c, c.AccountID(), row.ID); err != nil {
			return nil, failure(err, int64(row.ID), "")
		}
	}
	return s.show(c, row)
}

func (s *Service) delete(c *rpc.Call, in struct {
	ID   int64 `k:"id" ref:"category"`
	Move bool  `k:"moveEntriesToParentCategory" default:"true"`
}) (rpc.Void, error) {
	row, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(in.ID))
	if err != nil {
		return rpc.Void{}, failure(err, in.ID, "")
	}
	n, err := s.Catalog.CountCategory(c, row)
	if err != nil {
		return rpc.Void{}, err
	}
	if err := s.Catalog.DeleteCategory(c, c.AccountID(), row.ID, in.Move); err != nil {
		return rpc.Void{}, failure(err, in.ID, "")
	}
	if n.All <= settleNow {
		err = s.Catalog.SettleCategories(c, c.AccountID())
	}
	return rpc.Void{}, err
}

func (s *Service) list(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[Category] `k:"filter"`
	Pager  *rpc.Pager              `k:"pager"`
}) (*rpc.List[*Category], error) {
	q := catalog.Query{Order: []catalog.Order{{Field: "fullName"}}}
	if in.Filter != nil {
		q.Conds = in.Filter.Conds
		if len(in.Filter.Order) > 0 {
			q.Order = in.Filter.Order
		}
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.Categories(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*Category]{TotalCount: total, Objects: []*Category{}}
	for _, row := range rows {
		v, err := s.show(c, row)
		if err != nil {
			return nil, err
		}
		out.Objects = append(out.Objects, v)
	}
	return out, nil
}

func (s *Service) move(c *rpc.Call, in struct {
	IDs    string `k:"categoryIds" ref:"category"`
	Target int64  `k:"targetCategoryParentId" ref:"category"`
}) (bool, error) {
	if err := s.parent(c, in.Target); err != nil {
		return false, err
	}
	ids := kaltura.List(in.IDs)
	if len(ids) > 100 {
		return false, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "categoryIds")
	}
	for _, text := range ids {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return false, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "categoryIds").Because(err)
		}
		row, err := s.Catalog.UpdateCategory(c, c.AccountID(), catalog.CategoryID(id), func(row *catalog.Category) error {
			row.Parent = catalog.CategoryID(in.Target)
			return nil
		})
		if err != nil {
			return false, failure(err, id, row.Name)
		}
		if _, err := s.settled(c, row); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *Service) clone(c *rpc.Call, in struct {
	ID     int64  `k:"categoryId" ref:"category"`
	Parent *int64 `k:"parentCategoryId" ref:"category"`
	Name   string `k:"newName" default:""`
}) (*Category, error) {
	row, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(in.ID))
	if err != nil {
		return nil, failure(err, in.ID, "")
	}
	copied := catalog.Category{
		Parent: row.Parent, Name: in.Name, Description: row.Description, Tags: row.Tags, Owner: row.Owner, SortValue: row.SortValue, More: row.More,
	}
	if in.Parent != nil {
		copied.Parent = catalog.CategoryID(*in.Parent)
		if err := s.parent(c, *in.Parent); err != nil {
			return nil, err
		}
	}
	if copied.Name == "" {
		copied.Name = row.Name
		if copied.Parent == row.Parent {
			copied.Name += " copy"
		}
	}
	made, err := s.Catalog.AddCategory(c, c.AccountID(), copied)
	if err != nil {
		return nil, failure(err, in.ID, copied.Name)
	}
	return s.show(c, made)
}

// seen are categories that were looked up for a list.
type seen map[catalog.CategoryID]catalog.Category

// look returns a category by its id, once from the catalog; an empty one for one that is gone.
func (s *Service) look(c *rpc.Call, known seen, id catalog.CategoryID) (catalog.Category, error) {
	row, ok := known[id]
	if ok {
		return row, nil
	}
	row, err := s.Catalog.Category(c, c.AccountID(), id)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return row, err
	}
	known[id] = row
	return row, nil
}
