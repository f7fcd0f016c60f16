package dropfolder

import (
	"context"
	"sync"

	"sluice/catalog"
)

// turns lets a bounded number of jobs run, in which every account has its turn: one with very many files does not keep another's
// waiting for more than the jobs that run.
type turns struct {
	mu      sync.Mutex
	free    int
	order   []catalog.AccountID // those that wait, the next one first
	waiting map[catalog.AccountID][]chan struct{}
}

func newTurns(n int) *turns {
	return &turns{free: n, waiting: map[catalog.AccountID][]chan struct{}{}}
}

// take waits for the account's turn. Give ends it.
func (t *turns) take(ctx context.Context, account catalog.AccountID) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{}, 1)
	if len(t.waiting[account]) == 0 {
		t.order = append(t.order, account)
	}
	t.waiting[account] = append(t.waiting[account], turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	if !t.leave(account, turn) {
		t.give() // it came at the same moment
	}
	return ctx.Err()
}

// leave takes a waiter out; false says that its turn has come.
func (t *turns) leave(account catalog.AccountID, turn chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waiting[account] {
		if w == turn {
			t.waiting[account] = append(t.waiting[account][:i], t.waiting[account][i+1:]...)
			if len(t.waiting[account]) == 0 {
				t.drop(account)
			}
			return true
		}
	}
	return false
}

func (t *turns) drop(account catalog.AccountID) {
	delete(t.waiting, account)
	for i, a := range t.order {
		if a == account {
			t.order = append(t.order[:i], t.order[i+1:]...)
			return
		}
	}
}

// give passes a turn on.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.free++
		return
	}
	account := t.order[0]
	t.order = t.order[1:]
	turn := t.waiting[account][0]
	if t.waiting[account] = t.waiting[account][1:]; len(t.waiting[account]) > 0 {
		t.order = append(t.order, account)
	} else {
		delete(t.waiting, account)
	}
	turn <- struct{}{}
}
