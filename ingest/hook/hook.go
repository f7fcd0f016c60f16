package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice/catalog"
)

// DefaultTimeout is how long an answer may take.
const DefaultTimeout = 5 * time.Second

// Bounds of an answer.
const (
	maxAnswer = 64 << 10
	maxName   = 256 // bytes of an entry's name
	maxReason = 500
)

// Errors of Ask.
var (
	ErrDenied = errors.New("denied") // the hook does not want the file
	ErrAway   = errors.New("no answer")
)

// Question is what the hook is told of a file.
type Question struct {
	Account     catalog.AccountID    `json:"account"`
	Folder      catalog.DropFolderID `json:"folder"`
	Path        string               `json:"path"` // within the folder
	Size        int64                `json:"size"`
	ReferenceID string               `json:"referenceId,omitempty"`
	User        string               `json:"userId,omitempty"`
	// Entry is the entry whose new content the file is; "" when it becomes one.
	Entry catalog.EntryID `json:"entryId,omitempty"`
}

// Answer is how a file comes in. Its zero value changes nothing.
type Answer struct {
	// Name is the new entry's, by "rename"; Profile, Categories and User are by "route".
	Name       string
	Profile    int64
	Categories []string
	User       string
}

// Hook asks by POST. Its zero value, and nil, asks nobody and allows everything. It is safe for concurrent use.
type Hook struct {
	URL string
	// Timeout bounds a question; 0 means DefaultTimeout.
	Timeout time.Duration
	Client  *http.Client
}

// New returns a hook at the URL, nil for none.
func New(raw string) *Hook {
	if raw == "" {
		return nil
	}
	return &Hook{URL: raw, Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is an answer as it is sent.
type reply struct {
	Action     string   `json:"action"`
	Reason     string   `json:"reason"`
	Name       string   `json:"name"`
	Profile    int64    `json:"conversionProfileId"`
	Categories []string `json:"categories"`
	User       string   `json:"userId"`
}

// Ask returns how a file is to come in. An error wraps ErrDenied, and has the hook's reason, or ErrAway when there is no answer that
// can be understood.
func (h *Hook) Ask(ctx context.Context, q Question) (Answer, error) {
	if h == nil || h.URL == "" {
		return Answer{}, nil
	}
	start := time.Now()
	a, err := h.ask(ctx, q)
	observe(start, err)
	return a, err
}

func (h *Hook) ask(ctx context.Context, q Question) (Answer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return Answer{}, err
	}
	timeout := h.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrAway, plain(err))
	}
	req.Header.Set("Content-Type", "application/json")
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return Answer{}, ctx.Err()
		}
		return Answer{}, fmt.Errorf("%w: %w", ErrAway, plain(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return Answer{}, ctx.Err()
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %w", ErrAway, plain(err))
	case resp.StatusCode != http.StatusOK:
		return Answer{}, fmt.Errorf("%w: its status is %d", ErrAway, resp.StatusCode)
	case len(b) > maxAnswer:
		return Answer{}, fmt.Errorf("%w: it has more than %d bytes", ErrAway, maxAnswer)
	}
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		return Answer{}, fmt.Errorf("%w: it is no JSON: %w", ErrAway, err)
	}
	return r.answer()
}

// plain is an error without the URL, which may have a secret in it.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// answer reads what a reply says.
func (r reply) answer() (Answer, error) {
	switch r.Action {
	case "allow":
		return Answer{}, nil
	case "deny":
		return Answer{}, fmt.Errorf("%w: %s", ErrDenied, clean(r.Reason))
	case "rename":
		if r.Name == "" || len(r.Name) > maxName || !utf8.ValidString(r.Name) || strings.ContainsFunc(r.Name, unicode.IsControl) {
			return Answer{}, fmt.Errorf("%w: rename needs a name of up to %d bytes without control characters", ErrAway, maxName)
		}
		return Answer{Name: r.Name}, nil
	case "route":
		if r.Profile <= 0 && len(r.Categories) == 0 && r.User == "" {
			return Answer{}, fmt.Errorf("%w: route needs conversionProfileId, categories or userId", ErrAway)
		}
		return Answer{Profile: r.Profile, Categories: r.Categories, User: r.User}, nil
	}
	return Answer{}, fmt.Errorf("%w: the action %q is none of allow, deny, rename, route", ErrAway, clean(r.Action))
}

// clean is text of the hook's as it may be shown.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if s == "" {
		return "without a reason"
	}
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "")
	}
	return s
}
