package upload_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	api "sluice/api/upload"
	"sluice/catalog"
	"sluice/ingest/tus"
)

// gate is what sessions and accounts say; the zero value lets everybody in.
type gate struct {
	open    error
	session ks.Session
	forbid  bool
	blocked bool
	gone    bool
	broken  error
	counted int
}

func (g *gate) Open(_ context.Context, token string, from ks.Origin) (*ks.Session, error) {
	if g.open != nil {
		return nil, g.open
	}
	s := g.session
	s.Token, s.Account, s.User, s.Expires = token+"@"+from.IP.String(), account, "anna", time.Now().Add(time.Hour)
	return &s, nil
}

func (g *gate) Count(context.Context, *ks.Session) error { g.counted++; return nil }

func (g *gate) Permits(_ context.Context, _ *ks.Session, service, action string) (bool, error) {
	return !g.forbid && service == "uploadtoken" && action == "upload", g.broken
}

func (g *gate) Account(_ context.Context, id catalog.AccountID) (catalog.Account, error) {
	if g.gone {
		return catalog.Account{}, catalog.ErrNotFound
	}
	a := catalog.Account{ID: id, Status: 1}
	if g.blocked {
		a.Status = 2
	}
	return a, nil
}

func TestTheDoorKnowsItsSenders(t *testing.T) {
	ip := func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") }
	request := func(hdr ...string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/x", nil)
		for i := 0; i < len(hdr); i += 2 {
			r.Header.Set(hdr[i], hdr[i+1])
		}
		return r
	}
	limited := ks.Session{Privileges: ks.ParsePrivileges("actionslimit:3")}
	for name, c := range map[string]struct {
		gate    gate
		request *http.Request
		session string
		status  int // 0: let in
		counted int
	}{
		"by its header":           {gate{}, request("Authorization", "KS abc"), "", 0, 0},
		"by a bearer":             {gate{}, request("Authorization", "Bearer abc"), "", 0, 0},
		"by Kaltura's header":     {gate{}, request("X-Kaltura-Ks", "abc"), "", 0, 0},
		"by the query":            {gate{}, httptest.NewRequest(http.MethodPost, "/x?ks=abc", nil), "", 0, 0},
		"by metadata":             {gate{}, request(), "abc", 0, 0},
		"no session":              {gate{}, request(), "", 401, 0},
		"a basic password":        {gate{}, request("Authorization", "Basic eA=="), "", 401, 0},
		"an expired session":      {gate{open: rpc.E("INVALID_KS", "KSID", "x", "ERR_CODE", "-8", "ERR_DESC", "EXPIRED")}, request(), "abc", 401, 0},
		"a role without uploads":  {gate{forbid: true}, request(), "abc", 403, 0},
		"a session for one entry": {gate{session: ks.Session{Privileges: ks.ParsePrivileges("limitentry:0_x")}}, request(), "abc", 403, 0},
		"a blocked account":       {gate{blocked: true}, request(), "abc", 403, 0},
		"an account that is gone": {gate{gone: true}, request(), "abc", 403, 0},
		"limited actions":         {gate{session: limited}, request(), "abc", 0, 1},
		"limited, a chunk":        {gate{session: limited}, httptest.NewRequest(http.MethodPatch, "/x", nil), "abc", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := api.Door{Sessions: &c.gate, Accounts: &c.gate, ClientIP: ip}
			who, err := d.Sender(c.request, c.session)
			var refusal *tus.Refusal
			switch {
			case c.status == 0 && (err != nil || who != tus.Sender{Account: account, User: "anna"}):
				t.Errorf("%+v, %v", who, err)
			case c.status > 0 && (!errors.As(err, &refusal) || refusal.Status != c.status || refusal.Text == ""):
				t.Errorf("error %v, want status %d", err, c.status)
			}
			if c.gate.counted != c.counted {
				t.Errorf("%d actions were counted, want %d", c.gate.counted, c.counted)
			}
		})
	}
	broken := errors.New("redis is away")
	d := api.Door{Sessions: &gate{broken: broken}, Accounts: &gate{}, ClientIP: ip}
	if _, err := d.Sender(request(), "abc"); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
