package dropfolder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

// DefaultSidecarTimeout is how long files wait for those that belong to them.
const DefaultSidecarTimeout = 24 * time.Hour

func (fo *folder) sidecarTimeout() time.Duration {
	if s := fo.f.Options.SidecarTimeout; s > 0 {
		return time.Duration(s) * time.Second
	}
	return DefaultSidecarTimeout
}

// flavors are what the folder's conversion profile says of the flavors that files may be.
type flavors struct {
	params   map[string]int64 // by system name in lower case
	required []string         // system names without which there is no entry
}

// profileFlavors reads the profile.
func (fo *folder) profileFlavors(ctx context.Context) (flavors, error) {
	fl := flavors{params: map[string]int64{}}
	id := fo.f.ConversionProfile
	if id == 0 {
		p, err := fo.cfg.Catalog.DefaultProfile(ctx, fo.f.Account, 1)
		if err != nil {
			return fl, err
		}
		id = p.ID
	}
	rows, err := fo.cfg.Catalog.ProfileParams(ctx, fo.f.Account, id)
	if err != nil {
		return fl, err
	}
	for _, r := range rows {
		name := r.SystemName
		if name == "" {
			p, err := fo.cfg.Catalog.FlavorParams(ctx, fo.f.Account, r.Params)
			if err != nil {
				return fl, err
			}
			name = p.SystemName
		}
		if name == "" {
			continue
		}
		fl.params[strings.ToLower(name)] = r.Params
		const required = 1
		if r.Ready == required && r.Origin == catalog.OriginIngest {
			fl.required = append(fl.required, strings.ToLower(name))
		}
	}
	return fl, nil
}

// planGroup decides about a file that is one flavor of several.
func (fo *folder) planGroup(ctx context.Context, f catalog.DropFolderFile, parsed Parsed) (plan, error) {
	fl, err := fo.profileFlavors(ctx)
	if err != nil {
		return plan{}, err
	}
	mine := strings.ToLower(parsed.Flavor)
	if _, ok := fl.params[mine]; !ok {
		return refuse(f, parsed, trouble(CodeFlavorUnknown,
			"%q names the flavor %q, which the folder's conversion profile does not have. Rename the file or add the flavor, then retry.",
			complete.Shown(f.Path), parsed.Flavor)), nil
	}
	p := plan{job: job{files: []catalog.DropFolderFile{f}, params: []int64{fl.params[mine]}}, parsed: []Parsed{parsed}, event: Taken, to: processing}
	if e, ok, err := fo.earlier(ctx, parsed.Slug); err != nil {
		return p, err
	} else if ok && !slices.Contains(fl.required, mine) {
		p.target, p.late = e, true
		return p, nil
	}
	siblings, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{
		Folder: fo.f.ID, Statuses: statuses{pending, waiting, noMatch}, Slug: parsed.Slug,
	})
	if err != nil {
		return p, err
	}
	// A file that is looked at for the first time has no slug yet: its siblings find it by its name when they are looked at.
	have := map[string]bool{mine: true}
	for _, s := range slices.Backward(siblings) { // the newest of a flavor counts
		name := strings.ToLower(s.Flavor)
		if params, ok := fl.params[name]; ok && !have[name] && s.ID != f.ID {
			have[name] = true
			p.files, p.params = append(p.files, s), append(p.params, params)
			p.parsed = append(p.parsed, Parsed{Slug: s.Slug, Flavor: s.Flavor, User: s.User})
		}
	}
	var missing []string
	for _, name := range fl.required {
		if !have[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		p.job, p.parsed = job{files: p.files[:1]}, p.parsed[:1]
		p.event, p.to, p.again = Incomplete, waiting, time.Now().Add(fo.sidecarTimeout())
		p.why = fmt.Sprintf("It waits for the flavors %s of %q.", strings.Join(missing, ", "), parsed.Slug)
		return p, nil
	}
	return fo.match(ctx, p)
}

// earlier finds the entry that files of the same slug became in this folder.
func (fo *folder) earlier(ctx context.Context, slug string) (catalog.EntryID, bool, error) {
	rows, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Statuses: statuses{handled, purged}, Slug: slug})
	if err != nil {
		return "", false, err
	}
	for _, r := range slices.Backward(rows) {
		if r.Entry == "" {
			continue
		}
		e, err := fo.cfg.Catalog.Entry(ctx, fo.f.Account, r.Entry)
		if err == nil && e.Status != catalog.EntryDeleted {
			return e.ID, true, nil
		}
	}
	return "", false, nil
}
