package profile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

type (
	profileFilter       = rpc.FilterOf[kaltura.ConversionProfile]
	profileParamsFilter = rpc.FilterOf[kaltura.ConversionProfileAssetParams]
)

func (s *Conversion) registerProfiles(r *rpc.Registry) {
	svc := r.Service("conversionProfile", "Which flavors entries get.")
	rpc.Action(svc, "add", "Adds a profile.", s.profileAdd, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "get", "Returns a profile.", s.profileGet)
	rpc.Action(svc, "getDefault", "Returns the profile of entries that name none.", s.profileDefault)
	rpc.Action(svc, "setAsDefault", "Makes a profile the one of entries that name none.", s.profileSetDefault, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "update", "Changes a profile; entries that there are keep their flavors.", s.profileUpdate, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "delete", "Deletes a profile that is not the default.", s.profileDelete, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "list", "Lists profiles.", s.profileList)
	params := r.Service("conversionProfileAssetParams", "What profiles say of their parameters.")
	rpc.Action(params, "list", "Lists the parameters of profiles.", s.profileParamsList)
	rpc.Action(params, "update", "Changes what a profile says of a parameter.", s.profileParamsUpdate, rpc.For(rpc.AdminSession))
}

// show is a profile with the ids of its parameters.
func (s *Conversion) show(c *rpc.Call, p catalog.ConversionProfile) (*kaltura.ConversionProfile, error) {
	rows, err := s.Catalog.ProfileParams(c, c.AccountID(), p.ID)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = strconv.FormatInt(r.Params, 10)
	}
	return kaltura.Profile(p, strings.Join(ids, ",")), nil
}

// paramsIDs reads a list of ids of parameters that the account has; nil when none was sent.
func (s *Conversion) paramsIDs(c *rpc.Call, p *kaltura.ConversionProfile) ([]int64, error) {
	if p.FlavorParamsIDs == nil {
		return nil, nil
	}
	ids := []int64{}
	for _, text := range kaltura.List(*p.FlavorParamsIDs) {
		id, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			_, err = s.Catalog.FlavorParams(c, c.AccountID(), id)
		}
		if err != nil {
			return nil, rpc.E("FLAVOR_PARAMS_ID_NOT_FOUND", "ID", text).Because(err)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s *Conversion) profileAdd(c *rpc.Call, in struct {
	Profile *kaltura.ConversionProfile `k:"conversionProfile" for:"add" required:"true"`
}) (*kaltura.ConversionProfile, error) {
	if kaltura.Value(in.Profile.Name) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaConversionProfile::name")
	}
	p := catalog.ConversionProfile{Status: catalog.ProfileEnabled, Type: 1}
	if err := s.apply(c, in.Profile, &p); err != nil {
		return nil, err
	}
	ids, err := s.paramsIDs(c, in.Profile)
	if err != nil {
		return nil, err
	}
	rows := make([]catalog.ProfileParams, len(ids))
	for i, id := range ids {
		rows[i].Params = id
	}
	if p, err = s.Catalog.AddConversionProfile(c, c.AccountID(), p, rows); err != nil {
		return nil, nameTaken(err, in.Profile.SystemName)
	}
	return s.show(c, p)
}

// apply sets what is sent, and checks the entry that is named.
func (s *Conversion) apply(c *rpc.Call, in *kaltura.ConversionProfile, p *catalog.ConversionProfile) error {
	if id := kaltura.Value(in.DefaultEntryID); id != "" {
		if _, err := s.Catalog.Entry(c, c.AccountID(), catalog.EntryID(id)); err != nil {
			return rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", id).Because(err)
		}
	}
	return in.Apply(p)
}

func (s *Conversion) profileGet(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"conversionProfile"`
}) (*kaltura.ConversionProfile, error) {
	p, err := s.Catalog.ConversionProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", in.ID)
	}
	return s.show(c, p)
}

func (s *Conversion) profileDefault(c *rpc.Call, in struct {
	Type *kaltura.ProfileType `k:"type"`
}) (*kaltura.ConversionProfile, error) {
	typ := 1
	if in.Type != nil {
		typ, _ = strconv.Atoi(string(*in.Type)) // checked on arrival
	}
	p, err := s.Catalog.DefaultProfile(c, c.AccountID(), typ)
	if err != nil {
		return nil, orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", 0)
	}
	return s.show(c, p)
}

func (s *Conversion) profileSetDefault(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"conversionProfile"`
}) (*kaltura.ConversionProfile, error) {
	p, err := s.Catalog.UpdateConversionProfile(c, c.AccountID(), in.ID, nil, func(p *catalog.ConversionProfile) error {
		p.Default = true
		return nil
	})
	if err != nil {
		return nil, orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", in.ID)
	}
	return s.show(c, p)
}

