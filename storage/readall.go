package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ReadAll reads a whole object; one of more than limit bytes is refused before any is read.
func ReadAll(ctx context.Context, s Store, key string, limit int64) ([]byte, error) {
	r, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	n := r.Object().Size
	if n > limit {
		return nil, fmt.Errorf("object %q: %d bytes, more than the limit of %d", key, n, limit)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("object %q: %w", key, err)
	}
	return b, nil
}
