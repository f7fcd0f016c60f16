package hook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   Answer
		err    error
		text   string
	}{
		"allow":      {200, `{"action":"allow","name":"ignored"}`, Answer{}, nil, ""},
		"deny":       {200, `{"action":"deny","reason":"not\nlicensed"}`, Answer{}, ErrDenied, "not licensed"},
		"no reason":  {200, `{"action":"deny"}`, Answer{}, ErrDenied, "without a reason"},
		"rename":     {200, `{"action":"rename","name":"Evening news"}`, Answer{Name: "Evening news"}, nil, ""},
		"no name":    {200, `{"action":"rename"}`, Answer{}, ErrAway, "needs a name"},
		"bad name":   {200, `{"action":"rename","name":"a\u0000b"}`, Answer{}, ErrAway, "control"},
		"route":      {200, `{"action":"route","conversionProfileId":7,"categories":["News"],"userId":"ann"}`, Answer{Profile: 7, Categories: []string{"News"}, User: "ann"}, nil, ""},
		"no route":   {200, `{"action":"route"}`, Answer{}, ErrAway, "needs"},
		"unknown":    {200, `{"action":"perhaps"}`, Answer{}, ErrAway, "perhaps"},
		"no JSON":    {200, `ok`, Answer{}, ErrAway, "JSON"},
		"status":     {503, `{"action":"allow"}`, Answer{}, ErrAway, "503"},
		"redirect":   {302, ``, Answer{}, ErrAway, "302"},
		"no end":     {200, `{"action":"allow","reason":"` + strings.Repeat("x", maxAnswer) + `"}`, Answer{}, ErrAway, "bytes"},
		"long story": {200, `{"action":"deny","reason":"` + strings.Repeat("ä", maxReason) + `"}`, Answer{}, ErrDenied, "ä"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked Question
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %v, %v", r.Method, r.Header, err)
				}
				w.Header().Set("Location", "/")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer srv.Close()
			q := Question{Account: 101, Folder: 3, Path: "a/b.mp4", Size: 5, ReferenceID: "b"}
			got, err := New(srv.URL).Ask(t.Context(), q)
			if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s %v", diff, err)
			}
			if err != nil && len(err.Error()) > 2*maxReason {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if diff := cmp.Diff(q, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAHookThatIsAwayIsNoAnswer(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	secret := srv.URL + "/?token=secret"
	srv.Close()
	if _, err := New(secret).Ask(t.Context(), Question{}); !errors.Is(err, ErrAway) || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(secret).Ask(ctx, Question{}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrAway) {
		t.Errorf("%v", err)
	}
	if a, err := New("").Ask(ctx, Question{}); err != nil || a.Name != "" {
		t.Errorf("without a hook: %+v, %v", a, err)
	}
}

func TestASilentHookIsGivenUp(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see the client leave
		<-r.Context().Done()
	}))
	defer srv.Close()
	h := New(srv.URL)
	h.Timeout = 50 * time.Millisecond
	if _, err := h.Ask(t.Context(), Question{}); !errors.Is(err, ErrAway) {
		t.Errorf("%v", err)
	}
}