func (s *Conversion) profileUpdate(c *rpc.Call, in struct {
	ID      int64                      `k:"id" ref:"conversionProfile"`
	Profile *kaltura.ConversionProfile `k:"conversionProfile" for:"update" required:"true"`
}) (*kaltura.ConversionProfile, error) {
	ids, err := s.paramsIDs(c, in.Profile)
	if err != nil {
		return nil, err
	}
	p, err := s.Catalog.UpdateConversionProfile(c, c.AccountID(), in.ID, ids, func(p *catalog.ConversionProfile) error {
		return s.apply(c, in.Profile, p)
	})
	if err != nil {
		return nil, nameTaken(orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", in.ID), in.Profile.SystemName)
	}
	return s.show(c, p)
}

func (s *Conversion) profileDelete(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"conversionProfile"`
}) (rpc.Void, error) {
	err := s.Catalog.DeleteConversionProfile(c, c.AccountID(), in.ID)
	if errors.Is(err, catalog.ErrConflict) {
		return rpc.Void{}, rpc.E("CANNOT_DELETE_DEFAULT_CONVERSION_PROFILE").Because(err)
	}
	return rpc.Void{}, orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", in.ID)
}

func (s *Conversion) profileList(c *rpc.Call, in struct {
	Filter *profileFilter `k:"filter"`
	Pager  *rpc.Pager     `k:"pager"`
}) (*rpc.List[*kaltura.ConversionProfile], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	rows, total, err := s.Catalog.ListConversionProfiles(c, c.AccountID(), withPage(q, in.Pager))
	if err != nil {
		return nil, err
	}
	list := &rpc.List[*kaltura.ConversionProfile]{TotalCount: total}
	for _, p := range rows {
		k, err := s.show(c, p)
		if err != nil {
			return nil, err
		}
		list.Objects = append(list.Objects, k)
	}
	return list, nil
}

func (s *Conversion) profileParamsList(c *rpc.Call, in struct {
	Filter *profileParamsFilter `k:"filter"`
	Pager  *rpc.Pager           `k:"pager"`
}) (*rpc.List[*kaltura.ConversionProfileAssetParams], error) {
	profiles, err := s.named(c, in.Filter)
	if err != nil {
		return nil, err
	}
	var found []*kaltura.ConversionProfileAssetParams
	for _, id := range profiles {
		rows, err := s.Catalog.ProfileParams(c, c.AccountID(), id)
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if selects(in.Filter, r) {
				found = append(found, kaltura.ProfileParam(r))
			}
		}
	}
	offset, limit := in.Pager.Page()
	list := &rpc.List[*kaltura.ConversionProfileAssetParams]{TotalCount: len(found)}
	found = found[min(offset, len(found)):]
	list.Objects = found[:min(limit, len(found))]
	return list, nil
}

// named returns the profiles that a filter names, or all of the account's.
func (s *Conversion) named(c *rpc.Call, f *profileParamsFilter) ([]int64, error) {
	var ids []int64
	if f != nil {
		for _, op := range []catalog.Op{catalog.OpEq, catalog.OpIn} {
			if values, ok := f.Cond("conversionProfileId", op); ok {
				for _, v := range values {
					id, _ := strconv.ParseInt(fmt.Sprint(v), 10, 64)
					ids = append(ids, id)
				}
				return ids, nil
			}
		}
	}
	rows, _, err := s.Catalog.ListConversionProfiles(c, c.AccountID(), catalog.Query{Limit: -1, Order: []catalog.Order{{Field: "id"}}})
	for _, p := range rows {
		ids = append(ids, p.ID)
	}
	return ids, err
}

// selects says whether a filter's other conditions hold for what a profile says of a parameter.
func selects(f *profileParamsFilter, r catalog.ProfileParams) bool {
	if f == nil {
		return true
	}
	values := map[string]string{
		"assetParamsId": strconv.FormatInt(r.Params, 10), "readyBehavior": strconv.Itoa(r.Ready), "origin": strconv.Itoa(r.Origin), "systemName": r.SystemName,
	}
	for _, cond := range f.Conds {
		have, ok := values[cond.Field]
		if ok && !slices.ContainsFunc(cond.Values, func(v any) bool { return fmt.Sprint(v) == have }) {
			return false
		}
	}
	return true
}

func (s *Conversion) profileParamsUpdate(c *rpc.Call, in struct {
	Profile int64                                 `k:"conversionProfileId" ref:"conversionProfile"`
	Params  int64                                 `k:"assetParamsId" ref:"flavorParams"`
	Object  *kaltura.ConversionProfileAssetParams `k:"conversionProfileAssetParams" for:"update" required:"true"`
}) (*kaltura.ConversionProfileAssetParams, error) {
	if _, err := s.Catalog.ConversionProfile(c, c.AccountID(), in.Profile); err != nil {
		return nil, orMissing(err, "CONVERSION_PROFILE_ID_NOT_FOUND", in.Profile)
	}
	row, err := s.Catalog.UpdateProfileParams(c, c.AccountID(), in.Profile, in.Params, in.Object.Apply)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, rpc.E("CONVERSION_PROFILE_ASSET_PARAMS_NOT_FOUND", "PROFILE_ID", strconv.FormatInt(in.Profile, 10), "PARAMS_ID", strconv.FormatInt(in.Params, 10))
	}
	if err != nil {
		return nil, err
	}
	return kaltura.ProfileParam(row), nil
}
