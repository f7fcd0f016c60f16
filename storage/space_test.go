package storage_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/storage"
)

func TestReserveRefusesWhatWouldEatIntoIt(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for name, test := range map[string]struct {
		reserve    storage.Reserve
		size, free int64
		takes      int64
		refused    bool
	}{
		"room":                        {0, 100 * gib, 50 * gib, 10 * gib, false},
		"a twentieth":                 {0, 100 * gib, 5 * gib, 0, false},
		"less than a twentieth":       {0, 100 * gib, 5*gib - 1, 0, true},
		"at most 20 GiB":              {0, 4000 * gib, 20 * gib, 0, false},
		"large volume":                {0, 4000 * gib, 20*gib - 1, 0, true},
		"own figure":                  {mib, 4000 * gib, mib, 0, false},
		"own figure, not reached":     {mib, 4000 * gib, mib - 1, 0, true},
		"would eat into it":           {mib, 100 * gib, 2 * mib, mib + 1, true},
		"would just not eat into it":  {mib, 100 * gib, 2 * mib, mib, false},
		"more than there is":          {mib, 100 * gib, 2 * mib, 100 * gib, true},
		"volume without anything":     {0, 0, 0, 0, false},
		"volume that has no blocks":   {1, 0, 0, 0, true},
		"tiny volume keeps a little":  {0, 20 * mib, mib, 0, false},
		"tiny volume, less than that": {0, 20 * mib, mib - 1, 0, true},
	} {
		err := test.reserve.Admit("objects", storage.Space{Size: test.size, Free: test.free}, test.takes)
		if (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (!errors.Is(err, storage.ErrFull) || !strings.Contains(err.Error(), "objects has ")) {
			t.Errorf("%s: %v does not say what is full", name, err)
		}
	}
}
