package dropfolder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/dropfolder"
)

// Service is the wire surface.
type Service struct {
	Catalog *catalog.DB
	// Roots are the directories that local folders may be in.
	Roots dropfolder.Roots
}

type folderFilter = rpc.FilterOf[kaltura.DropFolder]

// Register adds the services.
func (s *Service) Register(r *rpc.Registry) {
	kaltura.RegisterDropFolders(r)
	admin := rpc.For(rpc.AdminSession)
	v := r.Service("dropFolder_dropFolder", "Folders whose files become entries.")
	rpc.Action(v, "add", "Adds a folder.", s.add, admin)
	rpc.Action(v, "get", "Returns a folder.", s.get, admin)
	rpc.Action(v, "update", "Changes a folder.", s.update, admin)
	rpc.Action(v, "updateBasicFields", "Changes a folder's name, description, tags and when its files go.", s.updateBasic, admin)
	rpc.Action(v, "updateStatus", "Enables, disables or deletes a folder.", s.updateStatus, admin)
	rpc.Action(v, "delete", "Deletes a folder; its files stay where they are.", s.delete, admin)
	rpc.Action(v, "list", "Lists the account's folders.", s.list, admin)
	rpc.Action(v, "getExclusiveDropFolder", "Gives a folder with the tag to a watcher outside, for a time; the server does not watch it then.", s.lease, admin)
	rpc.Action(v, "freeExclusiveDropFolder", "Takes a folder back from a watcher outside.", s.free, admin)
	s.registerFiles(r)
}

func noFolder(id int64) *rpc.Error {
	return rpc.E("DROP_FOLDER_NOT_FOUND", "FOLDER_ID", strconv.FormatInt(id, 10))
}

// wire turns an error of a folder into the protocol's.
func wire(err error, id int64, path string) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return noFolder(id)
	case errors.Is(err, catalog.ErrConflict):
		return rpc.E("DROP_FOLDER_ALREADY_EXISTS", "PATH", path).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "dropFolder").Because(err)
	}
	return err
}

func (s *Service) add(c *rpc.Call, in struct {
	Folder kaltura.AnyDropFolder `k:"dropFolder" for:"add" required:"true"`
}) (kaltura.AnyDropFolder, error) {
	sent := in.Folder.Base()
	if sent.PartnerID != nil && catalog.AccountID(*sent.PartnerID) != c.AccountID() {
		return nil, rpc.E("INVALID_PARTNER_ID", "PID", strconv.FormatInt(*sent.PartnerID, 10))
	}
	if err := s.checkNamed(c, sent); err != nil {
		return nil, err
	}
	types := kaltura.DropFolderTypes(in.Folder)
	f := catalog.DropFolder{
		Status: catalog.DropFolderEnabled, DeletePolicy: catalog.DeleteAfterImport, SizeInterval: dropfolder.DefaultSizeInterval, Type: types[0],
	}
	if t := kaltura.Value(sent.Type); t != "" {
		f.Type = catalog.DropFolderType(t)
	}
	watchable := []catalog.DropFolderType{
		catalog.DropFolderLocal, catalog.DropFolderFTP, catalog.DropFolderSCP, catalog.DropFolderSFTP, catalog.DropFolderS3, catalog.DropFolderS3Old,
	}
	if slices.Contains(watchable, f.Type) && !slices.Contains(types, f.Type) {
		return nil, wrong("type", fmt.Sprintf("a type of %s", kindOf(in.Folder)))
	}
	for _, required := range []struct {
		field   string
		missing bool
	}{{"name", kaltura.Value(sent.Name) == ""}, {"path", sent.Path == nil}, {"fileHandlerType", sent.FileHandlerType == nil}} {
		if required.missing {
			return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaDropFolder::"+required.field)
		}
	}
	kaltura.ApplyDropFolder(in.Folder, &f)
	if err := s.check(c, &f); err != nil {
		return nil, err
	}
	made, err := s.Catalog.AddDropFolder(c, c.AccountID(), f)
	if err != nil {
		return nil, wire(err, 0, f.Path)
	}
	return kaltura.DropFolderOf(made, nil), nil
}

func kindOf(f kaltura.AnyDropFolder) string {
	return strings.Replace(fmt.Sprintf("%T", f), "*kaltura.", "Kaltura", 1)
}

