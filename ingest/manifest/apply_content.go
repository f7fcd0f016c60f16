package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/ingest/content"
)

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
