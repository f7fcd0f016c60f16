package origin

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/packager/uri"
)

// TestAConversationSaysTheSame: requests that each wait for the answer to the one before are answered as by net/http, whoever
// answers them.
func TestAConversationSaysTheSame(t *testing.T) {
	p := servePair(t, Config{}, Timeouts{Header: time.Minute, Idle: time.Minute})
	p.warm(t)
	master, index := "/hls/0_stored/master.m3u8", "/hls/0_stored/index-f1-v1.m3u8"
	var script []string
	for range 3 {
		script = append(script, get(master, ""), get(index, ""), get(index, "Accept-Encoding: gzip\r\n"), "HEAD"+get(master, "")[3:],
			get("/hls/0_stored/seg-2-f1-v1.m4s", ""), get(master, ""), get("/x", ""), get(index, ""), get(master, "Range: bytes=0-9\r\n"),
			"POST"+get(master, "Content-Length: 5\r\n")[3:]+"hello")
	}
	for _, o := range objects {
		script = append(script, get(o.path, ""))
	}
	long := "Cookie: " + strings.Repeat("y", 4<<10) + "\r\n" // fills the buffer of the reader
	script = append(script, get(master, long), get(master, ""))
	want, got := converseWith(t, p.plain, script), converseWith(t, p.short, script)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("differs:\n%.3000s", d)
	}
	only := []string{get(master, ""), get(index, ""), get(master, ""), get(index, ""), get(master, "")}
	before := p.passed.Load()
	if d := cmp.Diff(converseWith(t, p.plain, only), converseWith(t, p.short, only)); d != "" {
		t.Errorf("differs:\n%.3000s", d)
	}
	if n := p.passed.Load() - before; n != 0 {
		t.Errorf("%d requests reached net/http", n)
	}
}

// converseWith sends each request when the answer to the one before is there, and then ends its side.
func converseWith(t *testing.T, addr string, requests []string) (answers []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for _, request := range requests {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(request, " ")
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%.100q: %v", request, err)
		}
		b, err := httputil.DumpResponse(resp, true)
		if err != nil {
			t.Fatalf("%.100q: %v", request, err)
		}
		resp.Body.Close()
		answers = append(answers, dateLines.ReplaceAllString(string(b), "Date: D\r"))
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("after the last answer: %q, %v", rest, err)
	}
	return answers
}

// TestAnAnswerThatTheSocketDoesNotTakeIsSentOn: a reply longer than what the socket takes at once arrives whole.
func TestAnAnswerThatTheSocketDoesNotTakeIsSentOn(t *testing.T) {
	c, client := accepted(t)
	s := c.short
	s.out = bytes.Repeat([]byte("answer"), 4<<20)
	if !s.begin() {
		t.Fatal("does not begin")
	}
	ends := false
	if err := c.raw.Control(func(fd uintptr) { ends = c.deliver(fd, answering{kind: uri.Master, start: time.Now()}) }); err != nil {
		t.Fatal(err)
	}
	if tn := &s.turn; !ends || !tn.under || len(tn.unsent) == 0 || len(tn.unsent) == len(s.out) {
		t.Fatalf("ends %v, under way %v, %d of %d bytes unsent", ends, tn.under, len(tn.unsent), len(s.out))
	}
	done := make(chan error, 1)
	go func() {
		done <- c.complete(s.turn.reply, s.turn.unsent)
		c.Close()
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, s.out) {
		t.Errorf("%d of %d bytes arrive, %v", len(got), len(s.out), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
