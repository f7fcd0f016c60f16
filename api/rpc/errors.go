package rpc

import "strings"

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
	text, ok := templates[e.Code]
	if !ok {
		text = strings.ToLower(strings.ReplaceAll(e.Code, "_", " "))
		for _, a := range e.Args {
			text += " " + a.Name + "={" + a.Name + "}"
		}
	}
	for _, a := range e.Args {
		value := a.Value
		if value == "" {
			value = "N/A"
		}
		text = strings.ReplaceAll(text, "{"+a.Name+"}", value)
	}
	return text
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Code + ": " + e.Cause.Error()
	}
	return e.Code + ": " + e.Message()
}

func (e *Error) Unwrap() error { return e.Cause }

// templates are the messages of the codes, by code. (filled in codes.go)
var templates = map[string]string{}
