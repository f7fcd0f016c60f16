package manifest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/ingest/content"
)

// plan is what an item comes to: everything that it names is found, and nothing is changed yet.
type plan struct {
	action catalog.BulkAction
	// entry is the one to be changed or deleted; of one to be added, what it begins as.
	entry catalog.Entry
	edits []func(*catalog.Entry)
	// users are named, and made when they are not known.
	users []string

	parts   []content.Part // content of its own
	assets  []assetPlan
	cues    []cuePlan
	values  []catalog.Metadata
	blocks  map[string]string // extensions
	clears  []catalog.AssetType
	recue   bool // the cue points that there are go
	keepOld bool // thumbnails that were added by hand stay with the next content
	key     string
	// begun says that the entry and what the database knows of it are there already.
	begun bool
}

// cuePlan is a cue point to be added or, with an id, changed. Parent is the system name of the one that it answers.
type cuePlan struct {
	id     string
	point  catalog.CuePoint
	parent string
	node   *Node
}

// edit notes a change of the entry.
func (p *plan) edit(fn func(*catalog.Entry)) { p.edits = append(p.edits, fn) }

// plan finds what an item names. What is wrong with it is added to its problems; errors are failures of the database. Of an item
// that was begun before, row says what it is about.
func (a *applier) plan(ctx context.Context, it *Item, row catalog.BulkResult) (*plan, error) {
	p := &plan{action: catalog.BulkAdd, entry: catalog.BlankEntry(a.job.Account), blocks: map[string]string{}, key: it.text("idempotencyKey")}
	if err := a.target(ctx, it, p, row); err != nil {
		return p, err
	}
	if p.action == catalog.BulkDelete {
		return p, nil
	}
	for _, step := range []func(context.Context, *Item, *plan) error{
		a.template, a.fields, a.people, a.profiles, a.categories, a.contributes, a.family, a.content, a.thumbnails, a.captions, a.attachments, a.scenes, a.metadata,
	} {
		if err := step(ctx, it, p); err != nil {
			return p, err
		}
	}
	for _, kind := range []string{catalog.ExtensionDistributions, catalog.ExtensionSharing, catalog.ExtensionReplacement} {
		for _, n := range it.all(kind) {
			p.blocks[kind] += n.xml()
		}
	}
	if a.rehearsal && p.action == catalog.BulkAdd && len(it.Problems) == 0 {
		a.names.expect(it.text("referenceId"))
	}
	return p, nil
}

// expect notes that a rehearsal would have made an entry.
func (n *names) expect(reference string) {
	if reference == "" || len(n.coming) >= maxComing {
		return
	}
	if n.coming == nil {
		n.coming = map[string]bool{}
	}
	n.coming[reference] = true
}

// target finds what shall happen, and to which entry.
func (a *applier) target(ctx context.Context, it *Item, p *plan, row catalog.BulkResult) error {
	explicit := map[string]catalog.BulkAction{
		"add": catalog.BulkAdd, "update": catalog.BulkUpdate, "delete": catalog.BulkDelete, "replace": catalog.BulkReplace,
	}[it.text("action")]
	if row.ObjectID != "" { // begun before: the entry may be its own
		p.action, p.begun = row.Action, true
		e, err := a.names.entry(ctx, row.ObjectID)
		if errors.Is(err, errAbsent) {
			it.wrong(it.Node, codeNotFound, "entry %s was deleted meanwhile", row.ObjectID)
			return nil
		}
		p.entry = e
		return err
	}
	id, reference := it.get("entryId"), it.get("referenceId")
	var e catalog.Entry
	var err error
	switch {
	case id != nil && id.Text != "":
		e, err = a.names.entry(ctx, id.Text)
		p.action = catalog.BulkUpdate
	case reference != nil && reference.Text != "" && explicit != catalog.BulkAdd:
		id = reference
		e, err = a.names.reference(ctx, reference.Text)
		if p.action = catalog.BulkUpdate; errors.Is(err, errAbsent) && explicit == 0 {
			p.action, err = catalog.BulkAdd, nil
		}
	}
	if explicit != 0 {
		p.action = explicit
	}
	var several *ambiguous
	switch {
	case errors.Is(err, errAbsent):
		if a.rehearsal && a.names.coming[id.Text] {
			return nil
		}
		it.wrong(id, codeNotFound, "there is no entry %q", id.Text)
		return nil
	case errors.As(err, &several):
		it.wrong(id, codeAmbiguous, "%v", several)
		return nil
	case err != nil:
		return err
	}
	if e.ID != "" {
		p.entry = e
		if a.job.Owner != "" && !strings.EqualFold(e.Owner, a.job.Owner) {
			it.wrong(id, codeForbidden, "entry %s is not one of user %s", e.ID, a.job.Owner)
		}
	}
	return nil
}