func wrong(field, format string) *rpc.Error {
	return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaDropFolder::"+field, "FORMAT", format)
}

// checkNamed refuses what names objects that the account does not have.
func (s *Service) checkNamed(c *rpc.Call, d *kaltura.DropFolder) error {
	if id := kaltura.Value(d.ConversionProfileID); id > 0 {
		if _, err := s.Catalog.ConversionProfile(c, c.AccountID(), id); err != nil {
			return rpc.E("INGESTION_PROFILE_ID_NOT_FOUND", "ID", strconv.FormatInt(id, 10)).Because(err)
		}
	}
	if id := kaltura.Value(d.MetadataProfileID); id > 0 {
		if _, err := s.Catalog.MetadataProfile(c, c.AccountID(), id); err != nil {
			return rpc.E("INVALID_OBJECT_ID", "ID", strconv.FormatInt(id, 10)).Because(err)
		}
	}
	return nil
}

// check refuses a folder that could not be watched, and makes its path absolute.
func (s *Service) check(c *rpc.Call, f *catalog.DropFolder) error {
	if f.DC != 0 {
		return rpc.E("DATA_CENTER_ID_NOT_FOUND", "DC_ID", strconv.Itoa(f.DC))
	}
	if f.Local() {
		path, err := s.Roots.Resolve(c.AccountID(), f.Path)
		if err != nil {
			return wrong("path", "a path below one that this server allows").Because(err)
		}
		f.Path = path
	}
	if _, err := dropfolder.ParseSlug(f.Options.SlugRegex); err != nil {
		return wrong("slugRegex", "a pattern with a group named referenceId").Because(err)
	}
	for field, err := range map[string]error{
		"fileDeleteRegex": dropfolder.CheckDeletePattern(f.DeleteRegex), "fileNamePatterns": dropfolder.CheckPatterns(f.Patterns),
		"ignoreFileNamePatterns": dropfolder.CheckPatterns(f.Ignore),
	} {
		if err != nil {
			return wrong(field, "a pattern").Because(err)
		}
	}
	if _, err := dropfolder.ParseField(f.Options.CategoriesField); err != nil {
		return wrong("categoriesMetadataFieldName", "a path of elements").Because(err)
	}
	if o := f.Options; !f.Local() && (o.ExpandArchives || o.Stability == "close" || o.Stability == "rename") {
		return wrong("type", "LOCAL, for stability close or rename and for expandArchives")
	}
	return checkOptions(f.Options)
}

// checkOptions refuses words and numbers that options do not have.
func checkOptions(o catalog.DropFolderOptions) error {
	for _, option := range []struct {
		field          string
		value, low, up int64
	}{
		{"maxFileSize", o.MaxFileSize, 0, math.MaxInt64}, {"quotaBytes", o.QuotaBytes, 0, math.MaxInt64}, {"priority", int64(o.Priority), -10, 10},
		{"sidecarTimeout", int64(o.SidecarTimeout), 0, 31536000}, {"sidecarGrace", int64(o.SidecarGrace), 0, 86400}, {"trashDays", int64(o.TrashDays), 0, 36500},
	} {
		if option.value < option.low || option.value > option.up {
			return wrong(option.field, fmt.Sprintf("%d to %d", option.low, option.up))
		}
	}
	for _, option := range []struct {
		field, value string
		words        []string
	}{
		{"subfolderPolicy", o.SubfolderPolicy, []string{"flatten", "category", "referencePrefix"}},
		{"stability", o.Stability, []string{"auto", "close", "rename", "marker", "size"}},
		{"contentMatchKey", o.MatchKey, []string{"referenceId", "sha256"}},
		{"orphanPolicy", o.OrphanPolicy, []string{"keep", "ingestAsContent"}},
		{"duplicatePolicy", o.DuplicatePolicy, []string{"skipIdentical", "newVersion", "always"}},
		{"tls", o.TLS, []string{"none", "explicit", "implicit"}},
	} {
		if option.value != "" && !slices.Contains(option.words, option.value) {
			return wrong(option.field, strings.Join(option.words, ", "))
		}
	}
	return nil
}

