package quota

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/catalog"
)

// held is what an account has on its way: to this node, or to the others.
type held struct{ bytes, sessions int64 }

func (h held) add(o held) held { return held{h.bytes + o.bytes, h.sessions + o.sessions} }

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

// tell says to other nodes what this one holds of an account, and hears what they do, when what is used of a limit makes that matter.
// It is called after what is asked for was added here, so that of two nodes that take the last at once at least one sees the other.
func (l *Limits) tell(ctx context.Context, id catalog.AccountID, used, most int64) {
	if l.cfg.Redis == nil || most <= 0 {
		return
	}
	l.mu.Lock()
	l.keepTelling(ctx)
	known := l.now().Sub(l.elsewhere[id].at) <= fresh
	deaf := l.now().Sub(l.unheard) < sayEvery
	l.mu.Unlock()
	if known && used <= most/roomy || deaf {
		return
	}
	l.say(ctx, id)
}

// say tells what this node holds of an account now, and hears the others.
func (l *Limits) say(ctx context.Context, id catalog.AccountID) {
	call, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	now := l.now()
	l.mu.Lock()
	own := l.here(id)
	l.mu.Unlock()
	pipe := l.cfg.Redis.TxPipeline()
	if own == (held{}) {
		pipe.HDel(call, heldKey(id), l.cfg.Node)
	} else {
		pipe.HSet(call, heldKey(id), l.cfg.Node, fmt.Sprintf("%d %d %d", now.UnixMilli(), own.bytes, own.sessions))
		pipe.PExpire(call, heldKey(id), 2*fresh)
	}
	all := pipe.HGetAll(call, heldKey(id))
	_, err := pipe.Exec(call)
	if err != nil && ctx.Err() == nil {
		l.log().Warn("what is on its way to other nodes is not known: what was heard last counts", "account", id, "error", err)
	}
	if err != nil {
		l.unanswered(id, now, own)
		return
	}
	var sum held
	for node, text := range all.Val() {
		if at, h, ok := parseHeld(text); ok && node != l.cfg.Node {
			if age := now.Sub(at); age > -fresh && age < fresh {
				sum = sum.add(h)
			}
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

func parseHeld(text string) (time.Time, held, bool) {
	f := strings.Fields(text)
	if len(f) != 3 {
		return time.Time{}, held{}, false
	}
	var n [3]int64
	for i, s := range f {
		var err error
		if n[i], err = strconv.ParseInt(s, 10, 64); err != nil || n[i] < 0 {
			return time.Time{}, held{}, false
		}
	}
	return time.UnixMilli(n[0]), held{n[1], n[2]}, true
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
