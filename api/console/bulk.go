package console

import (
	"errors"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"sluice/catalog"
	"sluice/ingest/manifest"
)

// bulkView is a bulk job as the pages show it.
type bulkView struct {
	ID         catalog.BulkJobID `json:"id"`
	Account    catalog.AccountID `json:"account"`
	FileName   string            `json:"file_name"`
	Type       string            `json:"type"`
	Status     string            `json:"status"`
	UploadedBy string            `json:"uploaded_by"`
	DryRun     bool              `json:"dry_run"`
	Strict     bool              `json:"strict"`
	Size       int64             `json:"size"`
	Total      int64             `json:"total"`
	Done       int64             `json:"done"`
	Failed     int64             `json:"failed"`
	Error      string            `json:"error"`
	CreatedAt  *time.Time        `json:"created_at"`
	StartedAt  *time.Time        `json:"started_at"`
	FinishedAt *time.Time        `json:"finished_at"`
}

var bulkStates = map[catalog.BulkStatus]string{
	catalog.BulkPending: "waiting", catalog.BulkRetry: "waiting", catalog.BulkProcessing: "running", catalog.BulkFinished: "done",
	catalog.BulkFinishedPartially: "partial", catalog.BulkFailed: "failed", catalog.BulkAborted: "aborted",
}

func viewBulk(j catalog.BulkJob) bulkView {
	at := func(s catalog.Stamp) *time.Time {
		if s == 0 {
			return nil
		}
		return new(s.Time())
	}
	return bulkView{
		ID: j.ID, Account: j.Account, FileName: j.FileName, Type: j.Type, Status: bulkStates[j.Status], UploadedBy: j.UploadedBy, DryRun: j.DryRun,
		Strict: j.Strict, Size: j.Size, Total: j.Total, Done: j.Done, Failed: j.Failed, Error: j.ErrorText, CreatedAt: at(j.CreatedAt),
		StartedAt: at(j.StartedAt), FinishedAt: at(j.FinishedAt),
	}
}

// listBulk answers GET /v1/bulk?limit&offset, the newest jobs first.
func (c *Console) listBulk(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, "limit", "offset")
	if err != nil {
		return err
	}
	limit, offset, err := page(q)
	if err != nil {
		return err
	}
	rows, total, err := c.cfg.Bulk.Catalog.AllBulkJobs(r.Context(), limit, offset)
	if err != nil {
		return err
	}
	jobs := make([]bulkView, len(rows))
	for i, j := range rows {
		jobs[i] = viewBulk(j)
	}
	writeJSON(w, http.StatusOK, map[string]any{"jobs": jobs, "total": total, "limit": limit, "offset": offset})
	return nil
}

// bulkJob is the job that a path names.
func (c *Console) bulkJob(r *http.Request) (catalog.BulkJob, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return catalog.BulkJob{}, refuse(http.StatusBadRequest, codeInvalid, "%q is not a bulk job's id", r.PathValue("id"))
	}
	return c.cfg.Bulk.Catalog.BulkJobByID(r.Context(), catalog.BulkJobID(id))
}

// getBulk answers GET /v1/bulk/{id}?errors&limit&offset: the job and a page of what became of its items.
func (c *Console) getBulk(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, "errors", "limit", "offset")
	if err != nil {
		return err
	}
	limit, offset, err := page(q)
	if err != nil {
		return err
	}
	j, err := c.bulkJob(r)
	if err != nil {
		return err
	}
	query := catalog.Query{Limit: limit, Offset: offset, Order: []catalog.Order{{Field: "lineIndex"}}, Conds: []catalog.Cond{
		{Field: "bulkUploadJobId", Op: catalog.OpEq, Values: []any{int64(j.ID)}},
	}}
	failed, err := flag(q, "errors")
	if err != nil {
		return err
	}
	if failed {
		query.Conds = append(query.Conds, catalog.Cond{Field: "status", Op: catalog.OpEq, Values: []any{int64(catalog.BulkItemError)}})
	}
	rows, total, err := c.cfg.Bulk.Catalog.BulkResults(r.Context(), j.Account, query)
	if err != nil {
		return err
	}
	items := make([]manifest.Line, len(rows))
	for i, row := range rows {
		items[i] = manifest.LineOf(row)
	}
	writeJSON(w, http.StatusOK, map[string]any{"job": viewBulk(j), "items": items, "total": total, "limit": limit, "offset": offset})
	return nil
}

// bulkLog answers GET /v1/bulk/{id}/log?format: what became of each item, as a file.
func (c *Console) bulkLog(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, "format")
	if err != nil {
		return err
	}
	j, err := c.bulkJob(r)
	if err != nil {
		return err
	}
	f := manifest.LogFormatOf(j)
	switch want := manifest.LogFormat(q.Get("format")); want {
	case "":
	case manifest.LogCSV, manifest.LogMRSS, manifest.LogNDJSON:
		f = want
	default:
		return refuse(http.StatusBadRequest, codeInvalid, "format: %q is not one of csv, mrss, ndjson", want)
	}
	name := "bulk-" + strconv.FormatInt(int64(j.ID), 10) + "." + map[manifest.LogFormat]string{manifest.LogCSV: "csv", manifest.LogMRSS: "xml", manifest.LogNDJSON: "ndjson"}[f]
	w.Header().Set("Content-Type", f.ContentType())
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	if err := c.cfg.Bulk.WriteLog(r.Context(), w, j, f); err != nil && r.Context().Err() == nil {
		c.cfg.Logger.Error("log of a bulk job broke off", "job", j.ID, "error", err)
		panic(http.ErrAbortHandler) // the browser must not take what came for the whole
	}
	return nil
}

// addBulk answers POST /v1/bulk?name&dry_run&strict, whose body is a document for Config.Account: its job. The name says what
// form the document has.
func (c *Console) addBulk(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, "name", "dry_run", "strict")
	if err != nil {
		return err
	}
	a := manifest.Add{FileName: path.Base(q.Get("name")), Document: r.Body, UploadedBy: "console"}
	var known bool
	if a.Format, known = manifest.FormatOf(a.FileName); !known {
		return refuse(http.StatusBadRequest, codeInvalid, "name: %q does not end in .xml, .csv or .json", a.FileName)
	}
	if a.DryRun, err = flag(q, "dry_run"); err != nil {
		return err
	}
	if a.Strict, err = flag(q, "strict"); err != nil {
		return err
	}
	j, err := c.cfg.Bulk.Add(r.Context(), c.cfg.Account, a)
	if errors.Is(err, manifest.ErrDocument) {
		return refuse(http.StatusBadRequest, codeInvalid, "%v", err)
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, viewBulk(j))
	return nil
}

// abortBulk answers POST /v1/bulk/{id}/abort: the job ends, what its items did stays.
func (c *Console) abortBulk(w http.ResponseWriter, r *http.Request) error {
	j, err := c.bulkJob(r)
	if err != nil {
		return err
	}
	if _, err := c.cfg.Bulk.Catalog.AbortBulkJob(r.Context(), j.Account, j.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
