package fetch

import (
	"fmt"
	"net/url"
	"time"
)

// Code names a kind of failure; the catalog keeps it.
type Code string

// Kinds of failures.
const (
	BadURL    Code = "url_invalid"
	Refused   Code = "url_refused"   // the guard forbids the address, or the origin the access
	NotFound  Code = "url_not_found" // the origin has no such file
	Failed    Code = "url_failed"    // the origin or the network fails
	TooLarge  Code = "url_too_large"
	Changed   Code = "url_changed" // the file changed while it was fetched, again and again
	Truncated Code = "url_truncated"
	// Restricted files are of a type that is not taken in, by their first bytes.
	Restricted Code = "file_type_refused"
	OverQuota  Code = "quota_exceeded" // the account has no room for the file
)

var texts = map[Code]string{
	BadURL:     "The URL cannot be used.",
	Refused:    "The server of the URL refuses access, or its address is not allowed.",
	NotFound:   "There is no file at the URL.",
	Failed:     "The file could not be downloaded from its URL.",
	TooLarge:   "The file at the URL is larger than the limit.",
	Changed:    "The file at the URL changed while it was downloaded.",
	Restricted: "The file at the URL is of a type that is not taken in.",
	OverQuota:  "The account may not keep the file at the URL: remove something, or have the quota raised.",
	Truncated:  "The server of the URL sent less than it announced.",
}

// Error is a failed download. What it says has no secrets of the URL.
type Error struct {
	Code Code
	URL  string // without query and password
	Err  error
	// Wait is how long the origin asked to be left alone.
	Wait time.Duration
}

func (e *Error) Error() string {
	s := fmt.Sprintf("fetch %s: %s", e.URL, e.Code)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the stable name of the failure.
func (e *Error) ErrorCode() string { return string(e.Code) }

// UserText returns a sentence for people.
func (e *Error) UserText() string {
	s := texts[e.Code]
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// RetryAfter says whether another try can help, and when.
func (e *Error) RetryAfter() (bool, time.Duration) {
	return e.Code == Failed || e.Code == Truncated, e.Wait
}

// Redact returns the URL without what may be secret: password, query, fragment. Of what is no URL nothing is left.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
