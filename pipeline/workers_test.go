package pipeline_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/pipeline"
)

func TestWorkersAreListedWhileTheyLive(t *testing.T) {
	r := newRig(t)
	nothing := pipeline.HandlerFunc(func(context.Context, *pipeline.Run) error { return nil })
	all := allStages(1, nothing)
	all.Name = "all"
	some := pipeline.WorkerConfig{Name: "some", Stages: map[catalog.Stage]pipeline.StageConfig{
		catalog.StageProbe: all.Stages[catalog.StageProbe], catalog.StageFetch: all.Stages[catalog.StageFetch],
	}}
	present := func() map[string][]catalog.Stage {
		list, err := pipeline.Workers(t.Context(), r.redis)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string][]catalog.Stage{}
		for _, p := range list {
			known[p.Name] = p.Stages
		}
		return known
	}
	is := func(want map[string][]catalog.Stage) func() bool {
		return func() bool { return cmp.Equal(want, present()) }
	}
	if got := present(); len(got) > 0 {
		t.Fatalf("before any started: %v", got)
	}
	r.worker(all)
	stop := r.worker(some)
	r.eventually("both are listed", is(map[string][]catalog.Stage{"all": catalog.Stages(), "some": {catalog.StageFetch, catalog.StageProbe}}))
	stop()
	r.eventually("one is left", is(map[string][]catalog.Stage{"all": catalog.Stages()}))
}