// lookup finds an entry that an item names by id or by reference id.
func (a *applier) lookup(ctx context.Context, it *Item, byID, byReference string) (catalog.Entry, error) {
	n, find := it.get(byID), a.names.entry
	if n == nil {
		n, find = it.get(byReference), a.names.reference
	}
	if n == nil || n.Text == "" {
		return catalog.Entry{}, nil
	}
	e, err := find(ctx, n.Text)
	var several *ambiguous
	switch {
	case errors.As(err, &several):
		it.wrong(n, codeAmbiguous, "%v", several)
		return e, nil
	case errors.Is(err, errAbsent):
		if !a.rehearsal || !a.names.coming[n.Text] {
			it.wrong(n, codeInvalid, "%s: there is no entry %q", n.Name(), n.Text)
		}
		return e, nil
	}
	return e, err
}

// template takes what is not given from another entry.
func (a *applier) template(ctx context.Context, it *Item, p *plan) error {
	if p.action != catalog.BulkAdd {
		return nil
	}
	t, err := a.lookup(ctx, it, "templateEntryId", "templateEntry")
	if err != nil || t.ID == "" {
		return err
	}
	e := &p.entry
	e.Description, e.Tags, e.Categories, e.CategoryIDs = t.Description, t.Tags, t.Categories, t.CategoryIDs
	e.AccessControl, e.ConversionProfile, e.StartAt, e.EndAt = t.AccessControl, t.ConversionProfile, t.StartAt, t.EndAt
	e.Editors, e.Publishers, e.Viewers, e.Display = t.Editors, t.Publishers, t.Viewers, t.Display
	e.Details.PartnerData, e.Details.License, e.Details.Texts, e.Details.Template = t.Details.PartnerData, t.Details.License, t.Details.Texts, t.ID
	return nil
}

// fields are those that name nothing.
func (a *applier) fields(_ context.Context, it *Item, p *plan) error {
	for name, set := range map[string]func(e *catalog.Entry, text string){
		"name":            func(e *catalog.Entry, s string) { e.Name = s },
		"description":     func(e *catalog.Entry, s string) { e.Description = s },
		"referenceId":     func(e *catalog.Entry, s string) { e.ReferenceID = s },
		"partnerData":     func(e *catalog.Entry, s string) { e.Details.PartnerData = s },
		"partnerSortData": func(e *catalog.Entry, s string) { e.SortValue = number(s) },
		"startDate":       func(e *catalog.Entry, s string) { e.StartAt, _ = parseTime(s) },
		"endDate":         func(e *catalog.Entry, s string) { e.EndAt, _ = parseTime(s) },
		"licenseType": func(e *catalog.Entry, s string) {
			if e.Details.License = new(int(number(s))); *e.Details.License < 0 {
				e.Details.License = nil
			}
		},
	} {
		if n := it.get(name); n != nil {
			p.edit(func(e *catalog.Entry) { set(e, n.Text) })
		}
	}
	if n := it.get("priority"); n != nil {
		const most = 10
		priority := number(n.Text)
		if priority < -most || priority > most {
			it.wrong(n, codeInvalid, "priority %d is not from -%d to %d", priority, most, most)
		}
		p.edit(func(e *catalog.Entry) { e.Details.Priority = int(priority) })
	}
	if n := it.get("tags"); n != nil {
		p.edit(func(e *catalog.Entry) { e.Tags = n.texts("tag") })
		for _, t := range n.all("tag") {
			if strings.Contains(t.Text, ",") {
				it.wrong(t, codeInvalid, "tag %q has a comma", t.Text)
			}
		}
	}
	if n := it.get("media", "mediaType"); n != nil {
		kind := catalog.MediaType(number(n.Text))
		if p.action != catalog.BulkAdd && p.entry.MediaType != 0 && p.entry.MediaType != kind && p.entry.ID != "" {
			it.wrong(n, codeInvalid, "the media type of an entry does not change: entry %s has %d", p.entry.ID, p.entry.MediaType)
		}
		p.edit(func(e *catalog.Entry) { e.MediaType = kind })
	}
	if n := it.get("msDuration"); n != nil {
		if p.entry.Status != catalog.EntryNoContent && !p.begun {
			it.wrong(n, codeInvalid, "msDuration is that of the content, which entry %s has", p.entry.ID)
		}
		p.edit(func(e *catalog.Entry) { e.DurationMS = number(n.Text) })
	}
	p.keepOld = p.entry.Details.KeepThumbs
	if n := it.get("keepManualThumbnails"); n != nil {
		p.keepOld = n.Text == "true" || n.Text == "1"
	}
	return nil
}

