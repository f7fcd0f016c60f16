package stage

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/codec"
)

// ladderPlan is a plan of three encoded rungs and a sound, of the given number of spans.
func ladderPlan(spans int) (codec.Plan, MakePayload) {
	enc := codec.EncPlan{Codec: "h264"}
	p := codec.Plan{
		Video: &codec.VideoPlan{Rungs: []codec.RungPlan{
			{Name: "1080p", Width: 1920, Height: 1080, From: -1, Enc: enc},
			{Name: "720p", Width: 1280, Height: 720, From: -1, Enc: enc},
			{Name: "360p", Width: 640, Height: 360, From: 1, Enc: enc},
		}},
		Audio: []codec.AudioPlan{{Name: "a0"}},
		Spans: make([]codec.Span, spans),
	}
	return p, MakePayload{PlanKey: "plan", Span: -1, Assets: map[string]catalog.AssetID{"1080p": "1", "720p": "2", "360p": "3", "a0": "4"}}
}

// made counts how often the transcode tasks encode each rung of each span, and the sound.
func made(t *testing.T, p codec.Plan, tasks []catalog.NewTask) (rungs map[[2]int]int, sound int) {
	t.Helper()
	rungs = map[[2]int]int{}
	for _, task := range tasks {
		if task.Stage != catalog.StageTranscode {
			continue
		}
		m := task.Payload.(MakePayload)
		if m.Audio {
			sound++
		}
		for i := range p.Video.Rungs {
			job := codec.Job{Plan: p, Video: m.Video, Rungs: m.Rungs}
			if job.Encodes(i) {
				rungs[[2]int{max(0, m.Span), i}]++
			}
		}
	}
	return rungs, sound
}

func TestEveryRungOfEverySpanIsEncodedOnce(t *testing.T) {
	for _, run := range []string{"", "convert-1"} {
		for _, spans := range []int{0, 1, 3} {
			p, base := ladderPlan(spans)
			base.Run = run
			want := map[[2]int]int{}
			for s := range max(1, spans) {
				for i := range p.Video.Rungs {
					want[[2]int{s, i}] = 1
				}
			}
			rungs, sound := made(t, p, tasksOf(p, base))
			if d := cmp.Diff(want, rungs); d != "" || sound != 1 {
				t.Errorf("run %q of %d spans: %d tasks make the sound; rungs:\n%s", run, spans, sound, d)
			}
		}
	}
}

func TestTheSmallestRungComesFirst(t *testing.T) {
	p, base := ladderPlan(1)
	tasks := tasksOf(p, base)
	look, join := tasks[0], tasks[1]
	if m := look.Payload.(MakePayload); !cmp.Equal(m.Rungs, []int{2}) || !m.Audio || look.Priority != 0 || len(look.After) != 0 {
		t.Errorf("first task: %+v", look)
	}
	want := map[string]catalog.AssetID{"360p": "3", "a0": "4"}
	if m := join.Payload.(MakePayload); join.Stage != catalog.StageAssemble || !cmp.Equal(join.After, []int{0}) || !cmp.Equal(m.Assets, want) {
		t.Errorf("second task: %+v", join)
	}
	last := tasks[slices.IndexFunc(tasks, func(n catalog.NewTask) bool { return n.Name == "assemble" })]
	if m := last.Payload.(MakePayload); !cmp.Equal(last.After, []int{0, 1, 2}) || len(m.Assets) != 4 {
		t.Errorf("assemble: %+v", last)
	}
	p, base = ladderPlan(3)
	tasks = tasksOf(p, base)
	if m := tasks[1].Payload.(MakePayload); !cmp.Equal(m.Rungs, []int{2}) || m.Span != 0 || tasks[1].Priority != 0 || tasks[2].Priority != 1 {
		t.Errorf("long source: %+v, %+v", tasks[1], tasks[2])
	}
}

// TestRungsKeepTheirSourceWhenTheLadderIsDivided divides a ladder in which a rung is scaled from another.
func TestRungsKeepTheirSourceWhenTheLadderIsDivided(t *testing.T) {
	p, _ := ladderPlan(1)
	all := p.Video.Rungs
	for name, test := range map[string]struct {
		keep []int
		want []int
	}{
		"all":                {[]int{0, 1, 2}, []int{-1, -1, 1}},
		"one less before it": {[]int{1, 2}, []int{-1, 0}},
		"without its source": {[]int{0, 2}, []int{-1, -1}},
	} {
		var some []codec.RungPlan
		for _, i := range test.keep {
			some = append(some, all[i])
		}
		var got []int
		for i := range some {
			got = append(got, sourceOf(all, some, i))
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}
