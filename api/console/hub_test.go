package console

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func news(from, to int) []message {
	var out []message
	for i := from; i < to; i++ {
		out = append(out, message{event: "entry", key: fmt.Sprint(i), data: []byte("{}")})
	}
	return out
}

func keysOf(messages []message) []string {
	out := []string{}
	for _, m := range messages {
		out = append(out, m.key)
	}
	return out
}

func TestReaderGetsOnlyTheLastMessageAboutEachThing(t *testing.T) {
	h := newHub(Config{})
	h.publish([]message{{key: "a", data: []byte("1")}, {key: "b", data: []byte("1")}})
	h.publish([]message{{key: "a", data: []byte("2")}})
	got, next, _, ok := h.since(0)
	if d := cmp.Diff([]string{"b", "a"}, keysOf(got)); !ok || next != 3 || d != "" {
		t.Fatalf("next %d, ok %v: %s", next, ok, d)
	}
	if string(got[1].data) != "2" {
		t.Errorf("about a the reader gets %s", got[1].data)
	}
	if got, next, _, ok := h.since(3); !ok || next != 3 || len(got) != 0 {
		t.Errorf("a reader that is up to date gets %v", got)
	}
}

func TestReaderBeyondTheRingIsTold(t *testing.T) {
	h := newHub(Config{})
	h.publish(news(0, ringSize))
	if got, _, _, ok := h.since(0); !ok || len(got) != ringSize {
		t.Fatalf("a full ring gives %d messages, ok %v", len(got), ok)
	}
	h.publish(news(ringSize, ringSize+1))
	if _, _, _, ok := h.since(0); ok {
		t.Error("a lost message is not told")
	}
	if got, _, _, ok := h.since(1); !ok || len(got) != ringSize {
		t.Errorf("the oldest position kept gives %d messages, ok %v", len(got), ok)
	}
	if _, _, _, ok := h.since(ringSize + 2); ok {
		t.Error("a position of the future is taken for a real one")
	}
	h.publish(news(0, 3*ringSize))
	if len(h.ring) != ringSize {
		t.Errorf("the ring has grown to %d", len(h.ring))
	}
}

func TestWaitersAreWokenByNewsAndByARestart(t *testing.T) {
	h := newHub(Config{})
	for name, act := range map[string]func(){"news": func() { h.publish(news(0, 1)) }, "a restart": h.restart} {
		_, position, more, _ := h.since(h.next)
		act()
		select {
		case <-more:
		default:
			t.Errorf("%s does not wake", name)
		}
		if _, _, _, ok := h.since(position); ok != (name == "news") {
			t.Errorf("after %s a reader goes on: %v", name, ok)
		}
	}
}
