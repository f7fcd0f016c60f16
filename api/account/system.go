package account

import (
	"strconv"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// apiVersion is the version of the protocol's clients that this server answers.
const apiVersion = "21.20.0"

func (s *Service) registerSystem(r *rpc.Registry) {
	v := r.Service("system", "Tells whether the platform answers.")
	rpc.Action(v, "ping", "Answers true.", func(*rpc.Call, rpc.None) (bool, error) { return true, nil }, rpc.For(rpc.Public))
	rpc.Action(v, "getTime", "Returns the server's time, in seconds since the epoch.", func(*rpc.Call, rpc.None) (int64, error) {
		return time.Now().Unix(), nil
	}, rpc.For(rpc.Public))
	rpc.Action(v, "getVersion", "Returns the version of the protocol.", func(*rpc.Call, rpc.None) (string, error) {
		return apiVersion, nil
	}, rpc.For(rpc.Public))
	rpc.Action(v, "pingDatabase", "Says whether the catalog answers.", func(c *rpc.Call, _ rpc.None) (bool, error) {
		if err := s.Catalog.Check(c); err != nil {
			return false, rpc.E("INTERNAL_DATABASE_ERROR").Because(err)
		}
		return true, nil
	}, rpc.For(rpc.Public))
}

func (s *Service) registerPartner(r *rpc.Registry) {
	v := r.Service("partner", "Tells of accounts.")
	rpc.Action(v, "get", "Returns the session's account; administrators see its secrets.", s.partner)
	rpc.Action(v, "getInfo", "Returns the session's account.", func(c *rpc.Call, _ rpc.None) (*kaltura.Partner, error) {
		return s.partner(c, partnerIn{})
	})
	rpc.Action(v, "getPublicInfo", "Returns what anyone may know of an account.", s.publicInfo, rpc.For(rpc.Public))
}

type partnerIn struct {
	ID int64 `k:"id" default:"0" ref:"partner"`
}

func (s *Service) partner(c *rpc.Call, in partnerIn) (*kaltura.Partner, error) {
	if in.ID != 0 && catalog.AccountID(in.ID) != c.AccountID() {
		return nil, unknownPartner(in.ID)
	}
	p := kaltura.PartnerOf(c.Account, c.Base)
	if !c.Admin() {
		return p, nil
	}
	shown, err := s.Sessions.Permits(c, c.Session, "partner", "getsecrets")
	if err != nil || !shown {
		return p, err
	}
	secrets, err := s.Catalog.Secrets(c, c.AccountID())
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets { // the newest of a kind comes first
		switch {
		case secret.Kind == catalog.AdminSecret && p.AdminSecret == nil:
			p.AdminSecret = new(secret.Text)
		case secret.Kind == catalog.UserSecret && p.Secret == nil:
			p.Secret = new(secret.Text)
		}
	}
	return p, nil
}

func (s *Service) publicInfo(c *rpc.Call, in struct {
	ID int64 `k:"id" default:"0" ref:"-"`
}) (*kaltura.PartnerPublicInfo, error) {
	id := catalog.AccountID(in.ID)
	if id == 0 {
		id = c.AccountID()
	}
	if _, err := s.Sessions.Account(c, id); err != nil {
		return nil, wire(err, unknownPartner(int64(id)), "id")
	}
	return &kaltura.PartnerPublicInfo{AnalyticsURL: new(""), OTTEnvironmentURL: new(""), AnalyticsPersistentSessionID: new(false)}, nil
}

func unknownPartner(id int64) *rpc.Error {
	return rpc.E("UNKNOWN_PARTNER_ID", "PID", strconv.FormatInt(id, 10))
}
