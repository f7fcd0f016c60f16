package content_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/pipeline/stage"
)

// profile makes a profile of renditions of the heights, by whether the entry waits for them.
func (r *rig) profile(required map[int]bool) int64 {
	r.Helper()
	var rows []catalog.ProfileParams
	for height, wait := range required {
		p, err := r.Catalog.AddFlavorParams(r.Context(), account, catalog.FlavorParams{Name: "p", VideoCodec: "h264", VideoRate: 200_000, Height: height, AudioCodec: "aac", AudioRate: 64_000, AudioChannels: 2})
		if err != nil {
			r.Fatal(err)
		}
		row := catalog.ProfileParams{Params: p.ID, Ready: catalog.ReadyOptional}
		if wait {
			row.Ready = catalog.ReadyRequired
		}
		rows = append(rows, row)
	}
	p, err := r.Catalog.AddConversionProfile(r.Context(), account, catalog.ConversionProfile{Status: catalog.ProfileEnabled, Type: 1, Name: "p"}, rows)
	if err != nil {
		r.Fatal(err)
	}
	return p.ID
}

// workUntil does the entry's tasks, save those that broken picks, which fail, until the entry is ready or none is left.
func (r *rig) workUntil(id catalog.EntryID, ready bool, broken func(catalog.Task) bool) {
	r.Helper()
	for {
		if e, err := r.Catalog.EntryByID(r.Context(), id); err != nil || ready && e.Status == catalog.EntryReady {
			return
		}
		tasks, err := r.Catalog.Tasks(r.Context(), id)
		if err != nil {
			r.Fatal(err)
		}
		i := slices.IndexFunc(tasks, func(t catalog.Task) bool { return t.State == catalog.TaskRunnable })
		if i < 0 {
			return
		}
		run := r.stages()[tasks[i].Stage]
		if broken(tasks[i]) {
			run = func(context.Context, catalog.Task, stage.Progress) (stage.Outcome, error) {
				return stage.Outcome{}, errors.New("broken")
			}
		}
		r.task(run, tasks[i].ID)
	}
}

func TestOptionalFlavorsDoNotHoldTheirEntryBack(t *testing.T) {
	none := func(catalog.Task) bool { return false }
	optional := func(t catalog.Task) bool {
		return t.Stage == catalog.StageTranscode && strings.Contains(t.Name, "optional")
	}
	for name, c := range map[string]struct {
		required map[int]bool
		broken   func(catalog.Task) bool
		atReady  string // the renditions of pictures when the entry is ready: status by height
		atEnd    string
	}{
		"one of each":           {map[int]bool{90: false, 48: true}, none, "48:2 90:1", "48:2 90:2"},
		"the other way round":   {map[int]bool{90: true, 48: false}, none, "48:1 90:2", "48:2 90:2"},
		"an optional one fails": {map[int]bool{90: false, 48: true}, optional, "48:2 90:1", "48:2 90:-1"},
		"all required":          {map[int]bool{90: true, 48: true}, none, "48:2 90:2", "48:2 90:2"},
		"none required":         {map[int]bool{90: false, 48: false}, none, "48:2 90:2", "48:2 90:2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			id := r.entry(catalog.MediaVideo)
			profile := r.profile(c.required)
			if err := r.Catalog.UpdateEntry(t.Context(), id, func(e *catalog.Entry) error { e.ConversionProfile = profile; return nil }); err != nil {
				t.Fatal(err)
			}
			r.setEntry(id, content.Token{ID: r.upload("film.mp4", film(t))})
			r.workUntil(id, true, c.broken)
			first := r.wantEntry(id, catalog.EntryReady)
			if got := r.heights(id); got != c.atReady {
				t.Errorf("when the entry is ready its renditions are %s, want %s", got, c.atReady)
			}
			r.workUntil(id, false, c.broken)
			last := r.wantEntry(id, catalog.EntryReady)
			if got := r.heights(id); got != c.atEnd {
				t.Errorf("at the end they are %s, want %s", got, c.atEnd)
			}
			if !last.ReadyAt.Equal(first.ReadyAt) || last.DurationMS != first.DurationMS {
				t.Errorf("ready at %v and %v, %d and %d ms long", first.ReadyAt, last.ReadyAt, first.DurationMS, last.DurationMS)
			}
			for _, key := range r.keysUnder(id) {
				if strings.Contains(key, "/work") {
					t.Errorf("%s is left", key)
				}
			}
		})
	}
}

func TestReplacedContentConvertsFurther(t *testing.T) {
	r := newRig(t)
	id := r.entry(catalog.MediaVideo)
	r.setEntry(id, content.Token{ID: r.upload("film.mp4", film(t))})
	r.wantReady(id)
	hidden, err := r.Catalog.StartReplacement(t.Context(), id, catalog.Replacement{Status: catalog.ReplacementApprovedNotReady})
	if err != nil {
		t.Fatal(err)
	}
	r.setEntry(hidden.ID, content.Token{ID: r.upload("film.mp4", film(t))})
	r.wantReady(hidden.ID)
	if err := r.Catalog.InTx(t.Context(), func(tx *catalog.Tx) error { return tx.Replace(t.Context(), id) }); err != nil {
		t.Fatal(err)
	}
	p, err := r.Catalog.AddFlavorParams(t.Context(), account, catalog.FlavorParams{Name: "small", VideoCodec: "h264", VideoRate: 100_000, Height: 48})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Catalog.AddTasks(t.Context(), id, []catalog.NewTask{stage.Convert(p.ID)}); err != nil {
		t.Fatal(err)
	}
	r.work(id)
	made := r.assets(id, func(a catalog.Asset) bool { return a.ParamsID == p.ID })
	if len(made) != 1 || made[0].Status != catalog.AssetReady {
		t.Errorf("made %+v", made)
	}
}
