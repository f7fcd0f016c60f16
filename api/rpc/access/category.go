package access

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// CategoryLevel is what the call may do in a category: everything, when its session is not subject to entitlement and an
// administrator's or free of entitlement; else what its user may as a member.
func CategoryLevel(c *rpc.Call, db *catalog.DB, row catalog.Category) (catalog.MemberLevel, error) {
	if !Enforced(c.Session) {
		return catalog.LevelManager, nil
	}
	return db.Level(c, row, viewerOf(c.Session).user)
}

// Contribute refuses a call that may not put entries into a category. Those of a moderated one then wait for a moderator.
func Contribute(c *rpc.Call, db *catalog.DB, row catalog.Category) (moderated bool, err error) {
	if !Enforced(c.Session) {
		return false, nil
	}
	allowed, moderated, err := db.Contribution(c, row, viewerOf(c.Session).user)
	if err == nil && !allowed {
		err = rpc.E("CANNOT_ASSIGN_ENTRY_TO_CATEGORY")
	}
	return moderated, err
}
