package bulk

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/manifest"
)

// Service is the bulkUpload services. All fields are needed but the last.
type Service struct {
	Catalog *catalog.DB
	Jobs    *manifest.Jobs
	Log     *slog.Logger
	// Done, when it is closed, ends the logs that are followed.
	Done <-chan struct{}
}

// jobFilter filters bulk jobs.
type jobFilter = rpc.FilterOf[BulkUpload]

// Register adds the services; media, user, category, categoryUser and categoryEntry must be there.
func (s *Service) Register(r *rpc.Registry) {
	rpc.Base[Result](r, new(BulkUploadResult))
	rpc.Base[JobData](r, new(BulkUploadJobData))
	r.Classes(new(BulkUploadCsvJobData), new(BulkUploadXmlJobData), new(BulkUploadJsonJobData), new(BulkUploadResultEntry))
	rpc.Action(r.Extend("media"), "bulkUploadAdd", "Takes a document in that makes, changes and deletes entries.", s.add)
	s.registerObjects(r)
	svc := r.Service("bulkUpload_bulk", "Documents that make, change and delete many entries.")
	rpc.Action(svc, "listResults", "Lists what became of the items of a job.", s.listResults)
	old := r.Service("bulkUpload", "The former name of bulkUpload_bulk.")
	rpc.Action(old, "add", "Takes a document in CSV or XML in.", s.addFormer)
	for _, svc := range []*rpc.Service{svc, old} {
		rpc.Action(svc, "get", "Returns a job, with its first results.", s.get)
		rpc.Action(svc, "list", "Lists jobs, newest first.", s.list)
		rpc.Action(svc, "serve", "Serves the document of a job.", s.serve)
		rpc.Action(svc, "serveLog", "Serves what became of each item of a job.", s.serveLog)
		rpc.Action(svc, "abort", "Ends a job; what its items did stays.", s.abort)
	}
	rpc.Action(r.Service("schema", "Schemas of documents."), "serve", "Serves the schema that documents are written by.", s.schema, rpc.For(rpc.Public))
}

func missing(id int64) error { return rpc.E("BULK_UPLOAD_NOT_FOUND", "ID", strconv.FormatInt(id, 10)) }

// job returns a job that the call may see: administrators see all of their account, users their own.
func (s *Service) job(c *rpc.Call, id int64) (catalog.BulkJob, error) {
	j, err := s.Catalog.BulkJob(c, c.AccountID(), catalog.BulkJobID(id))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && !c.Admin() && j.User != c.User() {
		return j, missing(id)
	}
	return j, err
}

func (s *Service) add(c *rpc.Call, in struct {
	FileData *rpc.Upload          `k:"fileData" required:"true"`
	Data     JobData              `k:"bulkUploadData"`
	Entry    *BulkUploadEntryData `k:"bulkUploadEntryData"`
	// Strict and dry runs are sluice's own.
	Validation string `k:"validation" default:"perItem"`
	DryRun     bool   `k:"dryRun" default:"false"`
	Key        string `k:"idempotencyKey" default:"" ref:"-"`
}) (*BulkUpload, error) {
	a := manifest.Add{FileName: in.FileData.Name, DryRun: in.DryRun, Key: in.Key}
	if err := described(&a, in.Data, in.Validation); err != nil {
		return nil, err
	}
	if a.Format == "" {
		if f, ok := manifest.FormatOf(a.FileName); ok {
			a.Format = f
		} else {
			a.Format = manifest.CSV
		}
	}
	if in.Entry != nil {
		a.Profile = kaltura.Value(in.Entry.ConversionProfileID)
	}
	return s.take(c, a, in.FileData)
}

// described reads what a request says of a document.
func described(a *manifest.Add, data JobData, validation string) error {
	if data != nil {
		a.Format = cmp.Or(data.format(), a.Format)
		if name := kaltura.Value(data.base().FileName); name != "" {
			a.FileName = name
		}
	}
	switch validation {
	case "perItem", "":
	case "strict":
		a.Strict = true
	default:
		return rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", validation, "PARAM_NAME", "validation", "ENUM_TYPE", "perItem, strict")
	}
	return nil
}

