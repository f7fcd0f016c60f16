package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"sluice/catalog"
	"sluice/pipeline/stage"
)

// Payload is the payload of a fetch task: the URL, and what the import of its file does. Path is not used.
type Payload struct {
	stage.ImportPayload
	Target
}

// Target is what a task downloads, as its row has it.
type Target struct {
	// URL is complete, unless it has secrets: then Sealed has it.
	URL string `json:"url"`
	// Headers are those of tasks that were added before headers were sealed.
	Headers []string `json:"headers,omitempty"`
	// Sealed is the whole of a target with secrets, for whoever has the catalog's key.
	Sealed string `json:"sealed,omitempty"`
}

// Secrets seals and opens texts, each for its place: *catalog.DB does.
type Secrets interface {
	Seal(text, place string) (string, error)
	Unseal(sealed, place string) (string, error)
}

// NewTarget returns a download as a task's row may have it: sealed when it has headers, a user or a query, which may be secret.
// A mere query stays readable where the catalog has no key.
func NewTarget(s Secrets, account catalog.AccountID, raw string, headers []string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Target{}, &Error{Code: BadURL, URL: Redact(raw), Err: errors.New("it is not a URL")}
	}
	secret := u.User != nil || len(headers) > 0
	if !secret && u.RawQuery == "" {
		return Target{URL: raw}, nil
	}
	text, err := json.Marshal(Target{URL: raw, Headers: headers})
	if err != nil {
		return Target{}, err
	}
	sealed, err := s.Seal(string(text), targetPlace(account))
	switch {
	case errors.Is(err, catalog.ErrLocked) && !secret:
		return Target{URL: raw}, nil
	case err != nil:
		return Target{}, fmt.Errorf("URL %s: %w", Redact(raw), err)
	}
	return Target{URL: Redact(raw), Sealed: sealed}, nil
}

func targetPlace(account catalog.AccountID) string {
	return fmt.Sprintf("URL to fetch for account %d", account)
}

// request opens a target.
func (t Target) request(s Secrets, account catalog.AccountID) (Request, error) {
	if t.Sealed == "" {
		return Request{URL: t.URL, Headers: t.Headers}, nil
	}
	if s == nil {
		return Request{}, fmt.Errorf("URL %s: %w", t.URL, catalog.ErrLocked)
	}
	text, err := s.Unseal(t.Sealed, targetPlace(account))
	if err != nil {
		return Request{}, fmt.Errorf("URL %s: %w", t.URL, err)
	}
	var open Target
	if err := json.Unmarshal([]byte(text), &open); err != nil {
		return Request{}, fmt.Errorf("URL %s: %w", t.URL, err)
	}
	return Request{URL: open.URL, Headers: open.Headers}, nil
}
