package rpc

import (
	"regexp"
	"strings"
)

// Error is an API exception: a code of the protocol and its arguments in the protocol's order. The message is made from
// the template of the code.
type Error struct {
	Code string
	Args []Arg
	// Cause is what the log shows; clients never see it.
	Cause error
}

// Arg is a named argument of an exception.
type Arg struct{ Name, Value string }

// E makes an exception; args are names and values in turn, in the protocol's order.
func E(code string, args ...string) *Error {
	e := &Error{Code: code}
	for i := 0; i+1 < len(args); i += 2 {
		e.Args = append(e.Args, Arg{args[i], args[i+1]})
	}
	return e
}

// Because adds the cause for the log.
func (e *Error) Because(err error) *Error {
	e.Cause = err
	return e
}

// Message is the text of the exception: the code's template with the arguments filled in.
func (e *Error) Message() string {
	template, ok := templates[e.Code]
	if !ok {
		template = strings.ToLower(strings.ReplaceAll(e.Code, "_", " "))
		template = strings.ToUpper(template[:min(1, len(template))]) + template[min(1, len(template)):]
	}
	fill := make([]string, 0, 2*len(e.Args))
	for _, a := range e.Args {
		if name := "{" + a.Name + "}"; strings.Contains(template, name) {
			fill = append(fill, name, a.text())
		} else { // every value shows
			template += " [" + strings.NewReplacer("{", "", "}", "").Replace(a.text()) + "]"
		}
	}
	return strings.NewReplacer(fill...).Replace(template)
}

// text is the value as clients see it: without tags of HTML. What is missing is N/A, save for the token of a session that
// may not do what it asks, which the protocol leaves empty.
func (a Arg) text() string {
	s := a.Value
	if strings.IndexByte(s, '<') >= 0 {
		s = tags.ReplaceAllString(s, "")
	}
	if s == "" && a.Name != "KSID" {
		return "N/A"
	}
	return s
}

var tags = regexp.MustCompile(`</?[A-Za-z!?][^>]*>?`)

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Code + ": " + e.Cause.Error()
	}
	return e.Code + ": " + e.Message()
}

func (e *Error) Unwrap() error { return e.Cause }
