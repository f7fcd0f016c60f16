// Package ks is the session token of the protocol: minting and parsing of both versions, and what the privileges of a
// token allow. It knows no database; who verifies a token gives the secrets.
package ks

import (
	"net/netip"
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
	return s.Type == UserType && (s.User == "" || s.User == "0") && s.Has("widget", "1")
}

// Has says whether the token carries the privilege for the object: by name (several objects are separated by slashes),
// for all objects by "*", or every privilege for every object by the privilege "*" or all:*.
func (s *Session) Has(name, object string) bool {
	for _, p := range s.Privileges {
		if p.Name == "*" || p.Name == "all" && p.Value == "*" {
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
