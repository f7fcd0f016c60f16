package dropfolder

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/ingest/hook"
)

func TestTheHookDecidesAboutFiles(t *testing.T) {
	h := newHouse(t)
	var answers atomic.Bool
	h.cfg.Ask = func(_ context.Context, q hook.Question) (hook.Answer, error) {
		if q.Account != account || q.Folder != h.folder.ID || q.Size != 4 || q.ReferenceID+".mp4" != q.Path || q.Entry != "" {
			t.Errorf("asked %+v", q)
		}
		switch {
		case q.ReferenceID == "denied":
			return hook.Answer{}, fmt.Errorf("%w: not licensed", hook.ErrDenied)
		case q.ReferenceID == "renamed":
			return hook.Answer{Name: "Evening news"}, nil
		case q.ReferenceID == "routed":
			return hook.Answer{Categories: []string{"News"}, User: "ann"}, nil
		case q.ReferenceID == "lost":
			return hook.Answer{Profile: 12345}, nil
		case q.ReferenceID == "away" && !answers.Load():
			return hook.Answer{}, fmt.Errorf("%w: nobody is there", hook.ErrAway)
		}
		return hook.Answer{}, nil
	}
	for _, name := range []string{"denied", "renamed", "routed", "away", "lost", "plain"} {
		h.drop(name+".mp4", "film")
	}
	h.start()
	got := map[string]catalog.Entry{}
	for _, name := range []string{"renamed", "routed", "plain"} {
		e, err := h.db.Entry(t.Context(), account, h.wait(name+".mp4", purged).Entry)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = e
	}
	if got["renamed"].Name != "Evening news" || got["renamed"].ReferenceID != "renamed" || got["plain"].Name != "plain" {
		t.Errorf("names %q and %q", got["renamed"].Name, got["plain"].Name)
	}
	if diff := cmp.Diff([]string{"News"}, got["routed"].Categories); diff != "" || got["routed"].Owner != "ann" {
		t.Errorf("owner %q, categories %s", got["routed"].Owner, diff)
	}
	if r := h.wait("denied.mp4", errorHandling); Code(r.ErrorCode) != CodeDenied || !strings.Contains(r.ErrorText, "not licensed") {
		t.Errorf("denied: %s %q", r.ErrorCode, r.ErrorText)
	}
	h.until("one to wait for an answer", func() bool {
		r := h.row("away.mp4")
		return r.Status == pending && strings.Contains(r.Why, "nobody is there")
	})
	h.until("one to wait for a better answer", func() bool { r := h.row("lost.mp4"); return r.Status == pending && strings.Contains(r.Why, "12345") })
	if r := h.row("away.mp4"); r.Attempt != 0 || r.NextAt == 0 {
		t.Errorf("it waits as %+v", r)
	}
	answers.Store(true)
	h.retryNow(h.row("away.mp4"))
	h.wait("away.mp4", purged)
	if n := len(h.entries()); n != 4 {
		t.Errorf("%d entries", n)
	}
}
