package asset

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

type captionFilter = rpc.FilterOf[kaltura.CaptionAsset]

func (s *Service) registerCaptions(r *rpc.Registry) {
	svc := r.Service("caption_captionAsset", "Caption files of entries.")
	rpc.Action(svc, "add", "Adds captions without content.", s.captionAdd)
	rpc.Action(svc, "setContent", "Gives captions their content.", s.captionSetContent)
	rpc.Action(svc, "update", "Changes what is said of captions.", s.captionUpdate)
	rpc.Action(svc, "setAsDefault", "Makes captions the ones that players show unasked.", s.captionSetDefault)
	rpc.Action(svc, "get", "Returns captions.", s.captionGet)
	rpc.Action(svc, "list", "Lists the captions of entries.", s.captionList)
	rpc.Action(svc, "delete", "Deletes captions.", s.captionDelete)
	rpc.Action(svc, "getUrl", "Returns the URL of a caption file.", s.captionURL)
	rpc.Action(svc, "serve", "Serves a caption file as it was given, or in another format.", s.captionServe, rpc.For(rpc.Public))
	rpc.Action(svc, "serveByEntryId", "Serves an entry's caption file.", s.captionServeByEntry, rpc.For(rpc.Public))
	rpc.Action(svc, "serveWebVTT", "Serves captions as WebVTT: a playlist of segments, one segment, or all.", s.captionServeWebVTT, rpc.For(rpc.Public))
	rpc.Action(svc, "serveAsJson", "Serves captions as JSON.", s.captionServeJSON, rpc.For(rpc.Public))
}

func (s *Service) captionAdd(c *rpc.Call, in struct {
	EntryID string                `k:"entryId" ref:"entry"`
	Caption *kaltura.CaptionAsset `k:"captionAsset" for:"add" required:"true"`
}) (*kaltura.CaptionAsset, error) {
	e, err := s.mediaEntry(c, in.EntryID)
	if err != nil {
		return nil, err
	}
	a := catalog.Asset{Type: catalog.AssetCaption, Kind: "text", Language: "und", Container: kaltura.CaptionContainer(kaltura.CaptionSRT)}
	a.Details.Format = kaltura.CaptionSRT
	if err := s.checkCaption(c, e, in.Caption); err != nil {
		return nil, err
	}
	in.Caption.Apply(&a)
	if c.Session != nil {
		if _, moderated := c.Session.Value("enablecaptionmoderation"); moderated {
			a.Details.Hidden = true
		}
	}
	if a, err = s.add(c, e, a); err != nil {
		return nil, err
	}
	if a.Default {
		if err := s.onlyDefault(c, a); err != nil {
			return nil, err
		}
	}
	return kaltura.Caption(a), nil
}

// checkCaption refuses what captions cannot be, and parameters that the entry has captions for.
func (s *Service) checkCaption(c *rpc.Call, e catalog.Entry, in *kaltura.CaptionAsset) error {
	if in.Language != nil && !kaltura.KnownLanguage(*in.Language) {
		return rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", *in.Language, "PARAM_NAME", "language", "ENUM_TYPE", "KalturaLanguage")
	}
	if in.ParentID != nil {
		if p, _, err := s.find(c, captions, *in.ParentID, access.View); err != nil || p.Entry != e.ID {
			return captions.missing(*in.ParentID)
		}
	}
	if in.CaptionParamsID == nil || *in.CaptionParamsID == 0 {
		return nil
	}
	list, err := s.Catalog.Assets(c, e.ID, catalog.AssetCaption)
	if err != nil {
		return err
	}
	for _, old := range list {
		if old.ParamsID == *in.CaptionParamsID && old.Version == e.Version {
			return rpc.E("CAPTION_ASSET_ALREADY_EXISTS", "ASSET_ID", string(old.ID), "PARAM_ID", strconv.FormatInt(old.ParamsID, 10))
		}
	}
	return nil
}

func (s *Service) captionSetContent(c *rpc.Call, in struct {
	ID       string              `k:"id" ref:"captionAsset"`
	Resource kaltura.AnyResource `k:"contentResource" required:"true"`
}) (*kaltura.CaptionAsset, error) {
	a, _, err := s.find(c, captions, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := s.setContent(c, a.ID, in.Resource); err != nil {
		return nil, s.captionFailed(c, a, err)
	}
	if a, err = s.Catalog.Asset(c, a.ID); err != nil {
		return nil, err
	}
	if err := (&Splitter{Catalog: s.Catalog, Store: s.Store, Content: s.Content, Log: s.Log}).Split(c, a); err != nil {
		return nil, err
	}
	return kaltura.Caption(a), nil
}

// captionFailed marks captions that wait for their content as failed where the resource is of no use, and returns err.
func (s *Service) captionFailed(c *rpc.Call, a catalog.Asset, err error) error {
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != "RESOURCE_TYPE_NOT_SUPPORTED" || a.Status == catalog.AssetReady {
		return err
	}
	_, failed := s.change(c, a.ID, func(a *catalog.Asset) { a.Status, a.ErrorText = catalog.AssetError, refused.Message() })
	if failed != nil {
		return failed
	}
	return err
}

func (s *Service) captionUpdate(c *rpc.Call, in struct {
	ID      string                `k:"id" ref:"captionAsset"`
	Caption *kaltura.CaptionAsset `k:"captionAsset" for:"update" required:"true"`
}) (*kaltura.CaptionAsset, error) {
	a, e, err := s.find(c, captions, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := s.checkCaption(c, e, in.Caption); err != nil {
		return nil, err
	}
	if a, err = s.change(c, a.ID, in.Caption.Apply); err != nil {
		return nil, err
	}
	if in.Caption.IsDefault != nil && a.Default {
		if err := s.onlyDefault(c, a); err != nil {
			return nil, err
		}
	}
	return kaltura.Caption(a), nil
}

func (s *Service) captionSetDefault(c *rpc.Call, in struct {
	ID string `k:"captionAssetId" ref:"captionAsset"`
}) (rpc.Void, error) {
	a, _, err := s.find(c, captions, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	if a, err = s.change(c, a.ID, func(a *catalog.Asset) { a.Default = true }); err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.onlyDefault(c, a)
}

func (s *Service) captionGet(c *rpc.Call, in struct {
	ID string `k:"captionAssetId" ref:"captionAsset"`
}) (*kaltura.CaptionAsset, error) {
	a, _, err := s.find(c, captions, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return kaltura.Caption(a), nil
}

func (s *Service) captionList(c *rpc.Call, in struct {
	Filter *captionFilter `k:"filter"`
	Pager  *rpc.Pager     `k:"pager"`
}) (*rpc.List[*kaltura.CaptionAsset], error) {
	return listOf(s, c, catalog.AssetCaption, base(in.Filter), in.Pager, kaltura.Caption)
}

func (s *Service) captionDelete(c *rpc.Call, in struct {
	ID string `k:"captionAssetId" ref:"captionAsset"`
}) (rpc.Void, error) {
	a, _, err := s.find(c, captions, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.remove(c, a)
}

func (s *Service) captionURL(c *rpc.Call, in struct {
	ID        string `k:"id" ref:"captionAsset"`
	StorageID *int64 `k:"storageId"`
}) (string, error) {
	a, e, err := s.find(c, captions, in.ID, access.View)
	if err != nil {
		return "", err
	}
	if a.Status != catalog.AssetReady {
		return "", rpc.E("CAPTION_ASSET_IS_NOT_READY", "ASSET_ID", in.ID)
	}
	return s.serveURL(c, e, "caption_captionAsset", "captionAssetId", a)
}
