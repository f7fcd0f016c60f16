package upload

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// sniffBytes is how much of a file its type is told by.
const sniffBytes = 4096

// CheckType refuses, by the first bytes of a file and with ErrForbidden, what nobody uploads to a media platform in good faith: programs, scripts and pages that a browser would run
// in the platform's name. The name of a file says nothing.
func CheckType(head []byte) error {
	for _, t := range []struct{ magic, what string }{
		{"MZ", "a Windows program"}, {"\x7fELF", "a program"}, {"\xfe\xed\xfa\xce", "a program"}, {"\xfe\xed\xfa\xcf", "a program"},
		{"\xce\xfa\xed\xfe", "a program"}, {"\xcf\xfa\xed\xfe", "a program"}, {"\xca\xfe\xba\xbe", "a program"},
		{"#!", "a script"}, {"<?php", "a script"}, {"<%", "a script"},
	} {
		if bytes.HasPrefix(head, []byte(t.magic)) {
			return fmt.Errorf("%w: it is %s", ErrForbidden, t.what)
		}
	}
	if strings.HasPrefix(http.DetectContentType(head), "text/html") {
		return fmt.Errorf("%w: it is a web page", ErrForbidden)
	}
	low := bytes.ToLower(head)
	if bytes.Contains(low, []byte("<svg")) && (bytes.Contains(low, []byte("<script")) || bytes.Contains(low, []byte("onload="))) {
		return fmt.Errorf("%w: it is a picture with a script", ErrForbidden)
	}
	return nil
}
