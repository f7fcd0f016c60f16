package asset

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/sources"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/storage"
)

// Service answers for assets. All fields are needed, save Signer and Pictures.
type Service struct {
	Catalog *catalog.DB
	Store   storage.Store
	Content *content.Service
	Guard   *access.Guard
	Log     *slog.Logger
	// Signer signs the URLs of entries that not everybody may have; without it such URLs work with a session only.
	Signer sources.Signer
	// Pictures makes pictures of entries; without it thumbnails cannot be generated.
	Pictures Pictures
}

// Pictures makes a picture of an entry as the keys of a thumbnail URL ask (width, vid_sec, type, …).
type Pictures interface {
	Picture(ctx context.Context, e catalog.Entry, keys map[string]string) (data []byte, contentType string, err error)
}

// Register adds the services.
func (s *Service) Register(r *rpc.Registry) {
	s.registerFlavors(r)
	s.registerCaptions(r)
	s.registerAttachments(r)
	s.registerThumbs(r)
	s.registerMediaInfo(r)
}

// kind is one type of assets: how the catalog calls it and which exception says that there is none.
type kind struct {
	typ     catalog.AssetType
	missing func(id string) error
}

var (
	flavors     = kind{catalog.AssetFlavor, func(id string) error { return rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", id) }}
	captions    = kind{catalog.AssetCaption, func(id string) error { return rpc.E("CAPTION_ASSET_ID_NOT_FOUND", "ASSET_ID", id) }}
	attachments = kind{catalog.AssetAttachment, func(id string) error { return rpc.E("ATTACHMENT_ASSET_ID_NOT_FOUND", "ASSET_ID", id) }}
	thumbs      = kind{catalog.AssetThumb, func(id string) error { return rpc.E("THUMB_ASSET_ID_NOT_FOUND", "ID", id) }}
)

// find returns an asset with its entry, when the call may do with the entry what it wants. Assets that don't exist, are
// deleted or belong to another account give the same exception.
func (s *Service) find(c *rpc.Call, k kind, id string, want access.Want) (catalog.Asset, catalog.Entry, error) {
	a, err := s.Catalog.Asset(c, catalog.AssetID(id))
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return catalog.Asset{}, catalog.Entry{}, k.missing(id)
	case err != nil:
		return catalog.Asset{}, catalog.Entry{}, err
	case a.Account != c.AccountID(), a.Type != k.typ, a.Status == catalog.AssetDeleted:
		return catalog.Asset{}, catalog.Entry{}, k.missing(id)
	}
	e, err := access.Entry(c, s.Catalog, string(a.Entry), want)
	var exc *rpc.Error
	if errors.As(err, &exc) && exc.Code == "ENTRY_ID_NOT_FOUND" {
		err = k.missing(id)
	}
	return a, e, err
}

// mediaEntry returns an entry that a call may change and that can have renditions, captions and the like: no picture.
func (s *Service) mediaEntry(c *rpc.Call, id string) (catalog.Entry, error) {
	e, err := access.Entry(c, s.Catalog, id, access.Edit)
	if err == nil && e.MediaType == catalog.MediaImage {
		err = access.NotFound(id)
	}
	return e, err
}

// add stores a new asset of an entry and returns it.
func (s *Service) add(c *rpc.Call, e catalog.Entry, a catalog.Asset) (catalog.Asset, error) {
	a.ID, a.Status, a.Version = catalog.NewAssetID(), catalog.AssetQueued, e.Version
	if a.Name == "" {
		a.Name = addedName + string(a.ID)
	}
	made, err := s.Catalog.AddAssets(c, e.ID, []catalog.Asset{a})
	if err != nil {
		return catalog.Asset{}, s.refused(err)
	}
	return made[0], nil
}

// addedName begins the names of assets that clients made, before the id.
const addedName = "added-"

// change updates an asset by fn and returns it.
func (s *Service) change(c *rpc.Call, id catalog.AssetID, fn func(*catalog.Asset)) (catalog.Asset, error) {
	var out catalog.Asset
	err := s.Catalog.UpdateAsset(c, id, func(a *catalog.Asset) error {
		fn(a)
		out = *a
		return nil
	})
	return out, s.refused(err)
}

// refused is the exception for what the catalog cannot store.
func (s *Service) refused(err error) error {
	if errors.Is(err, catalog.ErrInvalid) {
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", err.Error()).Because(err)
	}
	return err
}

// onlyDefault clears the default flag of the entry's other assets of a type, of one language when given.
func (s *Service) onlyDefault(c *rpc.Call, chosen catalog.Asset) error {
	list, err := s.Catalog.Assets(c, chosen.Entry, chosen.Type)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.ID == chosen.ID || !a.Default || a.Kind != chosen.Kind {
			continue
		}
		if _, err := s.change(c, a.ID, func(a *catalog.Asset) { a.Default = false }); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an asset and its objects. The objects of what players may be reading go with the next purge.
func (s *Service) remove(c *rpc.Call, a catalog.Asset) error {
	if err := s.Catalog.DeleteAsset(c, a.ID); err != nil {
		return err
	}
	for _, key := range []string{a.Key, a.IndexKey} {
		if key == "" {
			continue
		}
		if err := s.Store.Delete(c, key); err != nil && !errors.Is(err, storage.ErrNotExist) {
			s.Log.Warn("object of a deleted asset left behind", "asset", a.ID, "key", key, "error", err)
		}
	}
	return nil
}

// contentError is the exception for content that was refused.
func contentError(err error, src kaltura.AnyResource) error {
	var e *content.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case content.NoToken:
		return rpc.E("UPLOAD_TOKEN_NOT_FOUND").Because(err)
	case content.TokenState:
		return rpc.E("UPLOAD_TOKEN_INVALID_STATUS_FOR_ADD_ENTRY").Because(err)
	case content.NoEntry:
		return access.NotFound(e.Object)
	case content.NoAsset:
		return rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", e.Object)
	case content.NoFile:
		return rpc.E("FILE_DOESNT_EXIST").Because(err)
	case content.Restricted:
		return rpc.E("FILE_CONTENT_NOT_SECURE").Because(err)
	case content.NotSupported:
		return rpc.E("RESOURCE_TYPE_NOT_SUPPORTED", "RES_TYPE", className(src)).Because(err)
	case content.BadURL:
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "url").Because(err)
	case content.NoText:
		return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", className(src)+"::content").Because(err)
	case content.BadClip:
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "operationAttributes").Because(err)
	}
	return err
}

// className is the wire's name of an object's class.
func className(o rpc.Class) string {
	if o == nil {
		return ""
	}
	return "Kaltura" + reflect.TypeOf(o).Elem().Name()
}

// setContent gives an asset what a resource of the request stands for.
func (s *Service) setContent(c *rpc.Call, id catalog.AssetID, r kaltura.AnyResource) error {
	src, err := r.Source()
	if err != nil {
		return err
	}
	if err := access.Source(c, s.Catalog, src); err != nil {
		return err
	}
	return contentError(s.Content.SetAsset(c, c.AccountID(), id, src), r)
}

// version grows with every change of an asset's content; caches see another URL by it.
func version(a catalog.Asset) string { return strconv.Itoa(a.Version + a.Revision) }
