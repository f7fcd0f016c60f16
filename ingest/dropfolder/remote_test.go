package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/catalog"
)

// far is another machine's folder: the local one of the house behind the interface that all remote stores have, whose connections
// break after so many bytes.
type far struct {
	*local
	mu     sync.Mutex
	breaks int   // connections that will break
	after  int64 // bytes
	opened []int64
	whole  bool
	during func() // called once in the middle of a file
	failed error  // of listings
}

func (f *far) List(ctx context.Context, each func([]File) error) error {
	f.mu.Lock()
	failed := f.failed
	f.mu.Unlock()
	if failed != nil {
		return failed
	}
	return f.local.List(ctx, func(files []File) error {
		for i := range files {
			files[i].Whole = f.whole
		}
		return each(files)
	})
}

func (f *far) Open(ctx context.Context, rel string, offset int64) (io.ReadCloser, error) {
	r, err := f.local.Open(ctx, rel, offset)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, offset)
	if f.during != nil {
		f.during()
		f.during = nil
	}
	if f.breaks == 0 {
		return r, nil
	}
	f.breaks--
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, f.after), broken{}), r}, nil
}

func (f *far) Close() error { return nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the connection broke") }

// newFar makes a house whose folder is on another machine.
func newFar(t *testing.T, policy catalog.FileDeletePolicy) (*house, *far) {
	t.Helper()
	h := newHouse(t, func(f *catalog.DropFolder) { f.Type, f.DeletePolicy = catalog.DropFolderSFTP, policy })
	l, err := openLocal(h.path(""), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	machine := &far{local: l}
	h.cfg.Openers = map[catalog.DropFolderType]Opener{
		catalog.DropFolderSFTP: func(context.Context, catalog.DropFolder) (Store, error) { return machine, nil },
	}
	h.cfg.Sweep = 20 * time.Millisecond
	return h, machine
}

func TestFilesOfAnotherMachineAreFetched(t *testing.T) {
	for _, policy := range []catalog.FileDeletePolicy{catalog.DeleteAfterImport, catalog.DeleteManually} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			h, machine := newFar(t, policy)
			content := strings.Repeat("0123456789", 1000)
			h.drop("in/film.mp4", content)
			machine.breaks, machine.after = 2, 4000
			h.start()
			want := handled
			if policy == catalog.DeleteAfterImport {
				want = purged
			}
			r := h.wait("in/film.mp4", want)
			if got := h.entries()["film"]; len(got) != 1 || got[0] != content {
				t.Errorf("%d entries", len(got))
			}
			if r.ImportEnd == 0 || r.Done != int64(len(content)) {
				t.Errorf("%+v", r)
			}
			machine.mu.Lock()
			if len(machine.opened) != 3 || machine.opened[1] != 4000 || machine.opened[2] != 8000 {
				t.Errorf("it was read from %v", machine.opened)
			}
			machine.mu.Unlock()
			_, err := os.Lstat(h.path("in/film.mp4"))
			if gone := errors.Is(err, fs.ErrNotExist); gone != (policy == catalog.DeleteAfterImport) {
				t.Errorf("policy %d: %v", policy, err)
			}
		})
	}
}

func TestAFileThatChangesWhileItIsFetchedIsNotUsed(t *testing.T) {
	h, machine := newFar(t, catalog.DeleteManually)
	h.drop("film.mp4", "the first film")
	changed := make(chan struct{})
	machine.during = func() {
		h.drop("film.mp4", "another film that is longer")
		close(changed)
	}
	h.start()
	<-changed
	h.until("the new film", func() bool { return h.row("film.mp4").Status == handled })
	if got := h.entries(); len(got) != 1 || len(got["film"]) != 1 || got["film"][0] != "another film that is longer" {
		t.Errorf("entries %v", got)
	}
}

func TestAMachineThatFailsIsTold(t *testing.T) {
	h, machine := newFar(t, catalog.DeleteManually)
	machine.failed = &Error{Code: ErrAuthenticate, Text: "the server refuses the password"}
	h.drop("film.mp4", "film")
	h.start()
	h.until("the folder's error", func() bool {
		f, err := h.db.DropFolderByID(t.Context(), h.folder.ID)
		return err == nil && f.ErrorCode == int(ErrAuthenticate) && strings.Contains(f.ErrorText, "refuses the password")
	})
	machine.mu.Lock()
	machine.failed, machine.whole = nil, true
	machine.mu.Unlock()
	h.wait("film.mp4", handled)
}
