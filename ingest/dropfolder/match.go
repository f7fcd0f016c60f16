package dropfolder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

// How long files without a match are tried: the time is the protocol's.
const (
	noMatchEvery = 30 * time.Second
	noMatchFor   = 1_000_000 * time.Second
)

// Values of options.
const (
	duplicateNewVersion = "newVersion"
	duplicateAlways     = "always"
	matchSHA256         = "sha256"
	subfolderPrefix     = "referencePrefix"
	subfolderCategory   = "category"
)

// plan decides about one complete file by the folder's handler; old is the file that had its name before, if it became an entry.
func (fo *folder) plan(ctx context.Context, f, old catalog.DropFolderFile) (plan, error) {
	content := fo.f.Handler == catalog.HandleContent || f.Type == catalog.HandleContent
	if isArchive(f.Path) && f.Lead == 0 && (content || fo.f.Options.ExpandArchives) {
		return fo.planArchive(f), nil
	}
	if content {
		return fo.planContent(ctx, f, old)
	}
	if format, ok := fo.format(f.Path); ok {
		return fo.planDocument(ctx, f, format)
	}
	return fo.planMedia(ctx, f)
}

// planContent decides about a file that is content by its name.
func (fo *folder) planContent(ctx context.Context, f, old catalog.DropFolderFile) (plan, error) {
	parsed, ok := fo.parse(f)
	if !ok {
		return refuse(f, parsed, trouble(CodeSlug,
			"The name %q does not fit the folder's slug pattern, so there is no reference id. Rename the file or change the pattern, then retry.",
			complete.Shown(f.Path))), nil
	}
	if parsed.Flavor != "" {
		return fo.planGroup(ctx, f, parsed)
	}
	p := plan{job: job{files: []catalog.DropFolderFile{f}}, parsed: []Parsed{parsed}, event: Taken, to: processing}
	same, ok, err := fo.identical(ctx, f, old)
	if err != nil {
		return p, err
	}
	if ok {
		p.event, p.to, p.same = Skipped, handled, same
		return p, nil
	}
	if fo.byContent() {
		return fo.matchContent(ctx, p)
	}
	return fo.match(ctx, p)
}

// byContent says that the bytes of a file, and not its reference id, find the entry that it is for.
func (fo *folder) byContent() bool {
	return fo.f.Options.MatchKey == matchSHA256 && (fo.f.Options.Match == catalog.MatchOrAdd || fo.f.Options.Match == catalog.MatchOrKeep)
}

// matchContent finds the entry whose original has the very bytes of a plan's file. It has its content then, whatever
// the file's name.
func (fo *folder) matchContent(ctx context.Context, p plan) (plan, error) {
	f := p.files[0]
	p.sum = fo.sum(ctx, f)
	if p.sum == "" {
		return p, nil // whoever takes it will say why it cannot be read
	}
	if busy, err := fo.taking(ctx, f, p.sum); err != nil || busy {
		p.event, p.to, p.again = NoMatch, noMatch, time.Now().Add(time.Second)
		p.why = "Another file with the very same content is being taken."
		return p, err
	}
	e, ok, err := fo.cfg.Catalog.EntryWithOriginal(ctx, fo.f.Account, p.sum, f.Size)
	switch {
	case err != nil:
		return p, err
	case ok:
		f.Entry, f.SHA256 = e, p.sum
		p.event, p.to, p.same = Skipped, handled, f
	case fo.f.Options.Match == catalog.MatchOrKeep:
		return fo.noMatch(p, "has the very same content"), nil
	}
	return p, nil
}

// parse reads a file's name by the slug pattern, and says whether that matches.
func (fo *folder) parse(f catalog.DropFolderFile) (Parsed, bool) {
	p, err := fo.slug.Parse(path.Base(f.Path))
	if err != nil {
		return p, false
	}
	if dir := path.Dir(f.Path); dir != "." && fo.f.Options.SubfolderPolicy == subfolderPrefix {
		p.Slug = dir + "/" + p.Slug
	}
	return p, true
}

// taking says that another file of the content is on its way to an entry.
func (fo *folder) taking(ctx context.Context, f catalog.DropFolderFile, sum string) (bool, error) {
	rows, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Statuses: statuses{processing, downloading}})
	return slices.ContainsFunc(rows, func(r catalog.DropFolderFile) bool { return r.ID != f.ID && r.SHA256 == sum && r.ImportEnd == 0 }), err
}

