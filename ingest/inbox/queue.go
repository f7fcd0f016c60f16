package inbox

import (
	"container/heap"
	"time"

	"sluice/catalog"
)

// fair is a queue of files in which every account has its turn: one with very many files does not keep another's waiting.
type fair struct {
	files map[catalog.AccountID][]*file
	turns []catalog.AccountID
}

func (q *fair) push(f *file) {
	if q.files == nil {
		q.files = map[catalog.AccountID][]*file{}
	}
	if len(q.files[f.account]) == 0 {
		q.turns = append(q.turns, f.account)
	}
	q.files[f.account] = append(q.files[f.account], f)
}

// first returns the file whose turn it is, or nil.
func (q *fair) first() *file {
	if len(q.turns) == 0 {
		return nil
	}
	return q.files[q.turns[0]][0]
}

// pop removes the first file, and ends its account's turn.
func (q *fair) pop() {
	a := q.turns[0]
	q.turns = q.turns[1:]
	if rest := q.files[a][1:]; len(rest) > 0 {
		q.files[a] = rest
		q.turns = append(q.turns, a)
	} else {
		delete(q.files, a)
	}
}

// dues orders files by when to look at them again.
type dues []*file

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d dues) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].heap, d[j].heap = i+1, j+1
}

// Push implements heap.Interface.
func (d *dues) Push(x any) {
	f := x.(*file)
	*d = append(*d, f)
	f.heap = len(*d)
}

// Pop implements heap.Interface.
func (d *dues) Pop() any {
	old := *d
	f := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	f.heap = 0
	return f
}

// set makes the file due at that time; the zero time makes it due no more.
func (d *dues) set(f *file, at time.Time) {
	if f.heap > 0 {
		heap.Remove(d, f.heap-1)
	}
	if f.due = at; !at.IsZero() {
		heap.Push(d, f)
	}
}