// people are the owner and those who may do something with the entry.
func (a *applier) people(_ context.Context, it *Item, p *plan) error {
	owner := it.text("userId")
	if p.action == catalog.BulkAdd && owner == "" {
		owner = a.job.User
		if a.job.Owner != "" {
			owner = a.job.Owner
		}
	}
	if a.job.Owner != "" && owner != "" && !strings.EqualFold(owner, a.job.Owner) {
		it.wrong(it.get("userId"), codeForbidden, "the session may bring in items of user %s only, not of %s", a.job.Owner, owner)
	}
	if owner != "" {
		p.users = append(p.users, owner)
		p.edit(func(e *catalog.Entry) {
			e.Owner = owner
			if e.Creator == "" {
				e.Creator = owner
			}
		})
	}
	for name, list := range map[string]func(e *catalog.Entry) *[]string{
		"entitledUsersEdit":    func(e *catalog.Entry) *[]string { return &e.Editors },
		"entitledUsersPublish": func(e *catalog.Entry) *[]string { return &e.Publishers },
		"entitledUsersView":    func(e *catalog.Entry) *[]string { return &e.Viewers },
	} {
		n := it.get(name)
		if n == nil {
			continue
		}
		users := n.texts("user")
		p.users = append(p.users, users...)
		p.edit(func(e *catalog.Entry) { *list(e) = users })
	}
	return nil
}

// profiles are those of access control and of conversion.
func (a *applier) profiles(ctx context.Context, it *Item, p *plan) error {
	resolve := func(byID, byName, what string, find func(ctx context.Context, id, name string) (int64, error), set func(e *catalog.Entry, id int64)) error {
		n := it.get(byID)
		if n == nil {
			n = it.get(byName)
		}
		if n == nil || n.Text == "" {
			return nil
		}
		if n.Text == "-1" && byID == n.Name() {
			p.edit(func(e *catalog.Entry) { set(e, 0) })
			return nil
		}
		id, err := find(ctx, it.text(byID), it.text(byName))
		if errors.Is(err, errAbsent) {
			it.wrong(n, codeInvalid, "there is no %s %q", what, n.Text)
			return nil
		}
		p.edit(func(e *catalog.Entry) { set(e, id) })
		return err
	}
	if p.action == catalog.BulkAdd && a.job.Profile > 0 {
		p.entry.ConversionProfile = a.job.Profile
	}
	err := resolve("conversionProfileId", "conversionProfile", "conversion profile", a.names.conversion, func(e *catalog.Entry, id int64) { e.ConversionProfile = id })
	if err != nil {
		return err
	}
	return resolve("accessControlId", "accessControl", "access control profile", a.names.access, func(e *catalog.Entry, id int64) { e.AccessControl = id })
}

// family is the entry that this one belongs to.
func (a *applier) family(ctx context.Context, it *Item, p *plan) error {
	parent, err := a.lookup(ctx, it, "", "parentReferenceId")
	if err != nil || parent.ID == "" {
		return err
	}
	if parent.ID == p.entry.ID {
		it.wrong(it.get("parentReferenceId"), codeInvalid, "an entry cannot be its own parent")
		return nil
	}
	p.edit(func(e *catalog.Entry) { e.Parent = parent.ID })
	return nil
}

// metadata are the values of custom metadata.
func (a *applier) metadata(ctx context.Context, it *Item, p *plan) error {
	for _, block := range it.all("customDataItems") {
		for _, n := range block.all("customData") {
			if err := a.value(ctx, it, p, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *applier) value(ctx context.Context, it *Item, p *plan, n *Node) error {
	id, name := n.text("metadataProfileId"), n.text("metadataProfile")
	if id == "" && name == "" {
		m, err := a.Catalog.Metadata(ctx, a.job.Account, number(n.text("metadataId")))
		if errors.Is(err, catalog.ErrNotFound) || err == nil && (m.Entry == "" || m.Entry != p.entry.ID) {
			it.wrong(n, codeInvalid, "the entry has no metadata %s", n.text("metadataId"))
			return nil
		}
		if err != nil {
			return err
		}
		id = fmt.Sprint(m.Profile)
	}
	s, err := a.names.schema(ctx, id, name)
	switch {
	case errors.Is(err, errAbsent):
		it.wrong(n, codeInvalid, "there is no metadata profile %q", id+name)
		return nil
	case err != nil:
		return err
	case s.profile.ObjectType != catalog.MetadataOfEntries:
		it.wrong(n, codeInvalid, "metadata profile %q is not one of entries", s.profile.Name)
		return nil
	}
	xml := n.get("xmlData")
	if xml == nil {
		return nil // check told of it
	}
	if err := s.Validate(xml.Text); err != nil {
		it.wrong(xml, codeInvalid, "metadata by profile %q: %v", s.profile.Name, err)
		return nil
	}
	p.values = append(p.values, catalog.Metadata{
		Profile: s.profile.ID, ProfileVersion: s.profile.Version, ObjectType: catalog.MetadataOfEntries, XML: xml.Text,
	})
	return nil
}

// apply makes the entry what the item says.
func (p *plan) apply(e *catalog.Entry) {
	for _, edit := range p.edits {
		edit(e)
	}
}

// uniqueUsers are the users that a plan names, each once.
func (p *plan) uniqueUsers() []string {
	out := slices.Clone(p.users)
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" || s == "0" })
}
