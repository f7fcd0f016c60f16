package access

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// Context is what a request does with an entry; the values are ContextType of the wire.
type Context string

// Contexts.
const (
	Play      Context = "1"
	Download  Context = "2"
	Thumbnail Context = "3"
	Metadata  Context = "4"
	Export    Context = "5"
	Serve     Context = "6"
)

// Request is what rules know of a request.
type Request struct {
	Entry    catalog.EntryID
	Contexts []Context
	Session  *ks.Session // nil without one
	IP       netip.Addr
	// Referrer is the URL of the page that embeds the player.
	Referrer  string
	UserAgent string
	Header    http.Header
	Now       time.Time
	// Geo tells where addresses are; nil knows of none.
	Geo Geo
	// listed says that the session carries sviewplaylist for a playlist that has the entry.
	listed bool
}

// Geo tells where an address is.
type Geo interface {
	// Place returns what is known of the address, and whether anything is.
	Place(addr netip.Addr) (Place, bool)
}

// Place is where an address is.
type Place struct {
	Country             string // ISO 3166-1 alpha-2, upper case
	Latitude, Longitude float64
	// Anonymous lists the ways in which the address hides its user: "anonymizer", "vpn", "tor", "hosting", …
	Anonymous []string
}

// may says whether the session carries a privilege for the entry.
func (r *Request) may(privilege string) bool {
	return privilege == "sviewplaylist" && r.listed || r.Session != nil && r.Session.Has(privilege, string(r.Entry))
}

func (r *Request) admin() bool { return r.Session != nil && r.Session.Admin() }

func (r *Request) in(c Context) bool { return slices.Contains(r.Contexts, c) }

// vendorRole is the role of the tasks' access keys, which rules don't apply to.
const vendorRole = "REACH_VENDOR_ROLE"

// exempt says whether no rule applies: the session is a vendor's key for this entry, or may download it.
func (r *Request) exempt() bool {
	if r.Session == nil {
		return false
	}
	if roles, _ := r.Session.Value("setrole"); slices.Contains(roles, vendorRole) && r.may("sview") {
		return true
	}
	return r.in(Download) && r.may("download")
}

// host is the referrer's host without port, in lower case; empty when there is none.
func (r *Request) host() string {
	ref := r.Referrer
	if !strings.Contains(ref, "://") {
		ref = "http://" + ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
