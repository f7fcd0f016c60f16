package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"sluice/storage"
)

// Concat joins ranges of objects: by reference where the file system can, else by a copy (copyRange).
func (s *Store) Concat(ctx context.Context, key string, head []byte, parts []storage.Part, remove bool) (obj storage.Object, err error) {
	defer observe("concat", time.Now(), &err)
	if err := storage.ValidateKey(key); err != nil {
		return obj, fmt.Errorf("concat: %w", err)
	}
	f, err := s.temp.create()
	if err != nil {
		return obj, failed("concat", key, err)
	}
	defer f.discard()
	if _, err := f.Write(head); err != nil {
		return obj, failed("concat", key, err)
	}
	for _, p := range parts {
		if err := s.appendPart(ctx, f.File, p); err != nil {
			return obj, fmt.Errorf("concat %q: %w", key, err)
		}
	}
	sum := ""
	if len(parts) == 0 {
		h := sha256.Sum256(head)
		sum = hex.EncodeToString(h[:])
	}
	if obj, err = s.commit(f, key, sum); err != nil || !remove {
		return obj, err
	}
	for _, p := range parts {
		if p.Key == key {
			continue
		}
		if err := s.Delete(ctx, p.Key); err != nil {
			return obj, fmt.Errorf("concat %q is complete, but a part stays: %w", key, err)
		}
	}
	return obj, nil
}

func (s *Store) appendPart(ctx context.Context, dst *os.File, p storage.Part) error {
	r, err := s.open(ctx, "open part", p.Key)
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := p.Length(r.obj.Size)
	if err != nil {
		return err
	}
	return failed("copy part", p.Key, copyRange(ctx, dst, r.File, p.Off, n))
}
