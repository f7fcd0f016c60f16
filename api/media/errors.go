package media

import (
	"errors"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
	"sluice/ingest/content"
)

func notFound(id string) error { return access.NotFound(id) }

// failure is an error of the catalog or of content as the exception for a call about an entry.
func failure(err error, entry string) error {
	var e *content.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return contentFailure(e, err, entry)
	case errors.Is(err, catalog.ErrNotFound):
		return rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", entry).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "entry").Because(err)
	}
	return err
}

func contentFailure(e *content.Error, err error, entry string) error {
	switch e.Kind {
	case content.NoEntry:
		id := e.Object
		if id == "" {
			id = entry
		}
		return rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", id).Because(err)
	case content.HasContent:
		return rpc.E("ENTRY_ALREADY_WITH_CONTENT").Because(err)
	case content.NoAsset:
		return rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", e.Object).Because(err)
	case content.NoToken:
		return rpc.E("UPLOAD_TOKEN_NOT_FOUND").Because(err)
	case content.TokenState:
		return rpc.E("UPLOAD_TOKEN_INVALID_STATUS_FOR_ADD_ENTRY").Because(err)
	case content.NoFile:
		return rpc.E("FILE_DOESNT_EXIST").Because(err)
	case content.BadURL:
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "url").Because(err)
	case content.NoText:
		return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "resource").Because(err)
	case content.BadClip:
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "operationAttributes").Because(err)
	case content.Restricted:
		return rpc.E("UPLOAD_TOKEN_FILE_TYPE_RESTRICTED_FOR_UPLOAD").Because(err)
	}
	return rpc.E("RESOURCE_TYPE_NOT_SUPPORTED", "RES_TYPE", e.Object).Because(err)
}