// match finds the entry that a plan's files are for.
func (fo *folder) match(ctx context.Context, p plan) (plan, error) {
	if fo.f.Options.Match != catalog.MatchOrAdd && fo.f.Options.Match != catalog.MatchOrKeep {
		return p, nil
	}
	e, ok, err := fo.entryOf(ctx, p.parsed[0].Slug)
	switch {
	case err != nil:
		return p, err
	case ok:
		p.target = e.ID
	case fo.f.Options.Match == catalog.MatchOrKeep:
		return fo.noMatch(p, fmt.Sprintf("has the reference id %q", p.parsed[0].Slug)), nil
	}
	return p, nil
}

// noMatch keeps files until there is an entry that does what is wanted of it, or their time is over.
func (fo *folder) noMatch(p plan, wanted string) plan {
	f := p.files[0]
	since := f.UploadEnd.Time()
	if !since.IsZero() && time.Since(since) > noMatchFor {
		return refuse(f, p.parsed[0], trouble(CodeNoMatch, "No entry that %s came up since %q did. Add the entry, or change it, then retry.",
			wanted, complete.Shown(f.Path)))
	}
	p.event, p.to, p.again = NoMatch, noMatch, time.Now().Add(noMatchEvery)
	p.why = fmt.Sprintf("It waits for an entry that %s.", wanted)
	return p
}

// matchable are the states of entries that a file may be for.
var matchable = []any{
	int64(catalog.EntryImport), int64(catalog.EntryPreconvert), int64(catalog.EntryReady), int64(catalog.EntryPending), int64(catalog.EntryNoContent),
}

// entryOf finds the account's newest media entry with the reference id.
func (fo *folder) entryOf(ctx context.Context, ref string) (catalog.Entry, bool, error) {
	found, _, err := fo.cfg.Catalog.QueryEntries(ctx, fo.f.Account, catalog.Query{Limit: 1, Conds: []catalog.Cond{
		{Field: "referenceId", Op: catalog.OpEq, Values: []any{ref}}, {Field: "status", Op: catalog.OpIn, Values: matchable},
		{Field: "type", Op: catalog.OpEq, Values: []any{string(catalog.EntryMedia)}},
		{Field: "displayInSearch", Op: catalog.OpNot, Values: []any{int64(catalog.DisplaySystem)}},
	}})
	if err != nil || len(found) == 0 {
		return catalog.Entry{}, false, err
	}
	return found[0], true, nil
}

// earlierOf returns, by the keys of their paths, the files that had the names of these before and became entries.
func (fo *folder) earlierOf(ctx context.Context, files []catalog.DropFolderFile) (map[string]catalog.DropFolderFile, error) {
	if p := fo.f.Options.DuplicatePolicy; p == duplicateNewVersion || p == duplicateAlways {
		return nil, nil
	}
	keys := make([]string, len(files))
	for i, f := range files {
		keys[i] = f.PathKey
	}
	return fo.cfg.Catalog.LastPurged(ctx, fo.f.ID, keys)
}

// identical says that the file that had this name before had the very same bytes, and that its entry still has them.
func (fo *folder) identical(ctx context.Context, f, old catalog.DropFolderFile) (catalog.DropFolderFile, bool, error) {
	if old.Entry == "" || old.Size != f.Size {
		return old, false, nil
	}
	want, err := fo.sumOf(ctx, old.Entry, f.Size)
	if err != nil || want == "" {
		return old, false, err
	}
	old.SHA256 = fo.sum(ctx, f)
	return old, old.SHA256 == want, nil
}

// sumOf is the checksum of an entry's original, "" when that has not this size, or is not known yet.
func (fo *folder) sumOf(ctx context.Context, id catalog.EntryID, size int64) (string, error) {
	e, err := fo.cfg.Catalog.Entry(ctx, fo.f.Account, id)
	if errors.Is(err, catalog.ErrNotFound) || err == nil && e.Status == catalog.EntryDeleted {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	assets, err := fo.cfg.Catalog.Assets(ctx, id, catalog.AssetFlavor)
	if err != nil {
		return "", err
	}
	for _, a := range assets {
		if a.Original && a.Version == e.Version && a.Size == size {
			return a.SHA256, nil
		}
	}
	return "", nil
}

// categories are those that an entry gets from the sub-folders that its file was in.
func (fo *folder) categories(f catalog.DropFolderFile) []string {
	if dir := path.Dir(f.Path); dir != "." && fo.f.Options.SubfolderPolicy == subfolderCategory {
		return []string{strings.ReplaceAll(dir, "/", ">")}
	}
	return nil
}

// sum reads a file for its SHA-256; "" when it cannot be read: whoever takes it will say why.
func (fo *folder) sum(ctx context.Context, f catalog.DropFolderFile) string {
	r, err := fo.store.Open(ctx, f.Path, 0)
	if err != nil {
		return ""
	}
	h := sha256.New()
	_, err = io.Copy(h, r)
	if errors.Join(err, r.Close()) != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}
