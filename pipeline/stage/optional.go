package stage

import (
	"slices"

	"sluice/catalog"
	"sluice/codec"
)

// runOptional names the run that makes what an entry does not wait for.
const runOptional = "-optional"

// split divides a plan by what the entry's profile says of its renditions: first what the entry is ready with, then what
// follows when it is ready. Where the profile requires none, or only such, nothing follows: one pass over the source makes all.
func (w *wanted) split(p codec.Plan) (first codec.Plan, rest *codec.Plan) {
	if p.Video == nil {
		return p, nil
	}
	optional := func(r codec.RungPlan) bool { return !w.required[w.paramsOfRung(r).ID] }
	others := slices.DeleteFunc(slices.Clone(p.Video.Rungs), func(r codec.RungPlan) bool { return !optional(r) })
	if len(others) == 0 || len(others) == len(p.Video.Rungs) {
		return p, nil
	}
	needed, later := *p.Video, *p.Video
	needed.Rungs, later.Rungs = slices.DeleteFunc(slices.Clone(p.Video.Rungs), optional), others
	for _, rungs := range [][]codec.RungPlan{needed.Rungs, later.Rungs} {
		for i := range rungs {
			rungs[i].From = sourceOf(p.Video.Rungs, rungs, i)
		}
	}
	first, follows := p, p
	first.Video, follows.Video = &needed, &later
	follows.Audio, follows.Subs, follows.Thumbs = nil, nil, nil
	return first, &follows
}

// sourceOf is the rung that some[i], one of all, is scaled from, counted among some; -1 when that is not among them.
func sourceOf(all, some []codec.RungPlan, i int) int {
	from := some[i].From
	if from < 0 {
		return -1
	}
	return slices.IndexFunc(some, func(r codec.RungPlan) bool { return r.Name == all[from].Name })
}

// afterwards are the tasks that carry out the rest of a plan when the entry is ready, which is what the last of the tasks before
// makes it. Their failure is not the entry's.
func afterwards(before []catalog.NewTask, rest codec.Plan, base MakePayload) []catalog.NewTask {
	tasks := tasksOf(rest, base)
	for i := range tasks {
		tasks[i].Name += " of optional flavors"
		tasks[i].Optional = true
		for j := range tasks[i].After {
			tasks[i].After[j] += len(before)
		}
		if len(tasks[i].After) == 0 {
			tasks[i].After = []int{len(before) - 1}
		}
	}
	return tasks
}
