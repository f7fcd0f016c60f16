package manifest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// hand gives the entry its content, and notes that in the same transaction.
func (a *applier) hand(ctx context.Context, it *Item, p *plan) error {
	noted := func(ctx context.Context, tx *catalog.Tx) error {
		r := a.result(it, p)
		r.Status, r.Step = catalog.BulkItemInProgress, string(encode(step{Content: true}))
		return tx.SetBulkResult(ctx, a.job.Attempt, r)
	}
	if len(p.parts) == 0 && len(p.clears) == 0 {
		return nil
	}
	if err := a.clear(ctx, p); err != nil {
		return err
	}
	if len(p.parts) == 0 {
		return nil
	}
	e := p.entry
	switch {
	case e.Status == catalog.EntryNoContent:
		return a.Content.SetEntry(ctx, a.job.Account, e.ID, p.parts, content.Options{Also: noted})
	case e.MediaType == catalog.MediaImage:
		return a.Content.SetEntry(ctx, a.job.Account, e.ID, p.parts, content.Options{Replace: true, Also: noted})
	}
	// What plays goes on playing until the next content is ready.
	if e.Replacing != "" {
		if err := a.Catalog.EndReplacement(ctx, e.ID); err != nil && !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
	hidden, err := a.Catalog.StartReplacement(ctx, e.ID, catalog.Replacement{Status: catalog.ReplacementApprovedNotReady, KeepThumbs: p.keepOld})
	if err != nil {
		return err
	}
	if err := a.Content.SetEntry(ctx, a.job.Account, hidden.ID, p.parts, content.Options{Also: noted}); err != nil {
		return errors.Join(err, a.Catalog.EndReplacement(ctx, e.ID))
	}
	return nil
}

// clear deletes the assets that the item's own take the place of, save those that this job made.
func (a *applier) clear(ctx context.Context, p *plan) error {
	for _, typ := range p.clears {
		list, err := a.Catalog.Assets(ctx, p.entry.ID, typ)
		if err != nil {
			return err
		}
		for _, as := range list {
			own := strings.HasPrefix(as.Name, fmt.Sprintf("%s%d-", addedName, a.job.ID))
			named := slices.ContainsFunc(p.assets, func(plan assetPlan) bool { return plan.id == as.ID })
			if as.Revision == 0 || own || named || typ == catalog.AssetThumb && p.keepOld {
				continue // made here, or to stay
			}
			if err := a.Catalog.DeleteAsset(ctx, as.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// asset makes, changes or deletes the item's i-th asset. One that was made before is found by its name.
func (a *applier) asset(ctx context.Context, it *Item, p *plan, i int) error {
	plan := p.assets[i]
	if plan.remove {
		return a.Catalog.DeleteAsset(ctx, plan.id)
	}
	var as catalog.Asset
	var err error
	if plan.id == "" {
		as, err = a.made(ctx, it, p, i)
	} else {
		err = a.Catalog.UpdateAsset(ctx, plan.id, func(old *catalog.Asset) error {
			plan.set(old)
			as = *old
			return nil
		})
	}
	if err != nil {
		return err
	}
	if plan.src != nil && (plan.id != "" || as.Revision == 0) {
		if err := a.Content.SetAsset(ctx, a.job.Account, as.ID, plan.src); err != nil {
			if plan.id == "" {
				err = errors.Join(err, a.Catalog.DeleteAsset(ctx, as.ID))
			}
			return err
		}
	}
	if plan.cue >= 0 {
		return a.depict(ctx, p, plan.cue, as.ID)
	}
	if !plan.alone {
		return nil
	}
	return a.onlyDefault(ctx, p, as)
}

// made returns the item's i-th asset, which it makes unless that was done before.
func (a *applier) made(ctx context.Context, it *Item, p *plan, i int) (catalog.Asset, error) {
	plan, name := p.assets[i], a.assetName(it, i)
	have, err := a.Catalog.Assets(ctx, p.entry.ID, plan.new.Type)
	if err != nil {
		return catalog.Asset{}, err
	}
	for _, as := range have {
		if as.Name == name {
			return as, nil
		}
	}
	e, err := a.Catalog.Entry(ctx, a.job.Account, p.entry.ID)
	if err != nil {
		return catalog.Asset{}, err
	}
	as := plan.new
	as.ID, as.Name, as.Version = catalog.NewAssetID(), name, e.Version
	plan.set(&as)
	if plan.cue >= 0 {
		as.Details.CuePoint = p.cues[plan.cue].point.ID
	}
	list, err := a.Catalog.AddAssets(ctx, e.ID, []catalog.Asset{as})
	if err != nil {
		return catalog.Asset{}, err
	}
	return list[0], nil
}

// onlyDefault takes the default flag off the entry's other assets of the type.
func (a *applier) onlyDefault(ctx context.Context, p *plan, chosen catalog.Asset) error {
	list, err := a.Catalog.Assets(ctx, p.entry.ID, chosen.Type)
	if err != nil {
		return err
	}
	for _, as := range list {
		if as.ID == chosen.ID || !as.Default || as.Kind != chosen.Kind {
			continue
		}
		if err := a.Catalog.UpdateAsset(ctx, as.ID, func(as *catalog.Asset) error { as.Default = false; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// depict notes on a cue point which picture belongs to it.
func (a *applier) depict(ctx context.Context, p *plan, cue int, picture catalog.AssetID) error {
	id := p.cues[cue].point.ID
	if id == "" {
		return nil
	}
	_, err := a.Catalog.UpdateCuePoint(ctx, a.job.Account, id, func(c *catalog.CuePoint) error {
		more := map[string]any{}
		if len(c.More) > 0 {
			if err := json.Unmarshal(c.More, &more); err != nil {
				return err
			}
		}
		more["assetId"] = picture
		c.More = encode(more)
		return nil
	})
	return err
}
