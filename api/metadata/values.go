package metadata

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
	"sluice/ingest/manifest/xsd"
)

// maxFile bounds values that come as a file; the catalog's own limit is the same.
const maxFile = 64 << 10

func (s *Service) registerValues(r *rpc.Registry) {
	svc := r.Service("metadata_metadata", "Custom metadata of entries.")
	rpc.Action(svc, "add", "Gives an object values.", s.add)
	rpc.Action(svc, "addFromFile", "Gives an object values that come as a file.", s.addFromFile)
	rpc.Action(svc, "get", "Returns values.", s.get)
	rpc.Action(svc, "update", "Changes values, unless someone else did since a version.", s.update)
	rpc.Action(svc, "updateFromFile", "Changes values to those of a file.", s.updateFromFile)
	rpc.Action(svc, "delete", "Deletes values.", s.delete)
	rpc.Action(svc, "invalidate", "Marks values as not valid any more.", s.invalidate, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "list", "Lists values.", s.list)
	rpc.Action(svc, "serve", "Serves values as XML.", s.serve)
}

func missing(id int64) error { return rpc.E("METADATA_NOT_FOUND", "ID", text(id)) }

// find returns values, when the call may do with their object what it wants.
func (s *Service) find(c *rpc.Call, id int64, want access.Want) (catalog.Metadata, error) {
	m, err := s.Catalog.Metadata(c, c.AccountID(), id)
	if errors.Is(err, catalog.ErrNotFound) {
		return m, missing(id)
	}
	if err != nil {
		return m, err
	}
	err = s.object(c, m.ObjectType, m.Object, want)
	var exc *rpc.Error
	if errors.As(err, &exc) && exc.Code == "ENTRY_ID_NOT_FOUND" {
		err = missing(id)
	}
	return m, err
}

// object says whether the call may do with an object what it wants.
func (s *Service) object(c *rpc.Call, objectType, id string, want access.Want) error {
	switch objectType {
	case catalog.MetadataOfEntries:
		_, err := access.Entry(c, s.Catalog, id, want)
		return err
	case "2":
		n, err := strconv.ParseInt(id, 10, 64)
		if err == nil {
			_, err = s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(n))
		}
		if err != nil {
			return rpc.E("CATEGORY_NOT_FOUND", "ID", id).Because(err)
		}
	case "3":
		if _, err := s.Catalog.User(c, c.AccountID(), id); err != nil {
			return rpc.E("INVALID_USER_ID").Because(err)
		}
	default:
		return rpc.E("INVALID_METADATA_OBJECT_TYPE", "TYPE", objectType)
	}
	if want == access.Edit && !c.Admin() && (objectType != "3" || id != c.User()) {
		return access.Denied()
	}
	return nil
}

// valid holds values against a profile's schema.
func (s *Service) valid(c *rpc.Call, profile int64, objectType, body string) (catalog.MetadataProfile, error) {
	p, err := s.Catalog.MetadataProfile(c, c.AccountID(), profile)
	if err != nil {
		return p, noProfile(err, profile)
	}
	if objectType != "" && p.ObjectType != objectType {
		return p, rpc.E("INCOMPATIBLE_METADATA_PROFILE_OBJECT_TYPE", "OBJ_TYPE", objectType, "META_OBJ_TYPE", p.ObjectType)
	}
	schema, err := compile(p.XSD)
	if err != nil {
		return p, err
	}
	if err := schema.Validate(body); err != nil {
		return p, rpc.E("INVALID_METADATA_DATA", "ERR_MSG", strings.TrimPrefix(err.Error(), xsd.ErrInvalid.Error()+": ")).Because(err)
	}
	return p, nil
}

func (s *Service) put(c *rpc.Call, profile int64, objectType ObjectType, object, body string) (*Metadata, error) {
	if err := s.object(c, string(objectType), object, access.Edit); err != nil {
		return nil, err
	}
	p, err := s.valid(c, profile, string(objectType), body)
	if err != nil {
		return nil, err
	}
	m, err := s.Catalog.AddMetadata(c, c.AccountID(), catalog.Metadata{
		Profile: p.ID, ProfileVersion: p.Version, ObjectType: string(objectType), Object: object, XML: body,
	})
	if errors.Is(err, catalog.ErrConflict) {
		old, ferr := s.Catalog.MetadataOf(c, c.AccountID(), p.ID, string(objectType), object)
		if ferr != nil {
			return nil, ferr
		}
		return nil, rpc.E("METADATA_ALREADY_EXISTS", "ID", text(old.ID)).Because(err)
	}
	if errors.Is(err, catalog.ErrInvalid) {
		return nil, rpc.E("INVALID_METADATA_DATA", "ERR_MSG", err.Error()).Because(err)
	}
	if err != nil {
		return nil, err
	}
	return of(m), nil
}