// show is a folder with the numbers of its files.
func (s *Service) show(ctx context.Context, folders ...catalog.DropFolder) ([]kaltura.AnyDropFolder, error) {
	ids := make([]catalog.DropFolderID, len(folders))
	for i, f := range folders {
		ids[i] = f.ID
	}
	counts, err := s.Catalog.CountDropFolderFiles(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]kaltura.AnyDropFolder, len(folders))
	for i, f := range folders {
		out[i] = kaltura.DropFolderOf(f, counts[f.ID])
	}
	return out, nil
}

func (s *Service) one(c *rpc.Call, f catalog.DropFolder, err error, id int64) (kaltura.AnyDropFolder, error) {
	if err != nil {
		return nil, wire(err, id, f.Path)
	}
	shown, err := s.show(c, f)
	if err != nil {
		return nil, err
	}
	return shown[0], nil
}

func (s *Service) get(c *rpc.Call, in struct {
	ID int64 `k:"dropFolderId" ref:"dropFolder"`
}) (kaltura.AnyDropFolder, error) {
	f, err := s.Catalog.DropFolder(c, c.AccountID(), catalog.DropFolderID(in.ID))
	return s.one(c, f, err, in.ID)
}

func (s *Service) update(c *rpc.Call, in struct {
	ID     int64                 `k:"dropFolderId" ref:"dropFolder"`
	Folder kaltura.AnyDropFolder `k:"dropFolder" for:"update" required:"true"`
}) (kaltura.AnyDropFolder, error) {
	return s.change(c, in.ID, func(f *catalog.DropFolder) error {
		if err := s.checkNamed(c, in.Folder.Base()); err != nil {
			return err
		}
		if kaltura.Value(in.Folder.Base().Status) == kaltura.DropFolderStatus(catalog.DropFolderDeleted) {
			return wrong("status", "0 or 1; delete deletes")
		}
		kaltura.ApplyDropFolder(in.Folder, f)
		return s.check(c, f)
	})
}

func (s *Service) change(c *rpc.Call, id int64, fn func(f *catalog.DropFolder) error) (kaltura.AnyDropFolder, error) {
	// What fn looks up must not wait for the change's own transaction.
	before, err := s.Catalog.DropFolder(c, c.AccountID(), catalog.DropFolderID(id))
	if err != nil {
		return nil, wire(err, id, "")
	}
	if err := fn(&before); err != nil {
		return nil, err
	}
	f, err := s.Catalog.UpdateDropFolder(c, c.AccountID(), catalog.DropFolderID(id), func(f *catalog.DropFolder) error {
		secrets := f.Secrets
		code, text, access, last, sealed := f.ErrorCode, f.ErrorText, f.LastAccess, f.LastFile, f.Sealed
		record := f.Record
		*f = before
		f.Record, f.ErrorCode, f.ErrorText, f.LastAccess, f.LastFile, f.Sealed = record, code, text, access, last, sealed
		f.Secrets = merged(secrets, before.Secrets)
		return nil
	})
	return s.one(c, f, err, id)
}

// merged are the secrets of a folder after those were sent that are set.
func merged(had, sent *catalog.DropFolderSecrets) *catalog.DropFolderSecrets {
	if sent == nil || had == nil {
		return cmp.Or(sent, had)
	}
	return &catalog.DropFolderSecrets{
		Password: cmp.Or(sent.Password, had.Password), PrivateKey: cmp.Or(sent.PrivateKey, had.PrivateKey), PassPhrase: cmp.Or(sent.PassPhrase, had.PassPhrase),
	}
}

func (s *Service) updateBasic(c *rpc.Call, in struct {
	ID     int64                 `k:"dropFolderId" ref:"dropFolder"`
	Folder kaltura.AnyDropFolder `k:"dropFolder" for:"update" required:"true"`
}) (kaltura.AnyDropFolder, error) {
	sent := in.Folder.Base()
	basic := &kaltura.DropFolder{
		Name: sent.Name, Description: sent.Description, Tags: sent.Tags, FileDeletePolicy: sent.FileDeletePolicy,
		AutoFileDeleteDays: sent.AutoFileDeleteDays,
	}
	return s.change(c, in.ID, func(f *catalog.DropFolder) error {
		kaltura.ApplyDropFolder(basic, f)
		return s.checkNamed(c, sent)
	})
}

