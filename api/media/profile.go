package media

import (
	"context"

	"sluice/api/rpc"
	"sluice/catalog"
)

// defaultProfile is the id of the account's default conversion profile, 0 when it has none.
func defaultProfile(_ context.Context, _ *catalog.DB, _ catalog.AccountID) (int64, error) {
	return 0, nil
}

// checkProfile says that a conversion profile does not exist.
func (s *Service) checkProfile(_ *rpc.Call, _ int64) error { return nil }

// ensureUser makes a user that was named for the first time.
func ensureUser(ctx context.Context, db *catalog.DB, account catalog.AccountID, id string) error {
	_, err := db.EnsureUser(ctx, account, id)
	return err
}
