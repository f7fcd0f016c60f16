package category

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Service is the category and categoryEntry services.
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
	private, err := s.Catalog.Privacies(c, row.Account, []catalog.CategoryID{row.ID})
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

func (s *Service) registerEntries(r *rpc.Registry) {
	svc := r.Service("categoryEntry", "Which entries are in which categories.")
	rpc.Action(svc, "add", "Puts an entry into a category.", s.entryAdd)
	rpc.Action(svc, "delete", "Takes an entry out of a category.", s.entryDelete)
	rpc.Action(svc, "list", "Lists the categories of an entry, or the entries of a category.", s.entryList)
	rpc.Action(svc, "activate", "Approves of an entry in a category.", s.entryActivate, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "reject", "Refuses an entry in a category.", s.entryReject, rpc.For(rpc.AdminSession))
}

// both returns a category and an entry that a call may change.
func (s *Service) both(c *rpc.Call, entry string, category int64) (catalog.Entry, catalog.Category, error) {
	e, err := access.Entry(c, s.Catalog, entry, access.Edit)
	if err != nil {
		return e, catalog.Category{}, err
	}
	row, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(category))
	if err != nil {
		return e, row, failure(err, category, "")
	}
	return e, row, nil
}

func (s *Service) entryAdd(c *rpc.Call, in struct {
	Link *CategoryEntry `k:"categoryEntry" for:"add" required:"true"`
}) (*CategoryEntry, error) {
	for name, missing := range map[string]bool{"categoryId": in.Link.CategoryID == nil, "entryId": in.Link.EntryID == nil} {
		if missing {
			return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaCategoryEntry::"+name)
		}
	}
	e, row, err := s.both(c, *in.Link.EntryID, *in.Link.CategoryID)
	if err != nil {
		return nil, err
	}
	link := catalog.CategoryEntry{Category: row.ID, Entry: e.ID, Status: catalog.CategoryEntryActive, User: c.User()}
	if _, moderated := c.Session.Value("enablecategorymoderation"); moderated && !c.Admin() {
		link.Status = catalog.CategoryEntryPending
	}
	link, err = s.Catalog.AddCategoryEntry(c, c.AccountID(), link)
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("CATEGORY_ENTRY_ALREADY_EXISTS").Because(err)
	}
	if err != nil {
		return nil, err
	}
	return linkOf(link, row), nil
}

func linkOf(l catalog.CategoryEntry, row catalog.Category) *CategoryEntry {
	return &CategoryEntry{
		CategoryID: new(int64(l.Category)), EntryID: new(string(l.Entry)), CreatedAt: kaltura.At(l.CreatedAt.Time()),
		CategoryFullIDs: kaltura.Opt(row.FullIDs), Status: new(EntryStatus(l.Status)), CreatorUserID: kaltura.Opt(l.User),
	}
}

type linkIn struct {
	EntryID  string `k:"entryId" ref:"entry"`
	Category int64  `k:"categoryId" ref:"category"`
}

// change does something with an entry in a category.
func (s *Service) change(c *rpc.Call, in linkIn, do func(ctx context.Context, a catalog.AccountID, category catalog.CategoryID, entry catalog.EntryID) error) (rpc.Void, error) {
	e, row, err := s.both(c, in.EntryID, in.Category)
	if err != nil {
		return rpc.Void{}, err
	}
	err = do(c, c.AccountID(), row.ID, e.ID)
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.Void{}, rpc.E("ENTRY_IS_NOT_ASSIGNED_TO_CATEGORY").Because(err)
	}
	return rpc.Void{}, err
}

func (s *Service) entryDelete(c *rpc.Call, in linkIn) (rpc.Void, error) {
	return s.change(c, in, s.Catalog.RemoveCategoryEntry)
}

func (s *Service) entryActivate(c *rpc.Call, in linkIn) (rpc.Void, error) {
	return s.change(c, in, func(ctx context.Context, a catalog.AccountID, category catalog.CategoryID, entry catalog.EntryID) error {
		return s.Catalog.SetCategoryEntry(ctx, a, category, entry, catalog.CategoryEntryActive)
	})
}

func (s *Service) entryReject(c *rpc.Call, in linkIn) (rpc.Void, error) {
	return s.change(c, in, func(ctx context.Context, a catalog.AccountID, category catalog.CategoryID, entry catalog.EntryID) error {
		return s.Catalog.SetCategoryEntry(ctx, a, category, entry, catalog.CategoryEntryRejected)
	})
}

func (s *Service) entryList(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[CategoryEntry] `k:"filter"`
	Pager  *rpc.Pager                   `k:"pager"`
}) (*rpc.List[*CategoryEntry], error) {
	if in.Filter == nil || !in.Filter.Filters("entryId") && !in.Filter.Filters("categoryId") {
		return nil, rpc.E("MUST_FILTER_ON_ENTRY_OR_CATEGORY")
	}
	q := catalog.Query{Conds: in.Filter.Conds, Order: in.Filter.Order}
	if !in.Filter.Filters("status") {
		q.Conds = append(slices.Clone(q.Conds), catalog.Cond{Field: "status", Op: catalog.OpIn, Values: []any{
			int64(catalog.CategoryEntryActive), int64(catalog.CategoryEntryPending),
		}})
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.CategoryEntries(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	known := map[catalog.CategoryID]catalog.Category{}
	out := &rpc.List[*CategoryEntry]{TotalCount: total, Objects: []*CategoryEntry{}}
	for _, l := range rows {
		row, ok := known[l.Category]
		if !ok {
			if row, err = s.Catalog.Category(c, c.AccountID(), l.Category); err != nil && !errors.Is(err, catalog.ErrNotFound) {
				return nil, err
			}
			known[l.Category] = row
		}
		out.Objects = append(out.Objects, linkOf(l, row))
	}
	return out, nil
}
