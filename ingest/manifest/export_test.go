package manifest

import (
	"errors"
	"io"
)

// ReadUpTo reads a document in XML that may have so many elements, and counts its items.
func ReadUpTo(elements int, r io.Reader) (items int, err error) {
	x, err := newXMLReader(r)
	if err != nil {
		return 0, err
	}
	x.limit = elements
	for {
		if _, err := x.Next(); errors.Is(err, io.EOF) {
			return items, nil
		} else if err != nil {
			return items, err
		}
		items++
	}
}