func (s *Service) updateStatus(c *rpc.Call, in struct {
	ID     int64                    `k:"dropFolderId" ref:"dropFolder"`
	Status kaltura.DropFolderStatus `k:"status"`
}) (rpc.Void, error) {
	if in.Status == kaltura.DropFolderStatus(catalog.DropFolderDeleted) {
		return rpc.Void{}, wire(s.Catalog.DeleteDropFolder(c, c.AccountID(), catalog.DropFolderID(in.ID)), in.ID, "")
	}
	_, err := s.Catalog.UpdateDropFolder(c, c.AccountID(), catalog.DropFolderID(in.ID), func(f *catalog.DropFolder) error {
		f.Status = catalog.DropFolderStatus(in.Status)
		return nil
	})
	return rpc.Void{}, wire(err, in.ID, "")
}

func (s *Service) delete(c *rpc.Call, in struct {
	ID int64 `k:"dropFolderId" ref:"dropFolder"`
}) (kaltura.AnyDropFolder, error) {
	f, err := s.Catalog.DropFolder(c, c.AccountID(), catalog.DropFolderID(in.ID))
	if err == nil {
		err = s.Catalog.DeleteDropFolder(c, c.AccountID(), f.ID)
	}
	if err != nil {
		return nil, wire(err, in.ID, "")
	}
	f.Status = catalog.DropFolderDeleted
	return kaltura.DropFolderOf(f, nil), nil
}

func (s *Service) list(c *rpc.Call, in struct {
	Filter *folderFilter `k:"filter"`
	Pager  *rpc.Pager    `k:"pager"`
}) (*rpc.List[kaltura.AnyDropFolder], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.DropFolders(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	shown, err := s.show(c, rows...)
	return &rpc.List[kaltura.AnyDropFolder]{TotalCount: total, Objects: shown}, err
}

// maxLease bounds how long a watcher outside may have a folder.
const maxLease = 3000 * time.Second

func outside(c *rpc.Call) string { return fmt.Sprintf("outside:%d", c.AccountID()) }

func (s *Service) lease(c *rpc.Call, in struct {
	Tag     string `k:"tag"`
	MaxTime int    `k:"maxTime" default:"3000"`
}) (kaltura.AnyDropFolder, error) {
	q := catalog.Query{Limit: catalog.Everything, Order: []catalog.Order{{Field: "id"}}}
	if in.Tag != "*" {
		q.Conds = []catalog.Cond{{Field: "tags", Op: catalog.OpMatchOr, Values: []any{in.Tag}}}
	}
	folders, _, err := s.Catalog.DropFolders(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	ttl := max(time.Second, min(time.Duration(in.MaxTime)*time.Second, maxLease))
	for _, f := range folders {
		if !f.Watched() {
			continue
		}
		_, ok, err := s.Catalog.AcquireLease(c, dropfolder.LeaseName(f.ID), outside(c), ttl)
		if err != nil {
			return nil, err
		}
		if ok {
			return kaltura.DropFolderOf(f, nil), nil
		}
	}
	return nil, nil
}

func (s *Service) free(c *rpc.Call, in struct {
	ID          int64                        `k:"dropFolderId" ref:"dropFolder"`
	ErrorCode   *kaltura.DropFolderErrorCode `k:"errorCode"`
	Description *string                      `k:"errorDescription"`
}) (kaltura.AnyDropFolder, error) {
	f, err := s.Catalog.DropFolder(c, c.AccountID(), catalog.DropFolderID(in.ID))
	if err != nil {
		return nil, wire(err, in.ID, "")
	}
	h := catalog.DropFolderHealth{Text: kaltura.Value(in.Description)}
	if in.ErrorCode != nil {
		h.Code, _ = strconv.Atoi(string(*in.ErrorCode)) // checked on arrival
	}
	// Renewing tells the lease's token to the one who has it.
	token, ok, err := s.Catalog.AcquireLease(c, dropfolder.LeaseName(f.ID), outside(c), time.Second)
	if err == nil && ok {
		err = errors.Join(s.Catalog.SetDropFolderHealth(c, f.ID, h), s.Catalog.ReleaseLease(c, dropfolder.LeaseName(f.ID), outside(c), token))
	}
	if err != nil {
		return nil, err
	}
	f, err = s.Catalog.DropFolder(c, c.AccountID(), f.ID)
	return s.one(c, f, err, in.ID)
}
