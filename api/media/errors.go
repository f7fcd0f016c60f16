package media

import (
	"errors"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
)

func notFound(id string) error { return access.NotFound(id) }

// failure is an error of the catalog as the exception for a call about an entry.
func failure(err error, entry string) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", entry).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "entry").Because(err)
	}
	return err
}

// ignoreMissing turns a missing object into none.
func ignoreMissing(err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	return err
}
