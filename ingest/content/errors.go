package content

import "errors"

// Kind says what is wrong with a source or with what it is for.
type Kind string

// Kinds of errors. What Error.Object names depends on the kind.
const (
	NoEntry      Kind = "no entry"          // the account has no such entry; Object is its id
	HasContent   Kind = "has content"       // the entry has content already
	NoAsset      Kind = "no asset"          // the account has no such asset; Object is its id
	NoToken      Kind = "no upload token"   // the account, or the user, has no such token; Object is its id
	TokenState   Kind = "token not usable"  // the token was used, deleted or timed out; Object is its id
	NoFile       Kind = "no file"           // the source has no bytes (yet); Object is its id
	BadURL       Kind = "bad URL"           // the URL cannot be fetched from; Object is the URL without its secrets
	NoText       Kind = "no content"        // empty text or file
	NotSupported Kind = "not supported"     // this source cannot serve here; Object is its kind: "Clips", "Text", …
	BadClip      Kind = "bad clip"          // offset or duration make no sense
	Restricted   Kind = "file type refused" // the file is of a type that is not taken in
)

// Error is an error of the caller's making; others are failures of storage or database.
type Error struct {
	Kind   Kind
	Object string
	Err    error // what is known besides; may be nil
}

func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Object != "" {
		s += " " + e.Object
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns the first *Error in err's chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf returns the kind of the first *Error in err's chain, or "".
func KindOf(err error) Kind {
	if e, ok := AsError(err); ok {
		return e.Kind
	}
	return ""
}
