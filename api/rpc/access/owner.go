package access

import (
	"context"
	"fmt"
	"strings"

	"sluice/catalog"
)

// Owner returns what finds the account of an entry or asset (kinds "entry" and "…Asset") by its id: see rpc.Config.
func Owner(db *catalog.DB) func(ctx context.Context, kind, id string) (catalog.AccountID, error) {
	return func(ctx context.Context, kind, id string) (catalog.AccountID, error) {
		switch {
		case kind == "entry":
			e, err := db.EntryByID(ctx, catalog.EntryID(id))
			return e.Account, err
		case strings.HasSuffix(kind, "Asset"):
			a, err := db.Asset(ctx, catalog.AssetID(id))
			return a.Account, err
		}
		return 0, fmt.Errorf("%s %s: %w", kind, id, catalog.ErrNotFound)
	}
}
