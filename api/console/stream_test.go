package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/api/console"
	"sluice/catalog"
)

// sent is one server-sent event.
type sent struct {
	name, id string
	data     map[string]any
}

// listener is a client of the event stream.
type listener struct {
	*testing.T
	body     io.ReadCloser
	lines    *bufio.Scanner
	lastID   string
	work     sent // the last of that name
	comments int
}

// listen opens an event stream; query may hold a position.
func (f *fixture) listen(query, lastID string) *listener {
	f.Helper()
	response := f.open(query, lastID)
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		body, _ := io.ReadAll(response.Body)
		f.Fatalf("the stream is answered with %d %q: %s", response.StatusCode, kind, body)
	}
	l := &listener{T: f.T, body: response.Body, lines: bufio.NewScanner(response.Body)}
	l.lines.Buffer(nil, 1<<20)
	return l
}

func (f *fixture) open(query, lastID string) *http.Response {
	f.Helper()
	// A hang is a failure with a stack, not a test that waits for ever.
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	f.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, "GET", f.url+"/v1/events"+query, nil)
	if err != nil {
		f.Fatal(err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := f.client.RoundTrip(request)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// next is the next event; comments are counted and passed over.
func (l *listener) next() sent {
	l.Helper()
	var e sent
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case l.lines.Text() == "" && e.name != "":
			if e.id != "" {
				l.lastID = e.id
			}
			if e.name == "work" {
				l.work = e
			}
			return e
		case l.lines.Text() == "":
		case field == "":
			l.comments++
		case field == "event":
			e.name = value
		case field == "id":
			e.id = value
		case field == "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				l.Fatalf("data of %s: %v: %s", e.name, err, value)
			}
		}
	}
	l.Fatalf("the stream ended: %v", l.lines.Err())
	return e
}

// until passes over events up to one that matches.
func (l *listener) until(name string, match func(map[string]any) bool) sent {
	l.Helper()
	for {
		if e := l.next(); e.name == name && match(e.data) {
			return e
		}
	}
}

// untilWork waits for a state of the work. It may have come between the events that were passed over.
func (l *listener) untilWork(match func(map[string]any) bool) {
	l.Helper()
	if l.work.name == "" || !match(l.work.data) {
		l.until("work", match)
	}
}

func about(id catalog.EntryID, field string, want any) func(map[string]any) bool {
	return func(data map[string]any) bool { return data["id"] == string(id) && data[field] == want }
}

func TestStreamStartsWithWhatIsInWork(t *testing.T) {
	f := start(t, nil)
	working, _ := f.entry("Working", withStatus(catalog.EntryPreconvert), nil, catalog.NewTask{Stage: catalog.StageTranscode, Weight: 4})
	f.entry("Done", withStatus(catalog.EntryReady), nil)

	first := f.listen("", "").next()
	if first.name != "snapshot" || first.id == "" {
		t.Fatalf("the stream starts with %+v", first)
	}
	entries := first.data["entries"].([]any)
	if len(entries) != 1 || entries[0].(map[string]any)["id"] != string(working.ID) {
		t.Errorf("in work: %v", entries)
	}
	if p := entries[0].(map[string]any)["progress"].(map[string]any); p["total"] != 4.0 || p["stage"] != "transcode" {
		t.Errorf("progress %v", p)
	}
	if stages := first.data["work"].(map[string]any)["stages"].([]any); len(stages) != 1 {
		t.Errorf("work %v", stages)
	}
}

