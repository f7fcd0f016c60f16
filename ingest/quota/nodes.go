package quota

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/catalog"
)

// held is what an account has on its way: to this node, or to the others.
type held struct{ bytes, sessions int64 }

// saidHeld is what a node tells the others of it.
type saidHeld struct {
	At       int64 `json:"t"` // Unix milliseconds
	Bytes    int64 `json:"bytes"`
	Sessions int64 `json:"sessions"`
}

// heard is what the other nodes said last.
type heard struct {
	held
	at time.Time
}

const (
	// sayEvery is how often a node says what it holds.
	sayEvery = time.Second
	// roomy says which part of a limit may be used without asking what other nodes hold right now: so many nodes can at worst take as
	// much at once before they hear of each other.
	roomy = 8
)

func heldKey(id catalog.AccountID) string { return fmt.Sprintf("sluice:quota:held:%d", id) }

// here is what this node holds of an account. The caller holds the mutex.
func (l *Limits) here(id catalog.AccountID) held { return held{l.reserved[id], l.sessions[id]} }

// others is what other nodes hold of an account as far as they were heard. The caller holds the mutex.
func (l *Limits) others(id catalog.AccountID) held {
	h := l.elsewhere[id]
	if l.now().Sub(h.at) > fresh {
		return held{}
	}
	return h.held
}

// tell says to other nodes what this one holds of an account, and hears what they do, when little is left of a limit or nothing is
// known of them. It is called after what is asked for was added here, so that of two nodes that take the last at once at least one
// sees the other.
func (l *Limits) tell(ctx context.Context, id catalog.AccountID, little bool) {
	if l.cfg.Redis == nil {
		return
	}
	l.mu.Lock()
	l.keepTelling(ctx)
	known := l.now().Sub(l.elsewhere[id].at) <= fresh
	deaf := l.now().Sub(l.unheard) < sayEvery
	l.mu.Unlock()
	if (little || !known) && !deaf {
		l.say(ctx, id)
	}
}

// little says whether more than the part that may be used without asking is used of a limit; 0 is none.
func little(used, most int64) bool { return most > 0 && used > most/roomy }

// say tells what this node holds of an account now, and hears the others.
func (l *Limits) say(ctx context.Context, id catalog.AccountID) {
	now := l.now()
	l.mu.Lock()
	own := l.here(id)
	l.mu.Unlock()
	var v any
	if own != (held{}) {
		v = saidHeld{now.UnixMilli(), own.bytes, own.sessions}
	}
	texts, err := l.publish(ctx, heldKey(id), v)
	if err != nil && ctx.Err() == nil {
		l.log().Warn("what is on its way to other nodes is not known: what was heard last counts", "account", id, "error", err)
	}
	if err != nil {
		l.unanswered(id, now, own)
		return
	}
	var sum held
	for _, text := range texts {
		var s saidHeld
		if json.Unmarshal(text, &s) == nil && isFresh(now, s.At) {
			sum.bytes, sum.sessions = sum.bytes+max(s.Bytes, 0), sum.sessions+max(s.Sessions, 0)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if own == (held{}) && l.here(id) == (held{}) {
		delete(l.elsewhere, id)
		return
	}
	l.elsewhere[id] = heard{sum, now}
}

// unanswered notes that Redis did not answer: it is asked again each second while something is held, and by nobody else meanwhile.
// What was said there grows stale by itself.
func (l *Limits) unanswered(id catalog.AccountID, now time.Time, own held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unheard = now
	if own == (held{}) {
		delete(l.elsewhere, id)
	} else if _, ok := l.elsewhere[id]; !ok {
		l.elsewhere[id] = heard{}
	}
}

// keepTelling repeats what was told while something is held. The caller holds the mutex.
func (l *Limits) keepTelling(ctx context.Context) {
	if l.telling {
		return
	}
	l.telling = true
	go l.repeat(context.WithoutCancel(ctx))
}

func (l *Limits) repeat(ctx context.Context) {
	tick := time.NewTicker(sayEvery)
	defer tick.Stop()
	for range tick.C {
		l.mu.Lock()
		ids := make([]catalog.AccountID, 0, len(l.elsewhere))
		for id := range l.elsewhere {
			ids = append(ids, id)
		}
		l.telling = len(ids) > 0
		more := l.telling
		l.mu.Unlock()
		if !more {
			return
		}
		for _, id := range ids {
			l.say(ctx, id)
		}
	}
}
