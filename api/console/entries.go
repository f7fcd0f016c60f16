package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"sluice/catalog"
)

// Bounds of the lists.
const (
	defaultLimit = 25
	maxLimit     = 100
	maxOffset    = 1_000_000
	maxSearch    = 200 // bytes
)

// entryOrders are the values of ?order; a leading "-" turns one round.
var entryOrders = map[string]catalog.EntryOrder{
	"created":  catalog.ByCreated,
	"updated":  catalog.ByUpdated,
	"name":     catalog.ByName,
	"duration": catalog.ByDuration,
}

// listEntries answers GET /v1/entries?search&status&order&limit&offset.
func (c *Console) listEntries(w http.ResponseWriter, r *http.Request) error {
	filter, err := entryFilter(r)
	if err != nil {
		return err
	}
	entries, total, err := c.cfg.Catalog.ListEntries(r.Context(), filter)
	if err != nil {
		return err
	}
	views, err := c.viewEntries(r.Context(), entries)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"entries": views, "total": total, "limit": filter.Limit, "offset": filter.Offset,
	})
	return nil
}

func entryFilter(r *http.Request) (catalog.EntryFilter, error) {
	q, err := parseQuery(r, "search", "status", "order", "limit", "offset")
	if err != nil {
		return catalog.EntryFilter{}, err
	}
	f := catalog.EntryFilter{Search: q.Get("search"), OrderBy: catalog.ByCreated, Desc: true}
	if len(f.Search) > maxSearch {
		return f, refuse(http.StatusBadRequest, codeInvalid, "search: %d bytes are more than %d", len(f.Search), maxSearch)
	}
	if f.Statuses, err = statuses(q.Get("status")); err != nil {
		return f, err
	}
	if order := q.Get("order"); order != "" {
		name, desc := strings.CutPrefix(order, "-")
		by, ok := entryOrders[name]
		if !ok {
			return f, refuse(http.StatusBadRequest, codeInvalid, "order: %q is not one of %s, each also with a leading -",
				order, keys(entryOrders))
		}
		f.OrderBy, f.Desc = by, desc
	}
	f.Limit, f.Offset, err = page(q)
	return f, err
}

// statuses reads a comma-separated list of states; empty means every state but deleted.
func statuses(list string) ([]catalog.EntryStatus, error) {
	if list == "" {
		return nil, nil
	}
	byName := make(map[string]catalog.EntryStatus, len(statusNames))
	for status, name := range statusNames {
		byName[name] = status
	}
	var out []catalog.EntryStatus
	for _, name := range strings.Split(list, ",") {
		status, ok := byName[name]
		if !ok {
			return nil, refuse(http.StatusBadRequest, codeInvalid, "status: %q is not one of %s", name, keys(byName))
		}
		if !slices.Contains(out, status) {
			out = append(out, status)
		}
	}
	return out, nil
}

// viewEntries adds to entries what their rows don't hold: size, poster, and progress of those in work.
func (c *Console) viewEntries(ctx context.Context, entries []catalog.Entry) ([]entryView, error) {
	var working []catalog.EntryID
	for _, e := range entries {
		if inWork(e) {
			working = append(working, e.ID)
		}
	}
	progress := map[catalog.EntryID]catalog.Progress{}
	if len(working) > 0 {
		var err error
		if progress, err = c.cfg.Catalog.Progress(ctx, working...); err != nil {
			return nil, err
		}
	}
	ids := make([]catalog.EntryID, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	assets, err := c.cfg.Catalog.AssetsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]entryView, len(entries))
	for i, e := range entries {
		var p *catalog.Progress
		if known, ok := progress[e.ID]; ok {
			p = &known
		}
		views[i] = viewEntry(e, assets[e.ID], c.cfg.Play(e, assets[e.ID]), p)
	}
	return views, nil
}

// inWork reports whether an entry is on its way to being ready.
func inWork(e catalog.Entry) bool {
	return e.Status == catalog.EntryImport || e.Status == catalog.EntryPreconvert || e.Status == catalog.EntryPending
}

// getEntry answers GET /v1/entries/{id}: the entry with all that is known about it.
func (c *Console) getEntry(w http.ResponseWriter, r *http.Request) error {
	e, err := c.entry(r)
	if err != nil {
		return err
	}
	assets, err := c.cfg.Catalog.Assets(r.Context(), e.ID)
	if err != nil {
		return err
	}
	tasks, err := c.cfg.Catalog.Tasks(r.Context(), e.ID)
	if err != nil {
		return err
	}
	views, err := c.viewEntries(r.Context(), []catalog.Entry{e})
	if err != nil {
		return err
	}
	links := c.cfg.Play(e, assets)
	if links == nil {
		links = []Link{}
	}
	assetViews := make([]assetView, len(assets))
	for i, a := range assets {
		assetViews[i] = viewAsset(a)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"entry": views[0], "assets": assetViews, "tasks": viewTasks(tasks), "links": links,
		"probe": rawJSON(c.cfg.Probe(e, assets, tasks)),
	})
	return nil
}

// entry is the entry that a path names; a deleted one is not found.
func (c *Console) entry(r *http.Request) (catalog.Entry, error) {
	id := r.PathValue("id")
	if !plausibleID(id) {
		return catalog.Entry{}, refuse(http.StatusBadRequest, codeInvalid, "%q is not an entry id", id)
	}
	e, err := c.cfg.Catalog.EntryByID(r.Context(), catalog.EntryID(id))
	if err == nil && e.Status == catalog.EntryDeleted {
		err = refuse(http.StatusNotFound, codeNotFound, "entry %s was deleted", id)
	}
	return e, err
}

// plausibleID reports whether text can be an entry's id, so that nonsense is refused before it reaches the catalog.
func plausibleID(text string) bool {
	if text == "" || len(text) > 40 {
		return false
	}
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return true
}

// deleteEntry answers DELETE /v1/entries/{id}.
func (c *Console) deleteEntry(w http.ResponseWriter, r *http.Request) error {
	e, err := c.entry(r)
	if err != nil {
		return err
	}
	if err := c.cfg.Catalog.DeleteEntry(r.Context(), e.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// retryEntry answers POST /v1/entries/{id}/retry: the dead and cancelled tasks of the entry run again.
func (c *Console) retryEntry(w http.ResponseWriter, r *http.Request) error {
	e, err := c.entry(r)
	if err != nil {
		return err
	}
	n, err := c.cfg.Catalog.RetryEntry(r.Context(), e.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return refuse(http.StatusConflict, codeConflict, "entry %s has no failed work to retry", e.ID)
	}
	writeJSON(w, http.StatusOK, map[string]int{"retried": n})
	return nil
}
