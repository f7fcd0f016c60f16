package media

import (
	"context"
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

const (
	// noProfile as a conversion profile's id says that nothing is to be made of the content.
	noProfile = -1
	// mediaProfile is the type of the conversion profiles of media, as on the wire.
	mediaProfile = 1
)

// defaultProfile is the id of the account's default conversion profile.
func defaultProfile(ctx context.Context, db *catalog.DB, account catalog.AccountID) (int64, error) {
	p, err := db.DefaultProfile(ctx, account, mediaProfile)
	return p.ID, err
}

// checkProfile says that a conversion profile does not exist. 0 is the default, which does.
func (s *Service) checkProfile(c *rpc.Call, id int64) error {
	if id == 0 || id == noProfile {
		return nil
	}
	_, err := s.Catalog.ConversionProfile(c, c.AccountID(), id)
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.E("CONVERSION_PROFILE_ID_NOT_FOUND", "ID", strconv.FormatInt(id, 10)).Because(err)
	}
	return err
}

// profileOf is the conversion profile that a request names, under its present or its former name.
func profileOf(in kaltura.Entry) int64 {
	if id := kaltura.Value(in.Common().ConversionProfileID); id != 0 {
		return id
	}
	if m, ok := in.(kaltura.Media); ok {
		id, _ := strconv.ParseInt(kaltura.Value(m.Media().ConversionQuality), 10, 64) // former values were words: none
		return id
	}
	return 0
}

// ensureUser makes a user that was named for the first time.
func ensureUser(ctx context.Context, db *catalog.DB, account catalog.AccountID, id string) error {
	_, err := db.EnsureUser(ctx, account, id)
	return err
}
