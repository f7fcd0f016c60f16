package access

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// Entitlement keeps the entries of private categories, which are those with a privacy context, to whom they are for (§4.7 of
// the API contract). It is enforced for user sessions and for requests without one, unless they carry disableentitlement, and
// for administrators that carry enableentitlement.

// Enforced says whether a session is subject to entitlement.
func Enforced(s *ks.Session) bool {
	if s == nil {
		return true
	}
	if _, on := s.Value("enableentitlement"); on {
		return true
	}
	_, off := s.Value("disableentitlement")
	return !off && !s.Admin()
}

// viewer is who asks for entries: nobody for requests without a user.
type viewer struct {
	user string
	// contexts are the privacy contexts that the session names; it then sees entries of those only.
	contexts []string
}

func viewerOf(s *ks.Session) (v viewer) {
	if s == nil {
		return v
	}
	if s.User != "0" {
		v.user = s.User
	}
	v.contexts, _ = s.Value("privacycontext")
	return v
}

// admitted says whether the entries of a private category are for the viewer.
func (v viewer) admitted(p catalog.Privacy) bool {
	if len(v.contexts) > 0 && !slices.ContainsFunc(p.Contexts, func(c string) bool { return slices.Contains(v.contexts, c) }) {
		return false
	}
	switch p.Level {
	case catalog.PrivacyAll:
		return true
	case catalog.PrivacyAuthenticated:
		return v.user != ""
	}
	return p.Member
}

// Entitled says whether a session of the entry's account may know of the entry.
func Entitled(ctx context.Context, db *catalog.DB, s *ks.Session, e catalog.Entry) (bool, error) {
	if !Enforced(s) {
		return true, nil
	}
	v := viewerOf(s)
	if len(e.CategoryIDs) == 0 && len(v.contexts) == 0 || v.user != "" && (slices.Contains(owners(e), v.user) ||
		slices.Contains(e.Publishers, v.user) || slices.Contains(e.Viewers, v.user)) {
		return true, nil
	}
	if exempt, err := exempted(ctx, db, s, e); exempt || err != nil {
		return exempt, err
	}
	private, err := db.Privacies(ctx, e.Account, categoryIDs(e.CategoryIDs), v.user)
	if err != nil {
		return false, err
	}
	return len(private) == 0 && len(v.contexts) == 0 || slices.ContainsFunc(private, v.admitted), nil
}

// exempted says whether the session names the entry, one that it belongs to, or a playlist that has it as free of entitlement.
func exempted(ctx context.Context, db *catalog.DB, s *ks.Session, e catalog.Entry) (bool, error) {
	if s == nil {
		return false, nil
	}
	ids, _ := s.Value("disableentitlementforentry")
	for _, id := range []catalog.EntryID{e.ID, e.Parent, e.Root} {
		if id != "" && slices.Contains(ids, string(id)) {
			return true, nil
		}
	}
	return Listed(ctx, db, s, "disableentitlementforplaylist", e)
}

// maxPlaylists bounds the playlists of a session that are looked into.
const maxPlaylists = 10

// Listed says whether the session carries a privilege for a static playlist that has the entry.
func Listed(ctx context.Context, db *catalog.DB, s *ks.Session, privilege string, e catalog.Entry) (bool, error) {
	if s == nil {
		return false, nil
	}
	ids, _ := s.Value(privilege)
	for _, id := range ids[:min(len(ids), maxPlaylists)] {
		list, err := db.Entry(ctx, e.Account, catalog.EntryID(id))
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if list.Type != catalog.EntryPlaylist || list.Status == catalog.EntryDeleted {
			continue
		}
		for member := range strings.SplitSeq(list.Details.Content, ",") {
			if catalog.EntryID(strings.TrimSpace(member)) == e.ID {
				return true, nil
			}
		}
	}
	return false, nil
}

// EntitledOnly is the condition that a list of entries has for a session; ok is false when it has none.
func EntitledOnly(ctx context.Context, db *catalog.DB, account catalog.AccountID, s *ks.Session) (cond catalog.Cond, ok bool, err error) {
	if !Enforced(s) {
		return cond, false, nil
	}
	v := viewerOf(s)
	private, err := db.AllPrivacies(ctx, account, v.user)
	if err != nil || len(private) == 0 && len(v.contexts) == 0 {
		return cond, false, err
	}
	e := catalog.Entitlement{User: v.user, Others: len(v.contexts) == 0}
	for _, p := range private {
		e.Private = append(e.Private, p.ID)
		if v.admitted(p) {
			e.Open = append(e.Open, p.ID)
		}
	}
	if s != nil {
		ids, _ := s.Value("disableentitlementforentry")
		for _, id := range ids {
			e.Entries = append(e.Entries, catalog.EntryID(id))
		}
	}
	return catalog.Cond{Field: "entitled", Op: catalog.OpEq, Values: []any{e}}, true, nil
}

func categoryIDs(list []string) []catalog.CategoryID {
	var out []catalog.CategoryID
	for _, s := range list {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			out = append(out, catalog.CategoryID(n))
		}
	}
	return out
}