func TestStreamTellsEveryChange(t *testing.T) {
	f := start(t, nil)
	l := f.listen("", "")
	if e := l.next(); e.name != "snapshot" {
		t.Fatalf("first %+v", e)
	}
	e, tasks := f.entry("Film", nil, nil, catalog.NewTask{Stage: catalog.StageTranscode})
	l.until("entry", about(e.ID, "status", "import"))

	claimed, err := f.db.Claim(t.Context(), tasks[0].ID, "w", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.db.Heartbeat(t.Context(), claimed.ID, claimed.Attempt, time.Minute, 30, 100, 7); err != nil {
		t.Fatal(err)
	}
	l.until("entry", func(data map[string]any) bool {
		p, ok := data["progress"].(map[string]any)
		return ok && data["id"] == string(e.ID) && p["done"] == 0.3
	})
	l.untilWork(func(data map[string]any) bool { return len(data["stages"].([]any)) == 1 })

	if err := f.db.Complete(t.Context(), claimed.ID, claimed.Attempt, nil, func(tx *catalog.Tx) error {
		return tx.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
			e.Status = catalog.EntryReady
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	l.until("entry", about(e.ID, "status", "ready"))

	if err := f.db.DeleteEntry(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	l.until("deleted", about(e.ID, "id", string(e.ID)))

	_, tasks = f.entry("Broken", nil, nil, catalog.NewTask{Stage: catalog.StageProbe})
	f.kill(tasks[0].ID, "not_media", "Not a media file.")
	l.untilWork(func(data map[string]any) bool { return data["dead"] == 1.0 })
}

func TestStreamGoesOnWhereItBroke(t *testing.T) {
	for name, reopen := range map[string]func(f *fixture, id string) *listener{
		"by header": func(f *fixture, id string) *listener { return f.listen("", id) },
		"by query":  func(f *fixture, id string) *listener { return f.listen("?last_event_id="+id, "") },
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, nil)
			watcher := f.listen("", "") // keeps the hub looking while the other is away
			watcher.next()
			l := f.listen("", "")
			l.next()
			e, _ := f.entry("Film", nil, nil)
			l.until("entry", about(e.ID, "status", "import"))
			last := l.lastID
			_ = l.body.Close()

			f.update(e.ID, withStatus(catalog.EntryReady))
			watcher.until("entry", about(e.ID, "status", "ready"))
			again := reopen(f, last).next()
			if again.name != "entry" || !about(e.ID, "status", "ready")(again.data) {
				t.Errorf("after coming back the first event is %+v", again)
			}
		})
	}
}

func TestPositionThatMeansNothingGetsASnapshot(t *testing.T) {
	f := start(t, nil)
	l := f.listen("", "")
	l.next()
	boot, _, _ := strings.Cut(l.lastID, "-")
	for _, id := range []string{"x", "other-1", boot + "-", boot + "-zzzzzz", boot + "--1", "-", strings.Repeat("9", 300)} {
		if e := f.listen("", id).next(); e.name != "snapshot" {
			t.Errorf("Last-Event-ID %q is answered with %+v", id, e)
		}
	}
}

func TestStreamTooFarBehindGetsAFreshSnapshot(t *testing.T) {
	f := start(t, nil)
	l := f.listen("", "")
	l.next()
	e, _ := f.entry("Film", nil, nil)
	err := f.db.InTx(t.Context(), func(tx *catalog.Tx) error {
		for i := range 2100 {
			if err := tx.Emit("test.happened", account, e.ID, fmt.Sprint(i), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fresh := l.until("snapshot", func(map[string]any) bool { return true })
	if entries := fresh.data["entries"].([]any); len(entries) != 1 {
		t.Errorf("the fresh snapshot has %v", entries)
	}
	f.update(e.ID, withStatus(catalog.EntryReady))
	l.until("entry", about(e.ID, "status", "ready"))
}

func TestSilenceIsFilledWithComments(t *testing.T) {
	f := start(t, nil)
	l := f.listen("", "")
	l.next()
	for l.lines.Scan() {
		if l.lines.Text() == ":" {
			return
		}
	}
	t.Fatalf("no comment came: %v", l.lines.Err())
}

func TestStreamsAreBounded(t *testing.T) {
	f := start(t, func(c *console.Config) { c.MaxStreams = 1 })
	l := f.listen("", "")
	l.next()
	response := f.open("", "")
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" ||
		!strings.Contains(string(body), "too_many_streams") {
		t.Errorf("the second stream: %d: %s", response.StatusCode, body)
	}
	_ = l.body.Close()
	// The server notices the end of the first when it next writes, at the latest with a heartbeat.
	deadline := time.Now().Add(20 * time.Second)
	for f.open("", "").StatusCode != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("a closed stream is counted for ever")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestStreamsEndWithRun(t *testing.T) {
	f := start(t, nil)
	l := f.listen("", "")
	l.next()
	f.stop()
	if _, err := io.Copy(io.Discard, l.body); err != nil {
		t.Errorf("the stream did not end cleanly: %v", err)
	}
	response := f.open("", "")
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "unavailable") {
		t.Errorf("after the end: %d: %s", response.StatusCode, body)
	}
}

// flaky is a catalog that can be made to fail.
type flaky struct {
	console.Catalog
	broken atomic.Bool
	asked  atomic.Int64
}

func (c *flaky) LastEvent(ctx context.Context) (int64, error) {
	c.asked.Add(1)
	if c.broken.Load() {
		return 0, errors.New("disk on fire: /secret/path")
	}
	return c.Catalog.LastEvent(ctx)
}

func TestStreamOutlivesACatalogThatFails(t *testing.T) {
	broken := &flaky{}
	f := start(t, func(c *console.Config) {
		broken.Catalog = c.Catalog
		c.Catalog = broken
	})
	broken.broken.Store(true)
	response := f.open("", "")
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusInternalServerError || strings.Contains(string(body), "secret") {
		t.Errorf("a first look that fails: %d: %s", response.StatusCode, body)
	}

	broken.broken.Store(false)
	l := f.listen("", "")
	l.next()
	broken.broken.Store(true)
	e, _ := f.entry("Film", nil, nil)
	for seen := broken.asked.Load(); broken.asked.Load() < seen+3; {
		time.Sleep(time.Millisecond) // until it was asked in vain
	}
	broken.broken.Store(false)
	l.until("entry", about(e.ID, "status", "import"))
}

func TestCatalogIsLeftAloneWhileNobodyListens(t *testing.T) {
	counted := &flaky{}
	f := start(t, func(c *console.Config) {
		counted.Catalog = c.Catalog
		c.Catalog = counted
		c.Poll = time.Millisecond
	})
	l := f.listen("", "")
	l.next()
	_ = l.body.Close()
	// The server notices the end of the stream at the next heartbeat; from then on the count stands still.
	deadline := time.Now().Add(20 * time.Second)
	for still, last := 0, int64(-1); still < 20; {
		if n := counted.asked.Load(); n == last {
			still++
		} else {
			still, last = 0, n
		}
		if time.Now().After(deadline) {
			t.Fatal("the catalog is asked though nobody listens")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
