package metadata

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/manifest/xsd"
)

// Service is the services of custom metadata.
type Service struct{ Catalog *catalog.DB }

// Register adds the services and their actions.
func (s *Service) Register(r *rpc.Registry) {
	svc := r.Service("metadata_metadataProfile", "Schemas of custom metadata.")
	rpc.Action(svc, "add", "Adds a schema.", s.profileAdd, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "get", "Returns a schema.", s.profileGet)
	rpc.Action(svc, "update", "Changes a schema.", s.profileUpdate, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "delete", "Deletes a schema with all values that were written by it.", s.profileDelete, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "list", "Lists schemas.", s.profileList)
	rpc.Action(svc, "listFields", "Lists the fields of a schema.", s.profileFields)
	rpc.Action(svc, "revert", "Goes back to the schema before the present one.", s.profileRevert, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "serve", "Serves a schema.", s.profileServe)
	s.registerValues(r)
}

func text(id int64) string { return strconv.FormatInt(id, 10) }

func noProfile(err error, id int64) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return rpc.E("METADATA_PROFILE_NOT_FOUND", "ID", text(id)).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "metadataProfile").Because(err)
	}
	return err
}

// compile reads a schema, and tells what about it is not understood.
func compile(body string) (*xsd.Schema, error) {
	schema, err := xsd.Compile(body)
	if err != nil {
		return nil, rpc.E("INVALID_METADATA_PROFILE_SCHEMA", "ERR_MSG", err.Error()).Because(err)
	}
	return schema, nil
}

func (s *Service) profileAdd(c *rpc.Call, in struct {
	Profile *MetadataProfile `k:"metadataProfile" for:"add" required:"true"`
	XSD     string           `k:"xsdData"`
	Views   *string          `k:"viewsData"`
}) (*MetadataProfile, error) {
	p := catalog.MetadataProfile{XSD: strings.TrimSpace(in.XSD), Views: kaltura.Value(in.Views), ObjectType: catalog.MetadataOfEntries}
	if in.Profile.ObjectType != nil {
		p.ObjectType = string(*in.Profile.ObjectType)
	}
	if kaltura.Value(in.Profile.Name) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaMetadataProfile::name")
	}
	if _, err := compile(p.XSD); err != nil {
		return nil, err
	}
	in.Profile.into(&p)
	p, err := s.Catalog.AddMetadataProfile(c, c.AccountID(), p)
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("SYSTEM_NAME_ALREADY_EXISTS", "SYS_NAME", kaltura.Value(in.Profile.SystemName)).Because(err)
	}
	if err != nil {
		return nil, noProfile(err, 0)
	}
	return profileOf(p), nil
}

type profileIn struct {
	ID int64 `k:"id" ref:"metadataProfile"`
}

func (s *Service) profileGet(c *rpc.Call, in profileIn) (*MetadataProfile, error) {
	p, err := s.Catalog.MetadataProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, noProfile(err, in.ID)
	}
	return profileOf(p), nil
}

func (s *Service) profileUpdate(c *rpc.Call, in struct {
	ID      int64            `k:"id" ref:"metadataProfile"`
	Profile *MetadataProfile `k:"metadataProfile" for:"update" required:"true"`
	XSD     *string          `k:"xsdData"`
	Views   *string          `k:"viewsData"`
}) (*MetadataProfile, error) {
	body := strings.TrimSpace(kaltura.Value(in.XSD))
	if body != "" {
		if _, err := compile(body); err != nil {
			return nil, err
		}
	}
	return s.changed(c, in.ID, func(p *catalog.MetadataProfile) {
		in.Profile.into(p)
		if body != "" {
			p.XSD = body
		}
		if in.Views != nil {
			p.Views = *in.Views
		}
	})
}

func (s *Service) changed(c *rpc.Call, id int64, fn func(*catalog.MetadataProfile)) (*MetadataProfile, error) {
	p, err := s.Catalog.UpdateMetadataProfile(c, c.AccountID(), id, func(p *catalog.MetadataProfile) error { fn(p); return nil })
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("SYSTEM_NAME_ALREADY_EXISTS", "SYS_NAME", p.SystemName).Because(err)
	}
	if err != nil {
		return nil, noProfile(err, id)
	}
	return profileOf(p), nil
}

func (s *Service) profileDelete(c *rpc.Call, in profileIn) (rpc.Void, error) {
	return rpc.Void{}, noProfile(s.Catalog.DeleteMetadataProfile(c, c.AccountID(), in.ID), in.ID)
}

func (s *Service) profileList(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[MetadataProfile] `k:"filter"`
	Pager  *rpc.Pager                     `k:"pager"`
}) (*rpc.List[*MetadataProfile], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.MetadataProfiles(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*MetadataProfile]{TotalCount: total, Objects: []*MetadataProfile{}}
	for _, p := range rows {
		out.Objects = append(out.Objects, profileOf(p))
	}
	return out, nil
}

func (s *Service) profileFields(c *rpc.Call, in struct {
	ID int64 `k:"metadataProfileId" ref:"metadataProfile"`
}) (*rpc.List[*MetadataProfileField], error) {
	p, err := s.Catalog.MetadataProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, noProfile(err, in.ID)
	}
	schema, err := compile(p.XSD)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*MetadataProfileField]{Objects: []*MetadataProfileField{}}
	for i, f := range schema.Fields() {
		out.Objects = append(out.Objects, &MetadataProfileField{ID: new(i + 1), XPath: new(f.XPath), Key: new(f.Key), Label: new(f.Label)})
	}
	out.TotalCount = len(out.Objects)
	return out, nil
}

func (s *Service) profileRevert(c *rpc.Call, in struct {
	ID      int64 `k:"id" ref:"metadataProfile"`
	Version int   `k:"toVersion" default:"0"`
}) (*MetadataProfile, error) {
	p, err := s.Catalog.MetadataProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, noProfile(err, in.ID)
	}
	if p.FormerXSD == "" || in.Version != 0 && in.Version != p.Version-1 {
		return nil, rpc.E("METADATA_PROFILE_FILE_NOT_FOUND", "ID", text(in.ID))
	}
	return s.changed(c, in.ID, func(p *catalog.MetadataProfile) { p.XSD = p.FormerXSD })
}

func (s *Service) profileServe(c *rpc.Call, in profileIn) (*rpc.File, error) {
	p, err := s.Catalog.MetadataProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, noProfile(err, in.ID)
	}
	return xmlFile(p.XSD), nil
}

func xmlFile(body string) *rpc.File {
	return &rpc.File{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(body)) // a client that is gone needs none
	})}
}
