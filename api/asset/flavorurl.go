package asset

import (
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/sources"
	"sluice/catalog"
	"sluice/pipeline/stage"
)

func (s *Service) flavorURL(c *rpc.Call, in struct {
	ID         string                         `k:"id" ref:"flavorAsset"`
	StorageID  *int64                         `k:"storageId"`
	ForceProxy *bool                          `k:"forceProxy"`
	Options    *kaltura.FlavorAssetUrlOptions `k:"options"`
}) (string, error) {
	a, e, err := s.find(c, flavors, in.ID, access.View)
	if err != nil {
		return "", err
	}
	if a.Status != catalog.AssetReady {
		return "", rpc.E("FLAVOR_ASSET_IS_NOT_READY")
	}
	u, err := s.urls(c, e)
	if err != nil {
		return "", err
	}
	u.FileName = s.fileName(c, e, a)
	if in.Options != nil && kaltura.Value(in.Options.FileName) != "" {
		u.FileName = *in.Options.FileName
	}
	return u.File(a)
}

// fileName is what a flavor is called on the disk of who downloads it: the entry's name and, for renditions, that of the
// parameters.
func (s *Service) fileName(c *rpc.Call, e catalog.Entry, a catalog.Asset) string {
	if !a.Original && a.ParamsID > 0 {
		if p, err := s.Catalog.FlavorParams(c, e.Account, a.ParamsID); err == nil {
			a.Name = p.Name
		}
	}
	return sources.DownloadName(e, a)
}

func (s *Service) flavorDownloadURL(c *rpc.Call, in struct {
	ID     string `k:"id" ref:"flavorAsset"`
	UseCDN *bool  `k:"useCdn"`
}) (string, error) {
	a, e, err := s.find(c, flavors, in.ID, access.View)
	if err != nil {
		return "", err
	}
	if a.Status != catalog.AssetReady {
		return "", rpc.E("FLAVOR_ASSET_IS_NOT_READY")
	}
	url := c.Base + sources.Partner(e.Account) + "/download/entry_id/" + string(e.ID) + "/flavor/" + string(a.ID)
	restricted, err := s.Guard.Restricted(c, e)
	if err == nil && restricted && c.Session != nil {
		url += "/ks/" + c.Session.Token
	}
	return url, err
}

// convertible says whether flavors of an entry can be made from its original, which it returns.
func (s *Service) convertible(c *rpc.Call, e catalog.Entry) (catalog.Asset, error) {
	switch e.Status {
	case catalog.EntryReady, catalog.EntryPreconvert, catalog.EntryErrorConverting:
	default:
		return catalog.Asset{}, rpc.E("INVALID_ENTRY_STATUS")
	}
	assets, err := s.Catalog.Assets(c, e.ID, catalog.AssetFlavor)
	if err != nil {
		return catalog.Asset{}, err
	}
	for _, a := range assets {
		if a.Original && a.Version == e.Version && a.Status == catalog.AssetReady {
			return a, nil
		}
	}
	return catalog.Asset{}, rpc.E("ORIGINAL_FLAVOR_ASSET_IS_MISSING")
}

func (s *Service) flavorConvert(c *rpc.Call, in struct {
	EntryID  string `k:"entryId" ref:"entry"`
	ParamsID int64  `k:"flavorParamsId" ref:"flavorParams"`
	Priority int    `k:"priority" default:"0"`
}) (rpc.Void, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	p, err := s.Catalog.FlavorParams(c, c.AccountID(), in.ParamsID)
	if err != nil || p.Source() {
		return rpc.Void{}, rpc.E("FLAVOR_PARAMS_ID_NOT_FOUND", "ID", strconv.FormatInt(in.ParamsID, 10)).Because(err)
	}
	if _, err := s.convertible(c, e); err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.convert(c, e, p.ID)
}

func (s *Service) flavorReconvert(c *rpc.Call, in struct {
	ID string `k:"id" ref:"flavorAsset"`
}) (rpc.Void, error) {
	a, e, err := s.find(c, flavors, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	if a.Original {
		return rpc.Void{}, rpc.E("FLAVOR_ASSET_RECONVERT_ORIGINAL")
	}
	if _, err := s.convertible(c, e); err != nil {
		return rpc.Void{}, err
	}
	if a.ParamsID <= 0 {
		return rpc.Void{}, rpc.E("FLAVOR_PARAMS_ID_NOT_FOUND", "ID", strconv.FormatInt(a.ParamsID, 10))
	}
	return rpc.Void{}, s.convert(c, e, a.ParamsID)
}

// convert adds the task that makes a rendition of the entry by the parameters, in place of the one it has.
func (s *Service) convert(c *rpc.Call, e catalog.Entry, params int64) error {
	_, err := s.Catalog.AddTasks(c, e.ID, []catalog.NewTask{stage.Convert(params)})
	return err
}

func (s *Service) flavorSetAsSource(c *rpc.Call, in struct {
	ID string `k:"assetId" ref:"flavorAsset"`
}) (rpc.Void, error) {
	a, e, err := s.find(c, flavors, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	if a.Original {
		return rpc.Void{}, nil
	}
	if a.Status != catalog.AssetReady {
		return rpc.Void{}, rpc.E("FLAVOR_ASSET_IS_NOT_READY")
	}
	// What has no file of its own cannot be what others are made of.
	if a.Key == "" || a.IndexKey != "" {
		return rpc.Void{}, rpc.E("ASSET_NOT_ALLOWED", "ID", in.ID)
	}
	return rpc.Void{}, s.Catalog.SwapOriginal(c, e.ID, a.ID)
}
