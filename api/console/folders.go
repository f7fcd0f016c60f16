package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
)

// fileStates are the names of the states of drop folder files, by their numbers on the wire.
var fileStates = []string{
	"", "uploading", "pending", "waiting", "handled", "ignored", "deleted", "purged", "no_match", "error_handling", "error_deleting",
	"downloading", "error_downloading", "processing", "parsed", "detected",
}

type folderView struct {
	ID         catalog.DropFolderID `json:"id"`
	Account    catalog.AccountID    `json:"account"`
	Name       string               `json:"name"`
	Type       string               `json:"type"`
	Handler    catalog.FileHandler  `json:"handler"`
	Path       string               `json:"path"`
	Host       string               `json:"host"`
	State      string               `json:"state"`
	ErrorCode  int                  `json:"error_code"`
	ErrorText  string               `json:"error_text"`
	LastAccess *time.Time           `json:"last_access"`
	// Counts are the numbers of its live files by state.
	Counts map[string]int `json:"counts"`
}

type folderFileView struct {
	ID       catalog.DropFolderFileID `json:"id"`
	Folder   catalog.DropFolderID     `json:"folder"`
	Account  catalog.AccountID        `json:"account"`
	Path     string                   `json:"path"`
	State    string                   `json:"state"`
	Size     int64                    `json:"size"`
	Done     int64                    `json:"done"` // bytes downloaded
	EntryID  catalog.EntryID          `json:"entry_id"`
	Job      int64                    `json:"job"`
	Code     string                   `json:"error_code"`
	Reason   string                   `json:"reason"` // why it is where it is
	Warning  string                   `json:"warning"`
	By       string                   `json:"detected_by"`
	Attempt  int                      `json:"attempt"`
	NextAt   *time.Time               `json:"next_at"`
	SeenAt   *time.Time               `json:"seen_at"`
	Updated  *time.Time               `json:"updated_at"`
	PausedAt *time.Time               `json:"paused_at"`
}

// waits says what a file in a state waits for when its row does not say more.
var waits = map[catalog.DropFolderFileStatus]string{
	catalog.FileUploading:   "It may still be written. It is taken when it is complete.",
	catalog.FilePending:     "It is complete and waits for its turn.",
	catalog.FileProcessing:  "It is being taken in.",
	catalog.FileDownloading: "It is being fetched from the other machine.",
	catalog.FileParsed:      "A document names it, but it has not come yet.",
	catalog.FileDetected:    "A transfer server receives it.",
	catalog.FileDeleted:     "It is about to be removed.",
}

func viewFolderFile(f catalog.DropFolderFile) folderFileView {
	v := folderFileView{
		ID: f.ID, Folder: f.Folder, Account: f.Account, Path: f.Path, Size: f.Size, Done: f.Done, EntryID: f.Entry, Job: f.Job, Code: f.ErrorCode,
		Reason: f.ErrorText, Warning: f.Warning, By: f.DetectedBy, Attempt: f.Attempt, NextAt: stamp(f.NextAt.Time()),
		SeenAt: stamp(f.CreatedAt.Time()), Updated: stamp(f.UpdatedAt.Time()), PausedAt: stamp(f.PausedAt.Time()),
	}
	if i := int(f.Status); i > 0 && i < len(fileStates) {
		v.State = fileStates[i]
	}
	if v.Reason == "" {
		v.Reason = f.Why
	}
	if v.Reason == "" {
		v.Reason = waits[f.Status]
	}
	return v
}

var folderTypes = map[catalog.DropFolderType]string{
	catalog.DropFolderLocal: "local", catalog.DropFolderFTP: "FTP", catalog.DropFolderSCP: "SFTP", catalog.DropFolderSFTP: "SFTP",
	catalog.DropFolderS3: "S3", catalog.DropFolderS3Old: "S3",
}

// listFolders answers GET /v1/drop-folders: all folders, with the numbers of their files.
func (c *Console) listFolders(w http.ResponseWriter, r *http.Request) error {
	if _, err := parseQuery(r); err != nil {
		return err
	}
	folders, err := c.cfg.Catalog.AnyDropFolders(r.Context())
	if err != nil {
		return err
	}
	ids := make([]catalog.DropFolderID, len(folders))
	for i, f := range folders {
		ids[i] = f.ID
	}
	counts, err := c.cfg.Catalog.CountDropFolderFiles(r.Context(), ids...)
	if err != nil {
		return err
	}
	views := make([]folderView, len(folders))
	for i, f := range folders {
		v := folderView{
			ID: f.ID, Account: f.Account, Name: f.Name, Type: folderTypes[f.Type], Handler: f.Handler, Path: f.Path, Host: f.Options.Host,
			ErrorCode: f.ErrorCode, ErrorText: f.ErrorText, LastAccess: stamp(f.LastAccess.Time()), Counts: map[string]int{},
			State: map[catalog.DropFolderStatus]string{
				catalog.DropFolderDisabled: "disabled", catalog.DropFolderEnabled: "enabled", catalog.DropFolderError: "error",
			}[f.Status],
		}
		if v.Type == "" {
			v.Type = string(f.Type)
		}
		for s, n := range counts[f.ID] {
			v.Counts[fileStates[s]] = n
		}
		views[i] = v
	}
	writeJSON(w, http.StatusOK, map[string]any{"folders": views})
	return nil
}

