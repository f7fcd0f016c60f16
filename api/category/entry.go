package category

import (
	"cmp"
	"errors"
	"slices"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

func (s *Service) registerEntries(r *rpc.Registry) {
	svc := r.Service("categoryEntry", "Which entries are in which categories.")
	rpc.Action(svc, "add", "Puts an entry into a category.", s.entryAdd)
	rpc.Action(svc, "delete", "Takes an entry out of a category.", s.entryDelete)
	rpc.Action(svc, "list", "Lists the categories of an entry, or the entries of a category.", s.entryList)
	rpc.Action(svc, "activate", "Approves of an entry in a category.", s.entryActivate)
	rpc.Action(svc, "reject", "Refuses an entry in a category.", s.entryReject)
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
	moderated, err := access.Contribute(c, s.Catalog, row)
	if err != nil {
		return nil, err
	}
	link := catalog.CategoryEntry{Category: row.ID, Entry: e.ID, Status: catalog.CategoryEntryActive, User: c.User()}
	if _, asked := c.Session.Value("enablecategorymoderation"); moderated || asked && !c.Admin() {
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

// change does something with an entry in a category: moderators of the category may, whosesoever the entry is.
func (s *Service) change(c *rpc.Call, in linkIn, do func(a catalog.AccountID, category catalog.CategoryID, entry catalog.EntryID) error) (rpc.Void, error) {
	moderates, err := s.moderates(c, in.Category)
	if err != nil {
		return rpc.Void{}, err
	}
	category, entry := catalog.CategoryID(in.Category), catalog.EntryID(in.EntryID)
	if !moderates {
		if _, _, err := s.both(c, in.EntryID, in.Category); err != nil {
			return rpc.Void{}, err
		}
	}
	err = do(c.AccountID(), category, entry)
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.Void{}, rpc.E("ENTRY_IS_NOT_ASSIGNED_TO_CATEGORY").Because(err)
	}
	return rpc.Void{}, err
}

// moderates says whether the call's user is a moderator of a category. A session that is free of entitlement is none by that.
func (s *Service) moderates(c *rpc.Call, id int64) (bool, error) {
	if !access.Enforced(c.Session) {
		return false, nil
	}
	row, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(id))
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	level, err := access.CategoryLevel(c, s.Catalog, row)
	return level <= catalog.LevelModerator, err
}

func (s *Service) entryDelete(c *rpc.Call, in linkIn) (rpc.Void, error) {
	return s.change(c, in, func(a catalog.AccountID, category catalog.CategoryID, entry catalog.EntryID) error {
		return s.Catalog.RemoveCategoryEntry(c, a, category, entry)
	})
}

func (s *Service) entryActivate(c *rpc.Call, in linkIn) (rpc.Void, error) {
	return s.settle(c, in, catalog.CategoryEntryActive, "CANNOT_ACTIVATE_CATEGORY_ENTRY")
}

func (s *Service) entryReject(c *rpc.Call, in linkIn) (rpc.Void, error) {
	return s.settle(c, in, catalog.CategoryEntryRejected, "CANNOT_REJECT_CATEGORY_ENTRY")
}

// settle is a moderator's word about an entry in a category.
func (s *Service) settle(c *rpc.Call, in linkIn, status int, refused string) (rpc.Void, error) {
	if moderates, err := s.moderates(c, in.Category); err != nil || !moderates && !c.Admin() {
		return rpc.Void{}, cmp.Or(err, error(rpc.E(refused)))
	}
	return s.change(c, in, func(a catalog.AccountID, category catalog.CategoryID, entry catalog.EntryID) error {
		return s.Catalog.SetCategoryEntry(c, a, category, entry, status)
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
	known := seen{}
	out := &rpc.List[*CategoryEntry]{TotalCount: total, Objects: []*CategoryEntry{}}
	for _, l := range rows {
		row, err := s.look(c, known, l.Category)
		if err != nil {
			return nil, err
		}
		out.Objects = append(out.Objects, linkOf(l, row))
	}
	return out, nil
}
