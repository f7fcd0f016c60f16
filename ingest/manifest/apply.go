package manifest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/internal/fault"
)

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // maps of texts and numbers always encode
	}
	return b
}

// step is how far an item was brought that has no final result yet.
type step struct {
	// Content says that its files were handed over.
	Content bool `json:"content,omitempty"`
}

// item deals with one item to its final result. Errors are failures of database or storage; what is wrong with the item is its
// result. An item that was begun before is brought to its end: what it did is not done again.
func (a *applier) item(ctx context.Context, it *Item) error {
	if a.object != nil {
		return a.line(ctx, it)
	}
	row, err := a.Catalog.BulkResult(ctx, a.job.ID, it.Index)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	p, err := a.plan(ctx, it, row)
	if err != nil {
		return err
	}
	if len(it.Problems) > 0 || a.rehearsal {
		return a.record(ctx, a.result(it, p))
	}
	var done step
	_ = json.Unmarshal([]byte(row.Step), &done) // written below; an item not begun has none
	if !p.begun {
		ended, err := a.begin(ctx, it, p)
		if err != nil {
			return a.refused(ctx, it, p, err)
		}
		if ended {
			applied.WithLabelValues("ok").Inc()
			return nil
		}
	} else if err := a.recall(ctx, p); err != nil {
		return err
	}
	fault.Point("manifest.begun")
	if !done.Content {
		if err := a.hand(ctx, it, p); err != nil {
			return a.refused(ctx, it, p, err)
		}
	}
	fault.Point("manifest.handed")
	for i := range p.assets {
		if err := a.asset(ctx, it, p, i); err != nil {
			return a.refused(ctx, it, p, err)
		}
	}
	if e, err := a.Catalog.Entry(ctx, a.job.Account, p.entry.ID); err == nil {
		p.entry = e
	}
	return a.record(ctx, a.result(it, p))
}

// recall finds the cue points that an item made before.
func (a *applier) recall(ctx context.Context, p *plan) error {
	if len(p.cues) == 0 {
		return nil
	}
	rows, _, err := a.Catalog.ListCuePoints(ctx, a.job.Account, catalog.Query{Limit: catalog.Everything, Conds: []catalog.Cond{
		{Field: "entryId", Op: catalog.OpEq, Values: []any{string(p.entry.ID)}},
	}})
	if err != nil {
		return err
	}
	for i := range p.cues {
		c := &p.cues[i].point
		for _, row := range rows {
			if row.Type == c.Type && row.StartMS == c.StartMS && row.SystemName == c.SystemName {
				c.ID = row.ID
			}
		}
	}
	return nil
}

// result is an item's result as far as it is known: final, unless Status is changed.
func (a *applier) result(it *Item, p *plan) catalog.BulkResult {
	r := catalog.BulkResult{
		Job: a.job.ID, Line: it.Index, FileLine: int64(it.Line), Status: catalog.BulkItemOK, Action: p.action, ObjectType: catalog.BulkEntries,
		ObjectID: string(p.entry.ID), ObjectStatus: int(p.entry.Status), Title: cmp.Or(it.text("name"), p.entry.Name),
		ReferenceID: cmp.Or(it.text("referenceId"), it.text("externalId"), p.entry.ReferenceID), RowData: it.Raw,
	}
	r.Account = a.job.Account
	it.tell(&r)
	return r
}

// tell makes a result that of an item that has problems.
func (it *Item) tell(r *catalog.BulkResult) {
	if len(it.Problems) == 0 {
		return
	}
	var texts []string
	for _, problem := range it.Problems {
		texts = append(texts, problem.Error())
	}
	first := it.Problems[0]
	r.Status, r.ErrorCode, r.ErrorNumber, r.ErrorText = catalog.BulkItemError, first.Code, first.Number, strings.Join(texts, "\n")
}

// record writes a result.
func (a *applier) record(ctx context.Context, r catalog.BulkResult) error {
	err := a.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return tx.SetBulkResult(ctx, a.job.Attempt, r) })
	if err == nil {
		applied.WithLabelValues(map[catalog.BulkResultStatus]string{catalog.BulkItemOK: "ok", catalog.BulkItemError: "error"}[r.Status]).Inc()
	}
	return err
}

// refused is the result of an item that met an error: one of its own making ends it, any other is returned.
func (a *applier) refused(ctx context.Context, it *Item, p *plan, err error) error {
	var wrong *content.Error
	switch {
	case ctx.Err() != nil, errors.Is(err, catalog.ErrFenced), errors.Is(err, catalog.ErrCancelled):
		return err
	case errors.As(err, &wrong):
		code := codeInvalid
		if wrong.Kind == content.NoFile {
			code = codeFile
		}
		it.wrong(it.Node, code, "%v", wrong)
	case errors.Is(err, errDuplicate):
		it.wrong(it.Node, codeDuplicate, "%v", err)
	case errors.Is(err, catalog.ErrInvalid), errors.Is(err, catalog.ErrConflict), errors.Is(err, catalog.ErrNotFound), errors.Is(err, catalog.ErrQuota):
		it.wrong(it.Node, codeInvalid, "%v", err)
	default:
		return err
	}
	return a.record(ctx, a.result(it, p))
}