func (s *Service) add(c *rpc.Call, in struct {
	Profile    int64      `k:"metadataProfileId" ref:"metadataProfile"`
	ObjectType ObjectType `k:"objectType"`
	ObjectID   string     `k:"objectId" ref:"entry"`
	XML        string     `k:"xmlData"`
}) (*Metadata, error) {
	return s.put(c, in.Profile, in.ObjectType, in.ObjectID, in.XML)
}

func (s *Service) addFromFile(c *rpc.Call, in struct {
	Profile    int64       `k:"metadataProfileId" ref:"metadataProfile"`
	ObjectType ObjectType  `k:"objectType"`
	ObjectID   string      `k:"objectId" ref:"entry"`
	File       *rpc.Upload `k:"xmlFile" required:"true"`
}) (*Metadata, error) {
	body, err := read(in.File)
	if err != nil {
		return nil, err
	}
	return s.put(c, in.Profile, in.ObjectType, in.ObjectID, body)
}

// read returns the text of a file.
func read(f *rpc.Upload) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = rpc.E("INVALID_METADATA_DATA", "ERR_MSG", "the file has more than "+strconv.Itoa(maxFile)+" bytes")
	}
	return string(b), err
}

type idIn struct {
	ID int64 `k:"id" ref:"metadata"`
}

func (s *Service) get(c *rpc.Call, in idIn) (*Metadata, error) {
	m, err := s.find(c, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return of(m), nil
}

func (s *Service) update(c *rpc.Call, in struct {
	ID      int64   `k:"id" ref:"metadata"`
	XML     *string `k:"xmlData"`
	Version *int    `k:"version"`
}) (*Metadata, error) {
	return s.change(c, in.ID, in.XML, in.Version)
}

func (s *Service) updateFromFile(c *rpc.Call, in struct {
	ID   int64       `k:"id" ref:"metadata"`
	File *rpc.Upload `k:"xmlFile" required:"true"`
}) (*Metadata, error) {
	body, err := read(in.File)
	if err != nil {
		return nil, err
	}
	return s.change(c, in.ID, &body, nil)
}

// change gives an object other values; with a version, only if they are still of it.
func (s *Service) change(c *rpc.Call, id int64, body *string, version *int) (*Metadata, error) {
	m, err := s.find(c, id, access.Edit)
	if err != nil {
		return nil, err
	}
	if body == nil {
		body = &m.XML
	}
	p, err := s.valid(c, m.Profile, "", *body)
	if err != nil {
		return nil, err
	}
	m, err = s.Catalog.UpdateMetadata(c, c.AccountID(), id, func(m *catalog.Metadata) error {
		if version != nil && *version != m.Version {
			return rpc.E("INVALID_METADATA_VERSION", "VERSION", strconv.Itoa(m.Version))
		}
		m.XML, m.ProfileVersion, m.Status = *body, p.Version, catalog.MetadataValid
		return nil
	})
	var exc *rpc.Error
	switch {
	case errors.As(err, &exc):
		return nil, exc
	case errors.Is(err, catalog.ErrInvalid):
		return nil, rpc.E("INVALID_METADATA_DATA", "ERR_MSG", err.Error()).Because(err)
	case errors.Is(err, catalog.ErrNotFound):
		return nil, missing(id)
	case err != nil:
		return nil, err
	}
	return of(m), nil
}

func (s *Service) delete(c *rpc.Call, in idIn) (rpc.Void, error) {
	if _, err := s.find(c, in.ID, access.Edit); err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.Catalog.DeleteMetadata(c, c.AccountID(), in.ID)
}

func (s *Service) invalidate(c *rpc.Call, in struct {
	ID      int64 `k:"id" ref:"metadata"`
	Version *int  `k:"version"`
}) (rpc.Void, error) {
	if _, err := s.find(c, in.ID, access.Edit); err != nil {
		return rpc.Void{}, err
	}
	_, err := s.Catalog.UpdateMetadata(c, c.AccountID(), in.ID, func(m *catalog.Metadata) error {
		if in.Version != nil && *in.Version != m.Version {
			return rpc.E("INVALID_METADATA_VERSION", "VERSION", strconv.Itoa(m.Version))
		}
		m.Status = catalog.MetadataInvalid
		return nil
	})
	var exc *rpc.Error
	if errors.As(err, &exc) {
		return rpc.Void{}, exc
	}
	return rpc.Void{}, err
}

func (s *Service) list(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[Metadata] `k:"filter"`
	Pager  *rpc.Pager              `k:"pager"`
}) (*rpc.List[*Metadata], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	if !c.Admin() {
		if in.Filter == nil || !in.Filter.Filters("objectId") { // users see what they name, not all there is
			return nil, rpc.E("MUST_FILTER_ON_OBJECT_ID")
		}
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.Metadatas(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*Metadata]{TotalCount: total, Objects: []*Metadata{}}
	for _, m := range rows {
		out.Objects = append(out.Objects, of(m))
	}
	return out, nil
}

func (s *Service) serve(c *rpc.Call, in idIn) (*rpc.File, error) {
	m, err := s.find(c, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return xmlFile(m.XML), nil
}
