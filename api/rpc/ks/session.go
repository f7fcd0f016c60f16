package ks

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/catalog"
)

// Types of sessions.
const (
	UserType  = 0
	AdminType = 2
)

// Session is a parsed token.
type Session struct {
	// Token is the text as sent.
	Token string
	// ID identifies the token for revocation: lower-case hex of its hash.
	ID         string
	Account    catalog.AccountID
	User       string
	Type       int
	Expires    time.Time
	Privileges []Privilege
	// Master is the account that impersonates Account; 0 for none.
	Master catalog.AccountID
	// Data is what the server added to the token for itself; usually empty.
	Data string
}

// Privilege is one privilege of a token, in the order of the token.
type Privilege struct{ Name, Value string }

// Origin is where a token came from: what iprestrict and urirestrict are compared with.
type Origin struct {
	IP  netip.Addr
	URI string
}

// Admin says whether the session is an administrator's.
func (s *Session) Admin() bool { return s.Type >= 1 }

// Widget says whether the session is a widget's: a user session without a user that carries widget:1.
func (s *Session) Widget() bool {
	if s.Type != UserType || s.User != "" && s.User != "0" {
		return false
	}
	return slices.Contains(s.Privileges, Privilege{"widget", "1"})
}

// objectPrivileges are those that name objects: "*" and all:* stand for them. The others mark or restrict a session, and
// no wildcard switches those on.
var objectPrivileges = []string{
	"edit", "view", "sview", "list", "download", "downloadasset", "editplaylist", "sviewplaylist", "editcuepoint", "caption", "edituser",
}

// Has says whether the token carries the privilege for the object: by name (several objects are separated by slashes),
// for all objects by "*", or every privilege that names objects by the privilege "*" or all:*.
func (s *Session) Has(name, object string) bool {
	for _, p := range s.Privileges {
		if p.all() && slices.Contains(objectPrivileges, name) {
			return true
		}
		if p.Name != name {
			continue
		}
		for v := range strings.SplitSeq(p.Value, "/") {
			if v == "*" || v == object {
				return true
			}
		}
	}
	return false
}

// Value returns the values of a privilege that the token carries, and whether it does.
func (s *Session) Value(name string) (values []string, ok bool) {
	for _, p := range s.Privileges {
		if p.Name == name {
			values, ok = append(values, strings.Split(p.Value, "/")...), true
		}
	}
	return values, ok
}

// Time is when the session works: its reftime, or now.
func (s *Session) Time(now time.Time) time.Time {
	if v, ok := s.Value("reftime"); ok {
		if t, err := strconv.ParseInt(v[0], 10, 64); err == nil && t > 0 {
			return time.Unix(t, 0)
		}
	}
	return now
}

// GroupID identifies the session's group for revocation, the sessions of an account that carry the same sessionid; it is
// empty for a session without one.
func (s *Session) GroupID() string {
	for _, p := range s.Privileges {
		if p.Name == "sessionid" {
			return GroupID(s.Account, p.Value)
		}
	}
	return ""
}

// GroupID is the revocation id of all sessions of the account that carry the sessionid.
func GroupID(account catalog.AccountID, sessionID string) string {
	return sha1Hex(strconv.FormatInt(int64(account), 10) + "_" + sessionID)
}