// begin does what the database alone needs to know, and writes the result with it: the entry, its categories, cue points and
// custom metadata. When that is all, the item has ended.
func (a *applier) begin(ctx context.Context, it *Item, p *plan) (ended bool, err error) {
	for _, user := range p.uniqueUsers() {
		if _, err := a.Catalog.EnsureUser(ctx, a.job.Account, user); err != nil {
			return false, err
		}
	}
	before := *p
	err = a.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		*p = before // it may run again
		if err := a.enter(ctx, tx, it, p); err != nil {
			return err
		}
		r := a.result(it, p)
		if ended = len(p.parts)+len(p.assets)+len(p.clears) == 0; !ended {
			r.Status = catalog.BulkItemInProgress
		}
		return tx.SetBulkResult(ctx, a.job.Attempt, r)
	})
	return ended && err == nil, err
}

// errDuplicate says that the account has an entry of an item's idempotency key.
var errDuplicate = errors.New("an entry has the same idempotency key")

// enter makes, changes or deletes the entry.
func (a *applier) enter(ctx context.Context, tx *catalog.Tx, it *Item, p *plan) error {
	if p.action == catalog.BulkDelete {
		p.entry.Status = catalog.EntryDeleted
		return tx.DeleteEntry(ctx, p.entry.ID)
	}
	skip, err := a.identify(ctx, tx, it, p)
	if err != nil || skip {
		return err
	}
	if p.action == catalog.BulkAdd {
		e := p.entry
		p.apply(&e)
		if e.Name == "" {
			e.Name = cmp.Or(e.ReferenceID, fmt.Sprintf("%d_%d_%d", a.job.Account, a.job.ID, it.Index))
		}
		if p.key != "" {
			e.DedupKey = itemKey(p.key)
		}
		if p.entry, err = tx.AddEntry(ctx, e); err != nil {
			return err
		}
	} else {
		err = tx.UpdateEntry(ctx, p.entry.ID, func(e *catalog.Entry) error {
			if e.Status == catalog.EntryDeleted {
				return fmt.Errorf("entry %s: %w: it was deleted meanwhile", e.ID, catalog.ErrConflict)
			}
			p.apply(e)
			p.entry = *e
			return nil
		})
		if err != nil {
			return err
		}
	}
	return a.attach(ctx, tx, p)
}

func itemKey(key string) string { return "item:" + key }

// identify looks for an entry of the item's idempotency key. With skip, the item is done: there is one.
func (a *applier) identify(ctx context.Context, tx *catalog.Tx, it *Item, p *plan) (skip bool, err error) {
	if p.key == "" || p.action != catalog.BulkAdd {
		return false, nil
	}
	old, err := tx.EntryByDedup(ctx, a.job.Account, itemKey(p.key))
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch it.text("onDuplicate") {
	case "error":
		return false, fmt.Errorf("%w: %s", errDuplicate, old.ID)
	case "update":
		p.action, p.entry = catalog.BulkUpdate, old
		return false, nil
	}
	p.entry, p.parts, p.assets, p.clears = old, nil, nil, nil
	return true, nil
}

// attach gives an entry its cue points, custom metadata and extensions.
func (a *applier) attach(ctx context.Context, tx *catalog.Tx, p *plan) error {
	id := p.entry.ID
	if p.recue {
		if err := tx.DeleteCuePoints(ctx, a.job.Account, id); err != nil {
			return err
		}
	}
	byName := map[string]string{}
	for i := range p.cues {
		c := &p.cues[i]
		c.point.Entry = id
		if c.parent != "" {
			if c.point.Parent = byName[c.parent]; c.point.Parent == "" {
				return fmt.Errorf("%w: line %d: no note before it has the system name %q", catalog.ErrInvalid, c.node.Line, c.parent)
			}
		}
		if c.id != "" && !p.recue {
			next := c.point
			err := tx.SetCuePoint(ctx, a.job.Account, id, c.id, func(row *catalog.CuePoint) error {
				next.BaseModel, next.Record, next.Num, next.ID = row.BaseModel, row.Record, row.Num, row.ID
				*row = next
				return nil
			})
			if err != nil {
				return err
			}
			c.point.ID = c.id
		} else {
			made, err := tx.AddCuePoint(ctx, a.job.Account, c.point)
			if err != nil {
				return err
			}
			c.point.ID = made.ID
		}
		if c.point.SystemName != "" {
			byName[c.point.SystemName] = c.point.ID
		}
	}
	for _, m := range p.values {
		m.Object = string(id)
		if err := tx.SetMetadata(ctx, a.job.Account, m); err != nil {
			return err
		}
	}
	for kind, body := range p.blocks {
		if err := tx.SetEntryExtension(ctx, a.job.Account, id, kind, body); err != nil {
			return err
		}
	}
	return nil
}
