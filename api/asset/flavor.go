package asset

import (
	"slices"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

type flavorFilter = rpc.FilterOf[kaltura.FlavorAsset]

func (s *Service) registerFlavors(r *rpc.Registry) {
	svc := r.Service("flavorAsset", "Renditions of entries, and their originals.")
	rpc.Action(svc, "add", "Adds a flavor without content.", s.flavorAdd)
	rpc.Action(svc, "setContent", "Gives a flavor its content.", s.flavorSetContent)
	rpc.Action(svc, "update", "Changes what is said of a flavor.", s.flavorUpdate)
	rpc.Action(svc, "get", "Returns a flavor.", s.flavorGet)
	rpc.Action(svc, "list", "Lists the flavors of entries.", s.flavorList)
	rpc.Action(svc, "delete", "Deletes a flavor.", s.flavorDelete)
	rpc.Action(svc, "getByEntryId", "Returns an entry's flavors.", s.flavorsByEntry)
	rpc.Action(svc, "getWebPlayableByEntryId", "Returns an entry's flavors that browsers play.", s.flavorsForWeb)
	rpc.Action(svc, "getFlavorAssetsWithParams", "Returns an entry's flavors with their parameters, and the parameters that have none.", s.flavorsWithParams)
	rpc.Action(svc, "getUrl", "Returns the URL of a flavor's file.", s.flavorURL)
	rpc.Action(svc, "getDownloadUrl", "Returns the URL that downloads a flavor.", s.flavorDownloadURL)
	rpc.Action(svc, "convert", "Makes a further flavor of an entry.", s.flavorConvert)
	rpc.Action(svc, "reconvert", "Makes a flavor anew.", s.flavorReconvert)
	rpc.Action(svc, "setAsSource", "Makes a flavor the original of its entry.", s.flavorSetAsSource)
}

func (s *Service) flavorAdd(c *rpc.Call, in struct {
	EntryID     string               `k:"entryId" ref:"entry"`
	FlavorAsset *kaltura.FlavorAsset `k:"flavorAsset" for:"add" required:"true"`
}) (*kaltura.FlavorAsset, error) {
	e, err := s.mediaEntry(c, in.EntryID)
	if err != nil {
		return nil, err
	}
	a := catalog.Asset{Type: catalog.AssetFlavor, ParamsID: noParams, Language: "und"}
	if err := s.flavorParams(c, e, in.FlavorAsset, &a); err != nil {
		return nil, err
	}
	if err := applyFlavor(in.FlavorAsset, &a); err != nil {
		return nil, err
	}
	if a, err = s.add(c, e, a); err != nil {
		return nil, err
	}
	return s.showFlavor(c, e, a)
}

// noParams is the flavor params id of flavors that no parameters describe.
const noParams = -1

// flavorParams checks the parameters that a new flavor names.
func (s *Service) flavorParams(c *rpc.Call, e catalog.Entry, f *kaltura.FlavorAsset, a *catalog.Asset) error {
	if f.FlavorParamsID == nil {
		return nil
	}
	p, err := s.Catalog.FlavorParams(c, c.AccountID(), *f.FlavorParamsID)
	if err != nil {
		return rpc.E("FLAVOR_PARAMS_ID_NOT_FOUND", "ID", strconv.FormatInt(*f.FlavorParamsID, 10)).Because(err)
	}
	assets, err := s.Catalog.Assets(c, e.ID, catalog.AssetFlavor)
	if err != nil {
		return err
	}
	for _, old := range kaltura.FlavorsOf(e, assets) {
		if old.ParamsID == p.ID {
			return rpc.E("FLAVOR_ASSET_ALREADY_EXISTS", "ASSET_ID", string(old.ID), "PARAMS_ID", strconv.FormatInt(p.ID, 10))
		}
	}
	a.ParamsID, a.Original = p.ID, p.Source()
	a.Details.Tags = kaltura.List(p.Tags)
	if a.Original {
		a.Name = "source"
	}
	return nil
}

// applyFlavor sets on an asset what a request says of it.
func applyFlavor(f *kaltura.FlavorAsset, a *catalog.Asset) error {
	if f.Language != nil {
		if !kaltura.KnownLanguage(*f.Language) {
			return rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", *f.Language, "PARAM_NAME", "language", "ENUM_TYPE", "KalturaLanguage")
		}
		a.Language = kaltura.LanguageCode(*f.Language)
	}
	f.Details(&a.Details)
	if f.Label != nil || f.Cleared("label") {
		a.Title = kaltura.Value(f.Label)
	}
	if f.IsDefault != nil {
		a.Default = *f.IsDefault == rpc.True
	}
	return nil
}

// showFlavor is an asset as a flavor of its entry.
func (s *Service) showFlavor(c *rpc.Call, e catalog.Entry, a catalog.Asset) (*kaltura.FlavorAsset, error) {
	assets, err := s.Catalog.Assets(c, e.ID, catalog.AssetFlavor)
	if err != nil {
		return nil, err
	}
	return kaltura.Flavor(a, kaltura.MainSound(e, assets)), nil
}

func (s *Service) flavorSetContent(c *rpc.Call, in struct {
	ID       string              `k:"id" ref:"flavorAsset"`
	Resource kaltura.AnyResource `k:"contentResource" required:"true"`
}) (*kaltura.FlavorAsset, error) {
	a, e, err := s.find(c, flavors, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := s.setContent(c, a.ID, in.Resource); err != nil {
		return nil, err
	}
	if a, err = s.Catalog.Asset(c, a.ID); err != nil {
		return nil, err
	}
	return s.showFlavor(c, e, a)
}

func (s *Service) flavorUpdate(c *rpc.Call, in struct {
	ID          string               `k:"id" ref:"flavorAsset"`
	FlavorAsset *kaltura.FlavorAsset `k:"flavorAsset" for:"update" required:"true"`
}) (*kaltura.FlavorAsset, error) {
	a, e, err := s.find(c, flavors, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := applyFlavor(in.FlavorAsset, new(a)); err != nil {
		return nil, err
	}
	a, err = s.change(c, a.ID, func(a *catalog.Asset) { _ = applyFlavor(in.FlavorAsset, a) })
	if err != nil {
		return nil, err
	}
	if in.FlavorAsset.IsDefault != nil && a.Default {
		if err := s.onlyDefault(c, a); err != nil {
			return nil, err
		}
	}
	return s.showFlavor(c, e, a)
}

func (s *Service) flavorGet(c *rpc.Call, in struct {
	ID string `k:"id" ref:"flavorAsset"`
}) (*kaltura.FlavorAsset, error) {
	a, e, err := s.find(c, flavors, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return s.showFlavor(c, e, a)
}

func (s *Service) flavorList(c *rpc.Call, in struct {
	Filter *flavorFilter `k:"filter"`
	Pager  *rpc.Pager    `k:"pager"`
}) (*rpc.List[*kaltura.FlavorAsset], error) {
	f := base(in.Filter)
	list, err := s.flavorsOf(c, f)
	if err != nil {
		return nil, err
	}
	return page(list, f, in.Pager), nil
}

// base is the filter inside a typed one; nil when there is none.
func base[T any](f *rpc.FilterOf[T]) *rpc.Filter {
	if f == nil {
		return nil
	}
	return &f.Filter
}

func (s *Service) flavorDelete(c *rpc.Call, in struct {
	ID string `k:"id" ref:"flavorAsset"`
}) (rpc.Void, error) {
	a, _, err := s.find(c, flavors, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.remove(c, a)
}

func (s *Service) flavorsByEntry(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
}) ([]*kaltura.FlavorAsset, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.View)
	if err != nil {
		return nil, err
	}
	assets, err := s.Catalog.Assets(c, e.ID)
	if err != nil {
		return nil, err
	}
	return kaltura.Flavors(e, assets), nil
}

func (s *Service) flavorsForWeb(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
}) ([]*kaltura.FlavorAsset, error) {
	list, err := s.flavorsByEntry(c, in)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(f *kaltura.FlavorAsset) bool {
		tags := kaltura.List(kaltura.Value(f.Tags))
		return *f.Status != kaltura.FlavorAssetStatus(catalog.AssetReady) || !slices.Contains(tags, "web") && !slices.Contains(tags, "mbr")
	})
	if len(list) == 0 {
		return nil, rpc.E("NO_FLAVORS_FOUND")
	}
	return list, nil
}

func (s *Service) flavorsWithParams(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
}) ([]*kaltura.FlavorAssetWithParams, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.View)
	if err != nil {
		return nil, err
	}
	assets, err := s.Catalog.Assets(c, e.ID)
	if err != nil {
		return nil, err
	}
	params, err := s.profileParams(c, e)
	if err != nil {
		return nil, err
	}
	var out []*kaltura.FlavorAssetWithParams
	for _, f := range kaltura.Flavors(e, assets) {
		w := &kaltura.FlavorAssetWithParams{FlavorAsset: f, EntryID: new(string(e.ID))}
		if i := slices.IndexFunc(params, func(p catalog.FlavorParams) bool { return f.FlavorParamsID != nil && p.ID == *f.FlavorParamsID }); i >= 0 {
			w.FlavorParams = kaltura.Params(params[i])
			params = slices.Delete(params, i, i+1)
		}
		out = append(out, w)
	}
	for _, p := range params {
		out = append(out, &kaltura.FlavorAssetWithParams{FlavorParams: kaltura.Params(p), EntryID: new(string(e.ID))})
	}
	return out, nil
}

// profileParams returns the parameters of the entry's profile.
func (s *Service) profileParams(c *rpc.Call, e catalog.Entry) ([]catalog.FlavorParams, error) {
	id := e.ConversionProfile
	if id <= 0 {
		p, err := s.Catalog.DefaultProfile(c, e.Account, 1)
		if err != nil {
			return nil, err
		}
		id = p.ID
	}
	rows, err := s.Catalog.ProfileParams(c, e.Account, id)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.FlavorParams, 0, len(rows))
	for _, r := range rows {
		if p, err := s.Catalog.FlavorParams(c, e.Account, r.Params); err == nil {
			out = append(out, p)
		}
	}
	return out, nil
}