// listFolderFiles answers GET /v1/drop-folders/files?folder&state&search&limit&offset, those that changed last first.
func (c *Console) listFolderFiles(w http.ResponseWriter, r *http.Request) error {
	q, err := folderFileQuery(r)
	if err != nil {
		return err
	}
	files, total, err := c.cfg.Catalog.AnyDropFolderFiles(r.Context(), q)
	if err != nil {
		return err
	}
	views := make([]folderFileView, len(files))
	for i, f := range files {
		views[i] = viewFolderFile(f)
	}
	writeJSON(w, http.StatusOK, map[string]any{"files": views, "total": total, "limit": q.Limit, "offset": q.Offset})
	return nil
}

func folderFileQuery(r *http.Request) (catalog.Query, error) {
	out := catalog.Query{Order: []catalog.Order{{Field: "updatedAt", Desc: true}}}
	q, err := parseQuery(r, "folder", "state", "search", "limit", "offset")
	if err != nil {
		return out, err
	}
	if text := q.Get("folder"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			return out, refuse(http.StatusBadRequest, codeInvalid, "folder: %q is not the id of a drop folder", text)
		}
		out.Conds = append(out.Conds, catalog.Cond{Field: "dropFolderId", Op: catalog.OpEq, Values: []any{id}})
	}
	if list := q.Get("state"); list != "" {
		cond := catalog.Cond{Field: "status", Op: catalog.OpIn}
		for name := range strings.SplitSeq(list, ",") {
			i := slices.Index(fileStates, name)
			if i <= 0 {
				return out, refuse(http.StatusBadRequest, codeInvalid, "state: %q is not one of %s", name, strings.Join(fileStates[1:], ", "))
			}
			cond.Values = append(cond.Values, int64(i))
		}
		out.Conds = append(out.Conds, cond)
	}
	if text := strings.TrimSpace(q.Get("search")); text != "" {
		out.Conds = append(out.Conds, catalog.Cond{Field: "fileName", Op: catalog.OpLike, Values: []any{text}})
	}
	out.Limit, out.Offset, err = page(q)
	return out, err
}

// changeFolderFile does what an operator wants with the file that a request names.
func (c *Console) changeFolderFile(w http.ResponseWriter, r *http.Request,
	do func(FolderOperator, context.Context, catalog.DropFolderFile) (catalog.DropFolderFile, error)) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return refuse(http.StatusBadRequest, codeInvalid, "%q is not the id of a file", r.PathValue("id"))
	}
	if c.cfg.Folders == nil {
		return refuse(http.StatusServiceUnavailable, codeUnavailable, "this server does not change drop folders")
	}
	f, err := c.cfg.Catalog.AnyDropFolderFile(r.Context(), catalog.DropFolderFileID(id))
	if err != nil {
		return err
	}
	f, err = do(c.cfg.Folders, r.Context(), f)
	if errors.Is(err, dropfolder.ErrState) {
		return refuse(http.StatusConflict, codeConflict, "file %d is %s: that cannot be done now", id, fileStates[f.Status])
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewFolderFile(f))
	return nil
}

// retryFolderFile answers POST /v1/drop-folders/files/{id}/retry.
func (c *Console) retryFolderFile(w http.ResponseWriter, r *http.Request) error {
	return c.changeFolderFile(w, r, FolderOperator.Retry)
}

// ignoreFolderFile answers POST /v1/drop-folders/files/{id}/ignore.
func (c *Console) ignoreFolderFile(w http.ResponseWriter, r *http.Request) error {
	return c.changeFolderFile(w, r, FolderOperator.Ignore)
}

// deleteFolderFile answers DELETE /v1/drop-folders/files/{id}: the file is removed, too.
func (c *Console) deleteFolderFile(w http.ResponseWriter, r *http.Request) error {
	return c.changeFolderFile(w, r, FolderOperator.Delete)
}
