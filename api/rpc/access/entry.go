package access

import (
	"cmp"
	"errors"
	"slices"

	"sluice/api/rpc"
	"sluice/catalog"
)

// Want is what a call wants to do with an entry.
type Want int

// What a call may want.
const (
	// View reads the entry or what belongs to it. Every session of the account may.
	View Want = iota
	// Edit changes the entry or what belongs to it. Administrators may, and users who own the entry, are among its
	// editors or carry edit for it or editplaylist for a playlist that has it; a session with limitentry may edit that entry only.
	Edit
)

// Entry returns the entry that a call names, when the call may do with it what it wants. Entries that don't exist, are
// deleted, belong to another account or to a private category give the same ENTRY_ID_NOT_FOUND; an entry that the session may not edit gives
// INVALID_KS, as the protocol has it.
func Entry(c *rpc.Call, db *catalog.DB, id string, want Want) (catalog.Entry, error) {
	e, err := db.EntryByID(c, catalog.EntryID(id))
	if err = mine(c, db, e, id, err); err != nil {
		return catalog.Entry{}, err
	}
	if want == Edit && !mayEdit(c, e) {
		if listed, err := Listed(c, db, c.Session, "editplaylist", e); err != nil || !listed || limited(c, e) {
			return catalog.Entry{}, cmp.Or(err, Denied())
		}
	}
	return e, nil
}

// Shown is Entry for a call that looks at the entry, with the params of its ready flavors.
func Shown(c *rpc.Call, db *catalog.DB, id string) (catalog.Entry, []int64, error) {
	e, params, err := db.EntryShown(c, catalog.EntryID(id))
	if err = mine(c, db, e, id, err); err != nil {
		return catalog.Entry{}, nil, err
	}
	return e, params, nil
}

// mine says why the account has no such entry for the call, or why that is not known.
func mine(c *rpc.Call, db *catalog.DB, e catalog.Entry, id string, err error) error {
	if errors.Is(err, catalog.ErrNotFound) || err == nil && (e.Account != c.AccountID() || e.Status == catalog.EntryDeleted) {
		return NotFound(id)
	}
	if err != nil {
		return err
	}
	entitled, err := Entitled(c, db, c.Session, e)
	if err == nil && !entitled {
		return NotFound(id)
	}
	return err
}

// limited says whether the session may change other entries only.
func limited(c *rpc.Call, e catalog.Entry) bool {
	only, limited := c.Session.Value("limitentry")
	return limited && !slices.Contains(only, string(e.ID))
}

// mayEdit says whether the call may change an entry of its account, as far as the entry and the session tell.
func mayEdit(c *rpc.Call, e catalog.Entry) bool {
	if c.Session == nil || limited(c, e) {
		return false
	}
	return c.Admin() || c.May("edit", string(e.ID)) || owns(c.User(), e)
}

// owns says whether the user is the owner of the entry or among its editors.
func owns(user string, e catalog.Entry) bool {
	return user != "" && user != "0" && slices.Contains(owners(e), user)
}

// NotFound is the exception for an entry that the account does not have.
func NotFound(id string) error { return rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", id) }

// Denied is the exception for a session that may not do what it asks with an object that it may see.
func Denied() error {
	return rpc.E("INVALID_KS", "KSID", "", "ERR_CODE", "-4", "ERR_DESC", "INVALID_TYPE")
}