func (s *Service) addFormer(c *rpc.Call, in struct {
	Profile    int64       `k:"conversionProfileId" default:"-1" ref:"conversionProfile"`
	FileData   *rpc.Upload `k:"csvFileData" required:"true"`
	Type       *Type       `k:"bulkUploadType"`
	UploadedBy string      `k:"uploadedBy" default:""`
	FileName   string      `k:"fileName" default:""`
}) (*BulkUpload, error) {
	a := manifest.Add{Format: manifest.CSV, FileName: in.FileName, UploadedBy: in.UploadedBy, Profile: in.Profile}
	if a.FileName == "" {
		a.FileName = in.FileData.Name
	}
	if in.Type != nil {
		f, ok := manifest.FormatOfType(string(*in.Type))
		if !ok {
			return nil, rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", string(*in.Type), "PARAM_NAME", "bulkUploadType", "ENUM_TYPE", "KalturaBulkUploadType")
		}
		a.Format = f
	}
	return s.take(c, a, in.FileData)
}

// take hands a document over. A user's document may touch that user's entries only.
func (s *Service) take(c *rpc.Call, a manifest.Add, file *rpc.Upload) (*BulkUpload, error) {
	if !c.Admin() {
		if c.User() == "" {
			return nil, access.Denied()
		}
		a.Owner = c.User()
	}
	a.User = c.User()
	if a.Profile < 0 {
		a.Profile = 0
	}
	if a.Profile != 0 {
		if _, err := s.Catalog.ConversionProfile(c, c.AccountID(), a.Profile); errors.Is(err, catalog.ErrNotFound) {
			return nil, rpc.E("CONVERSION_PROFILE_ID_NOT_FOUND", "ID", strconv.FormatInt(a.Profile, 10)).Because(err)
		} else if err != nil {
			return nil, err
		}
	}
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	a.Document = r
	j, err := s.Jobs.Add(c, c.AccountID(), a)
	if errors.Is(err, manifest.ErrDocument) || errors.Is(err, catalog.ErrInvalid) {
		return nil, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "fileData", "REASON", err.Error()).Because(err)
	}
	if err != nil {
		return nil, err
	}
	return BulkUploadOf(j, c.Base), nil
}

type idIn struct {
	ID int64 `k:"id" ref:"bulkUpload"`
}

func (s *Service) get(c *rpc.Call, in idIn) (*BulkUpload, error) {
	j, err := s.job(c, in.ID)
	if err != nil {
		return nil, err
	}
	rows, err := s.Catalog.BulkResultsAfter(c, j.Account, j.ID, 0, resultsShown, false)
	if err != nil {
		return nil, err
	}
	b := BulkUploadOf(j, c.Base)
	b.Results = []Result{}
	for _, r := range rows {
		b.Results = append(b.Results, ResultOf(r))
	}
	return b, nil
}

