package asset

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// entryAssets is an entry of a list and its assets.
type entryAssets struct {
	entry  catalog.Entry
	assets []catalog.Asset
}

// assetsOf returns the assets of the account's entries that a filter names, in the filter's order. Entries that the account
// does not have, or the session may not know of, count as having none.
func (s *Service) assetsOf(c *rpc.Call, f *rpc.Filter) ([]entryAssets, error) {
	ids, err := entriesOf(f)
	if err != nil {
		return nil, err
	}
	all, err := s.Catalog.AssetsOf(c, ids)
	if err != nil {
		return nil, err
	}
	out := make([]entryAssets, 0, len(ids))
	for _, id := range ids {
		e, err := s.Catalog.Entry(c, c.AccountID(), id)
		if err != nil || e.Status == catalog.EntryDeleted {
			continue
		}
		switch entitled, err := access.Entitled(c, s.Catalog, c.Session, e); {
		case err != nil:
			return nil, err
		case !entitled:
			continue
		}
		out = append(out, entryAssets{e, all[id]})
	}
	return out, nil
}

// ofType keeps the assets of the entry's current content that are of a type.
func (l entryAssets) ofType(t catalog.AssetType) []catalog.Asset {
	var out []catalog.Asset
	for _, a := range l.assets {
		if a.Type == t && (a.Version == l.entry.Version || t == catalog.AssetAttachment) {
			out = append(out, a)
		}
	}
	return out
}

// listOf lists the assets of one type as classes.
func listOf[T rpc.Class](s *Service, c *rpc.Call, typ catalog.AssetType, f *rpc.Filter, p *rpc.Pager, show func(catalog.Asset) T) (*rpc.List[T], error) {
	lists, err := s.assetsOf(c, f)
	if err != nil {
		return nil, err
	}
	var objects []T
	for _, l := range lists {
		for _, a := range l.ofType(typ) {
			objects = append(objects, show(a))
		}
	}
	return page(objects, f, p), nil
}

// flavorsOf lists flavors as classes.
func (s *Service) flavorsOf(c *rpc.Call, f *rpc.Filter) ([]*kaltura.FlavorAsset, error) {
	lists, err := s.assetsOf(c, f)
	if err != nil {
		return nil, err
	}
	var objects []*kaltura.FlavorAsset
	for _, l := range lists {
		objects = append(objects, kaltura.Flavors(l.entry, l.assets)...)
	}
	return objects, nil
}
