package packager

import (
	"slices"
	"sort"
)

// times holds the decode times of a track: as runs of equal durations, or, when durations vary with almost every sample
// and follow each other without a gap, as a column with a mark every markEvery samples.
type times struct {
	runs  []run
	durs  column
	marks []int64 // decode time of sample k·markEvery; nil when runs are used
	end   int64   // decode time after the last sample
}

// run is samples of one duration, from sample first at decode time dts. A run may start later than the end of the run
// before it: a gap.
type run struct {
	first int32
	dur   uint32
	dts   int64
}

const (
	markEvery = 64
	runBytes  = 16
)

// compact chooses the smaller of the two forms for n samples.
func (t *times) compact(n int) {
	durs := make([]uint32, 0, n)
	at := t.runs[0].dts
	for k, r := range t.runs {
		if r.dts != at { // a gap: only runs can express it
			t.runs = slices.Clip(t.runs)
			return
		}
		count := t.runEnd(k, n) - int(r.first)
		for range count {
			durs = append(durs, r.dur)
		}
		at += int64(count) * int64(r.dur)
	}
	c := newColumn(durs)
	if c.memory()+8*(n/markEvery+1) >= runBytes*len(t.runs) {
		t.runs = slices.Clip(t.runs)
		return
	}
	at = t.runs[0].dts
	t.marks = make([]int64, 0, n/markEvery+1)
	for i, d := range durs {
		if i%markEvery == 0 {
			t.marks = append(t.marks, at)
		}
		at += int64(d)
	}
	t.durs, t.runs = c, nil
}

func (t *times) runEnd(k, n int) int {
	if k+1 < len(t.runs) {
		return int(t.runs[k+1].first)
	}
	return n
}

// seek returns the decode time and duration of sample i and, for runs, the run it lies in and where that ends.
func (t *times) seek(i, n int) (r, end int, dts int64, dur uint32) {
	if t.marks != nil {
		m := i / markEvery
		return 0, n, t.marks[m] + t.durs.sum(m*markEvery, i-m*markEvery), t.durs.at(i)
	}
	r = sort.Search(len(t.runs), func(k int) bool { return int(t.runs[k].first) > i }) - 1
	x := t.runs[r]
	return r, t.runEnd(r, n), x.dts + int64(i-int(x.first))*int64(x.dur), x.dur
}

// at returns the first of n samples whose decode time is at or after dts.
func (t *times) at(dts int64, n int) int {
	if dts >= t.end {
		// Samples of no duration at the very end are still at or after their own time.
		for n > 0 {
			if _, _, d, _ := t.seek(n-1, n); d < dts {
				break
			}
			n--
		}
		return n
	}
	if t.marks != nil {
		i := (sort.Search(len(t.marks), func(k int) bool { return t.marks[k] >= dts }) - 1) * markEvery
		if i < 0 {
			return 0
		}
		for d := t.marks[i/markEvery]; i < n && d < dts; i++ {
			d += int64(t.durs.at(i))
		}
		return i
	}
	k := sort.Search(len(t.runs), func(k int) bool { return t.runs[k].dts >= dts }) - 1
	if k < 0 {
		return 0
	}
	r, end := t.runs[k], t.runEnd(k, n)
	if r.dur == 0 {
		return end
	}
	return min(end, int(r.first)+int((dts-r.dts+int64(r.dur)-1)/int64(r.dur)))
}

func (t *times) memory() int { return runBytes*len(t.runs) + t.durs.memory() + 8*len(t.marks) }