func (s *Service) list(c *rpc.Call, in struct {
	Filter *jobFilter `k:"bulkUploadFilter"`
	Pager  *rpc.Pager `k:"pager"`
}) (*rpc.List[*BulkUpload], error) {
	q := catalog.Query{Order: []catalog.Order{{Field: "id", Desc: true}}}
	if in.Filter != nil {
		q.Conds = in.Filter.Conds
		if len(in.Filter.Order) > 0 {
			q.Order = in.Filter.Order
		}
	}
	if !c.Admin() {
		q.Conds = append(q.Conds, catalog.Cond{Field: "uploadedByUserId", Op: catalog.OpEq, Values: []any{c.User()}})
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.BulkJobs(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*BulkUpload]{TotalCount: total, Objects: []*BulkUpload{}}
	for _, j := range rows {
		out.Objects = append(out.Objects, BulkUploadOf(j, c.Base))
	}
	return out, nil
}

func (s *Service) listResults(c *rpc.Call, in struct {
	ID         int64      `k:"id" ref:"bulkUpload"`
	ErrorsOnly bool       `k:"errorsOnly" default:"false"`
	Pager      *rpc.Pager `k:"pager"`
}) (*rpc.List[Result], error) {
	j, err := s.job(c, in.ID)
	if err != nil {
		return nil, err
	}
	q := catalog.Query{Order: []catalog.Order{{Field: "lineIndex"}}, Conds: []catalog.Cond{{Field: "bulkUploadJobId", Op: catalog.OpEq, Values: []any{int64(j.ID)}}}}
	if in.ErrorsOnly {
		q.Conds = append(q.Conds, catalog.Cond{Field: "status", Op: catalog.OpEq, Values: []any{int64(catalog.BulkItemError)}})
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.BulkResults(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[Result]{TotalCount: total, Objects: []Result{}}
	for _, r := range rows {
		out.Objects = append(out.Objects, ResultOf(r))
	}
	return out, nil
}

func (s *Service) abort(c *rpc.Call, in idIn) (*BulkUpload, error) {
	j, err := s.job(c, in.ID)
	if err != nil {
		return nil, err
	}
	aborted, err := s.Catalog.AbortBulkJob(c, c.AccountID(), j.ID)
	if errors.Is(err, catalog.ErrConflict) { // it has ended: there is nothing to abort
		return BulkUploadOf(j, c.Base), nil
	}
	if err != nil {
		return nil, err
	}
	return BulkUploadOf(aborted, c.Base), nil
}

func (s *Service) serve(c *rpc.Call, in idIn) (*rpc.File, error) {
	j, err := s.job(c, in.ID)
	if err != nil {
		return nil, err
	}
	format, _ := manifest.FormatOfType(j.Type)
	return s.file(j, string(format), map[manifest.Format]string{
		manifest.XML: "application/xml", manifest.CSV: "text/csv; charset=utf-8", manifest.JSON: "application/json",
	}[format], func(ctx context.Context, w io.Writer) error {
		r, err := s.Jobs.Document(ctx, j)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(w, r)
		return err
	}), nil
}

func (s *Service) serveLog(c *rpc.Call, in struct {
	ID     int64  `k:"id" ref:"bulkUpload"`
	Format string `k:"logFormat" default:""`
}) (*rpc.File, error) {
	j, err := s.job(c, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Format == logEvents {
		return s.liveLog(j), nil
	}
	f := manifest.LogFormatOf(j)
	switch want := manifest.LogFormat(in.Format); want {
	case "":
	case manifest.LogCSV, manifest.LogMRSS, manifest.LogNDJSON:
		f = want
	default:
		return nil, rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", in.Format, "PARAM_NAME", "logFormat", "ENUM_TYPE", "csv, mrss, ndjson, events")
	}
	ext := string(f)
	if f == manifest.LogMRSS {
		ext = "xml"
	}
	return s.file(j, "log."+ext, f.ContentType(), func(ctx context.Context, w io.Writer) error { return s.Jobs.WriteLog(ctx, w, j, f) }), nil
}

// maxServe bounds the time in which a log is read by its client.
const maxServe = 10 * time.Minute

// file answers with what write writes.
func (s *Service) file(j catalog.BulkJob, ending, contentType string, write func(ctx context.Context, w io.Writer) error) *rpc.File {
	return &rpc.File{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), maxServe)
		defer cancel()
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("X-Content-Type-Options", "nosniff")
		name := "bulk-" + strconv.FormatInt(int64(j.ID), 10) + "." + ending
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		if err := write(ctx, w); err != nil && r.Context().Err() == nil {
			s.Log.Error("bulk job cannot be served", "job", j.ID, "what", ending, "error", err)
			panic(http.ErrAbortHandler) // the client must not take what came for the whole
		}
	})}
}

func (s *Service) schema(_ *rpc.Call, in struct {
	Type string `k:"type" default:"bulkUploadXml.bulkUploadXML"`
}) (*rpc.File, error) {
	body, contentType := manifest.XSD(), "application/xml; charset=utf-8"
	switch in.Type {
	case "bulkUploadXml.bulkUploadXML", "dropFolderXmlBulkUpload.dropFolderXml", manifest.TypeXML, manifest.TypeDropFolderXML:
	case manifest.TypeJSON:
		body, contentType = manifest.JSONSchema(), "application/schema+json"
	default:
		return nil, rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", in.Type, "PARAM_NAME", "type", "ENUM_TYPE", "KalturaSchemaType")
	}
	return &rpc.File{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body) // a client that is gone needs none
	})}, nil
}
