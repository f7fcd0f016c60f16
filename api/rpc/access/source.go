package access

import (
	"errors"

	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/ingest/content"
)

// Source says what of a source of content a call may not use. Users have their own upload tokens, administrators all; entries
// must be such as the call may see, and assets of such entries. Whether assets are the account's is checked where they are read.
func Source(c *rpc.Call, db *catalog.DB, src content.Source) error {
	switch src := src.(type) {
	case content.Token:
		t, err := db.UploadToken(c, c.AccountID(), src.ID)
		if errors.Is(err, catalog.ErrNotFound) || err == nil && !c.Admin() && t.User != c.User() {
			return rpc.E("UPLOAD_TOKEN_NOT_FOUND")
		}
		return err
	case content.Entry:
		_, err := Entry(c, db, string(src.ID), View)
		return err
	case content.Asset:
		a, err := db.Asset(c, src.ID)
		if errors.Is(err, catalog.ErrNotFound) || err == nil && a.Account != c.AccountID() {
			return nil // refused where it is read
		}
		if err != nil {
			return err
		}
		_, err = Entry(c, db, string(a.Entry), View)
		var refused *rpc.Error
		if errors.As(err, &refused) {
			return rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", string(src.ID)).Because(err)
		}
		return err
	case content.Clips:
		return Source(c, db, src.Of)
	}
	return nil
}
