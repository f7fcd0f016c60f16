package console

import (
	"errors"
	"net/http"
	"time"

	"sluice/catalog"
)

// uploadView is an upload token as the pages show it.
type uploadView struct {
	ID       catalog.UploadTokenID `json:"id"`
	FileName string                `json:"file_name"`
	// Size is what the sender announced, 0 for nothing; Received the bytes that are here.
	Size     int64 `json:"size"`
	Received int64 `json:"received"`
	// State is waiting, arriving, complete, used, given_up or deleted.
	State     string    `json:"state"`
	Carrier   string    `json:"carrier"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Entry is the entry that the file is for, null without one.
	Entry *entryView `json:"entry"`
}

var uploadStates = map[catalog.UploadStatus]string{
	catalog.UploadPending: "waiting", catalog.UploadPartial: "arriving", catalog.UploadFull: "complete", catalog.UploadClosed: "used",
	catalog.UploadTimeout: "given_up", catalog.UploadDeleted: "deleted",
}

// recentUploads bounds the list.
const recentUploads = 50

// listUploads answers GET /v1/uploads: the newest uploads of the account, with the entries they are for.
func (c *Console) listUploads(w http.ResponseWriter, r *http.Request) error {
	q := catalog.Query{Order: []catalog.Order{{Field: "createdAt", Desc: true}}, Limit: recentUploads}
	tokens, total, err := c.cfg.Catalog.UploadTokens(r.Context(), c.cfg.Account, q)
	if err != nil {
		return err
	}
	var entries []catalog.Entry
	of := map[catalog.EntryID]int{}
	for _, t := range tokens {
		id := catalog.EntryID(t.AttachedID)
		if _, known := of[id]; known || t.AttachedType != "entry" {
			continue
		}
		e, err := c.cfg.Catalog.EntryByID(r.Context(), id)
		if errors.Is(err, catalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		of[id] = len(entries)
		entries = append(entries, e)
	}
	views, err := c.viewEntries(r.Context(), entries)
	if err != nil {
		return err
	}
	out := make([]uploadView, 0, len(tokens))
	for _, t := range tokens {
		u := uploadView{
			ID: t.ID, FileName: t.FileName, Size: t.FileSize, Received: t.Extents.Total(), State: uploadStates[t.Status], Carrier: t.Carrier,
			CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
		}
		if i, ok := of[catalog.EntryID(t.AttachedID)]; ok && t.AttachedType == "entry" {
			u.Entry = &views[i]
		}
		out = append(out, u)
	}
	writeJSON(w, http.StatusOK, map[string]any{"uploads": out, "total": total})
	return nil
}
