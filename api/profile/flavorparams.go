package profile

import (
	"errors"
	"slices"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Conversion is the services flavorParams, conversionProfile and conversionProfileAssetParams.
type Conversion struct{ Catalog *catalog.DB }

type flavorParamsFilter = rpc.FilterOf[kaltura.FlavorParams]

// Register adds the services and their actions.
func (s *Conversion) Register(r *rpc.Registry) {
	svc := r.Service("flavorParams", "How flavors are made.")
	rpc.Action(svc, "add", "Adds parameters.", s.paramsAdd, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "get", "Returns parameters.", s.paramsGet)
	rpc.Action(svc, "update", "Changes the account's own parameters.", s.paramsUpdate, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "delete", "Deletes the account's own parameters; flavors made by them stay.", s.paramsDelete, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "list", "Lists the account's and the system's parameters.", s.paramsList)
	rpc.Action(svc, "getByConversionProfileId", "Returns the parameters of a conversion profile.", s.paramsOfProfile)
	s.registerProfiles(r)
}

func (s *Conversion) paramsAdd(c *rpc.Call, in struct {
	Params *kaltura.FlavorParams `k:"flavorParams" for:"add" required:"true"`
}) (*kaltura.FlavorParams, error) {
	if kaltura.Value(in.Params.Name) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaFlavorParams::name")
	}
	var p catalog.FlavorParams
	if err := applyParams(c, in.Params, &p); err != nil {
		return nil, err
	}
	p, err := s.Catalog.AddFlavorParams(c, c.AccountID(), p)
	if err != nil {
		return nil, nameTaken(err, in.Params.SystemName)
	}
	return kaltura.Params(p), nil
}

// applyParams sets what is sent and refuses what could not be made of any source.
func applyParams(c *rpc.Call, in *kaltura.FlavorParams, p *catalog.FlavorParams) error {
	if id := kaltura.Value(in.PartnerID); in.PartnerID != nil && catalog.AccountID(id) != c.AccountID() {
		return rpc.E("PARTNER_ACCESS_FORBIDDEN", "ACCESSING_PID", strconv.FormatInt(int64(c.AccountID()), 10), "ACCESSED_PID", strconv.FormatInt(id, 10))
	}
	if err := in.Apply(p); err != nil {
		return err
	}
	limits := []struct {
		bad        bool
		name, want string
	}{
		{p.VideoCodec == "" && p.AudioCodec == "", "videoCodec", "a video or an audio codec"},
		{p.VideoCodec != "" && (p.VideoRate < 16_000 || p.VideoRate > 1_000_000_000), "videoBitrate", "16 to 1000000"},
		{p.AudioCodec != "" && (p.AudioRate < 16_000 || p.AudioRate > 1_024_000), "audioBitrate", "16 to 1024"},
		{p.AudioCodec != "" && p.AudioChannels != 1 && p.AudioChannels != 2 && p.AudioChannels != 6, "audioChannels", "1, 2 or 6"},
		{p.Height == 1 || p.Height > 8192, "height", "0, or 2 to 8192"},
	}
	if p.AudioCodec != "" && p.AudioChannels == 0 {
		p.AudioChannels, limits[3].bad = 2, false
	}
	for _, l := range limits {
		if l.bad {
			return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaFlavorParams::"+l.name, "FORMAT", l.want)
		}
	}
	return nil
}

// nameTaken is the exception for a system name that another noun of the account has.
func nameTaken(err error, name *string) error {
	switch {
	case errors.Is(err, catalog.ErrConflict):
		return rpc.E("SYSTEM_NAME_ALREADY_EXISTS", "SYS_NAME", kaltura.Value(name)).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", err.Error()).Because(err)
	}
	return err
}

// orMissing is the exception code with the id when there is no such noun, else err.
func orMissing(err error, code string, id int64) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.E(code, "ID", strconv.FormatInt(id, 10)).Because(err)
	}
	return err
}

func (s *Conversion) paramsGet(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"flavorParams"`
}) (*kaltura.FlavorParams, error) {
	p, err := s.Catalog.FlavorParams(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, orMissing(err, "FLAVOR_PARAMS_ID_NOT_FOUND", in.ID)
	}
	return kaltura.Params(p), nil
}

func (s *Conversion) paramsUpdate(c *rpc.Call, in struct {
	ID     int64                 `k:"id" ref:"flavorParams"`
	Params *kaltura.FlavorParams `k:"flavorParams" for:"update" required:"true"`
}) (*kaltura.FlavorParams, error) {
	p, err := s.Catalog.UpdateFlavorParams(c, c.AccountID(), in.ID, func(p *catalog.FlavorParams) error { return applyParams(c, in.Params, p) })
	if err != nil {
		return nil, nameTaken(orMissing(err, "FLAVOR_PARAMS_ID_NOT_FOUND", in.ID), in.Params.SystemName)
	}
	return kaltura.Params(p), nil
}

func (s *Conversion) paramsDelete(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"flavorParams"`
}) (rpc.Void, error) {
	return rpc.Void{}, orMissing(s.Catalog.DeleteFlavorParams(c, c.AccountID(), in.ID), "FLAVOR_PARAMS_ID_NOT_FOUND", in.ID)
}

func (s *Conversion) paramsList(c *rpc.Call, in struct {
	Filter *flavorParamsFilter `k:"filter"`
	Pager  *rpc.Pager          `k:"pager"`
}) (*rpc.List[*kaltura.FlavorParams], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q = withPage(q, in.Pager)
	q.Conds = systemDefault(q.Conds)
	rows, total, err := s.Catalog.ListFlavorParams(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	list := &rpc.List[*kaltura.FlavorParams]{TotalCount: total}
	for _, p := range rows {
		list.Objects = append(list.Objects, kaltura.Params(p))
	}
	return list, nil
}

// withPage adds a pager to a query, which is by id unless it says otherwise.
func withPage(q catalog.Query, p *rpc.Pager) catalog.Query {
	q.Offset, q.Limit = p.Page()
	if len(q.Order) == 0 {
		q.Order = []catalog.Order{{Field: "id"}}
	}
	return q
}

// systemDefault asks for the system's parameters, or for those that are not, by whose they are.
func systemDefault(conds []catalog.Cond) []catalog.Cond {
	out := slices.Clone(conds)
	for i, c := range out {
		if c.Field != "isSystemDefault" {
			continue
		}
		out[i] = catalog.Cond{Field: "partnerId", Op: catalog.OpNot, Values: []any{int64(0)}}
		if slices.Contains(c.Values, any(int64(1))) {
			out[i].Op = catalog.OpEq
		}
	}
	return out
}

func (s *Conversion) paramsOfProfile(c *rpc.Call, in struct {
	ID int64 `k:"conversionProfileId" ref:"conversionProfile"`
}) ([]*kaltura.FlavorParams, error) {
	rows, err := s.Catalog.ProfileParams(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", in.ID)
	}
	out := make([]*kaltura.FlavorParams, 0, len(rows))
	for _, r := range rows {
		p, err := s.Catalog.FlavorParams(c, c.AccountID(), r.Params)
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, kaltura.Params(p))
	}
	return out, nil
}
