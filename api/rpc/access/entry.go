package access

import (
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
	// editors or carry edit for it; a session with limitentry may edit that entry only.
	Edit
)

// Entry returns the entry that a call names, when the call may do with it what it wants. Entries that don't exist, are
// deleted or belong to another account give the same ENTRY_ID_NOT_FOUND; an entry that the session may not edit gives
// INVALID_KS, as the protocol has it.
func Entry(c *rpc.Call, db *catalog.DB, id string, want Want) (catalog.Entry, error) {
	e, err := db.EntryByID(c, catalog.EntryID(id))
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return catalog.Entry{}, NotFound(id)
	case err != nil:
		return catalog.Entry{}, err
	case e.Account != c.AccountID() || e.Status == catalog.EntryDeleted:
		return catalog.Entry{}, NotFound(id)
	case want == Edit && !MayEdit(c, e):
		return catalog.Entry{}, Denied()
	}
	return e, nil
}

// MayEdit says whether the call may change an entry of its account.
func MayEdit(c *rpc.Call, e catalog.Entry) bool {
	if c.Session == nil {
		return false
	}
	if only, limited := c.Session.Value("limitentry"); limited && !slices.Contains(only, string(e.ID)) {
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
