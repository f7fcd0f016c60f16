package manifest

import (
	"errors"
	"io"
)

// ReadUpTo reads a document in XML that may have so many elements and bytes, and counts its items.
func ReadUpTo(elements int, size int64, r io.Reader) (items int, err error) {
	x, err := newXMLReader(r)
	if err != nil {
		return 0, err
	}
	x.limit, x.in.max = elements, size
	for {
		if _, err := x.Next(); errors.Is(err, io.EOF) {
			return items, nil
		} else if err != nil {
			return items, err
		}
		items++
	}
}
