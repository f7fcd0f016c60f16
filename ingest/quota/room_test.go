package quota

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"sluice/catalog"
	"sluice/storage"
)

// TestRoomGrowsWithAFileOfUnknownLength: small files hold little, and a long one holds what came and some more until it is released.
func TestRoomGrowsWithAFileOfUnknownLength(t *testing.T) {
	const mib = 1 << 20
	free := int64(1000 * mib)
	a := &accounts{detail: catalog.AccountDetails{Storage: 900 * mib}, stored: 100 * mib}
	l := New(Config{Accounts: a, Admit: func(grows int64) error {
		if grows > free {
			return storage.ErrFull
		}
		return nil
	}})
	var small []*Room
	for range 50 {
		r, err := l.Reserve(t.Context(), account, -1)
		if err != nil {
			t.Fatalf("after %d small files: %v", len(small), err)
		}
		if err := r.Take(t.Context(), mib); err != nil {
			t.Fatal(err)
		}
		free -= mib
		small = append(small, r)
	}
	for _, r := range small {
		r.Release()
	}
	a.stored += 50 * mib
	long, err := l.Reserve(t.Context(), account, -1)
	if err != nil {
		t.Fatal(err)
	}
	came := 0
	for ; came < 2000; came++ {
		if err = long.Take(t.Context(), mib); err != nil {
			break
		}
		free -= mib
		l.mu.Lock()
		if ahead := l.total; ahead > mostAhead+mib || ahead < 0 || l.reserved[account] != ahead+int64(came+1)*mib {
			t.Fatalf("after %d MiB %d bytes are held on the volume and %d of the account", came+1, ahead, l.reserved[account])
		}
		l.mu.Unlock()
	}
	if !errors.Is(err, ErrStorage) || came != 750 {
		t.Errorf("a quota with room for 750 MiB: %v after %d MiB", err, came)
	}
	long.Release()
	a.detail, free = catalog.AccountDetails{}, 100*mib
	l.known = map[catalog.AccountID]known{}
	if long, err = l.Reserve(t.Context(), account, -1); err != nil {
		t.Fatal(err)
	}
	for came = 0; came < 2000; came++ {
		if err = long.Take(t.Context(), mib); err != nil {
			break
		}
		free -= mib
	}
	if !errors.Is(err, storage.ErrFull) || came != 100 {
		t.Errorf("a volume with 100 MiB: %v after %d MiB", err, came)
	}
	long.Release()
	if l.total != 0 || len(l.reserved) != 0 || len(l.sessions) != 0 {
		t.Errorf("%d bytes, %v and %v stay reserved", l.total, l.reserved, l.sessions)
	}
}

// TestAReaderEndsWhereThereIsNoRoom: what does not fit is not given on.
func TestAReaderEndsWhereThereIsNoRoom(t *testing.T) {
	a := &accounts{detail: catalog.AccountDetails{Storage: 20 << 20}}
	l := New(Config{Accounts: a})
	r, err := l.Reserve(t.Context(), account, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	src := bytes.Repeat([]byte("x"), 30<<20)
	n, err := io.Copy(io.Discard, r.Reader(t.Context(), bytes.NewReader(src)))
	if !errors.Is(err, ErrStorage) || n > 20<<20 || n < 20<<20-64<<10 {
		t.Errorf("%d bytes, %v", n, err)
	}
	var none *Room
	in := bytes.NewReader(src)
	if none.Take(t.Context(), 1<<30) != nil || none.Reader(t.Context(), in) != in {
		t.Error("no room has bounds")
	}
	none.Release()
}
