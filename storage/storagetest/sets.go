package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/storage"
)

func listIsInKeyOrder(t *testing.T, s storage.Store) {
	all := []string{"a-b/x", "a.b", "a/x", "a/y/z", "a0", "ab/c", "b/1", "b/10", "b/2", "é"}
	for _, i := range []int{4, 2, 9, 0, 7, 1, 8, 3, 6, 5} {
		put(t, s, all[i], []byte(all[i]))
	}
	for prefix, want := range map[string][]string{
		"":         all,
		"a":        {"a-b/x", "a.b", "a/x", "a/y/z", "a0", "ab/c"},
		"a/":       {"a/x", "a/y/z"},
		"b/1":      {"b/1", "b/10"},
		"a/y/z":    {"a/y/z"},
		"a/x/":     {},
		"nothing/": {},
		"é":        {"é"},
	} {
		if diff := cmp.Diff(want, keys(t, s, prefix)); diff != "" {
			t.Errorf("List(%q) (-want +got):\n%s", prefix, diff)
		}
	}
	for obj, err := range s.List(t.Context(), "a/") {
		if err != nil {
			t.Fatal(err)
		}
		st, err := s.Stat(t.Context(), obj.Key)
		if err != nil {
			t.Fatal(err)
		}
		if obj.Size != st.Size || obj.ETag != st.ETag || obj.ModTime.Unix() != st.ModTime.Unix() {
			t.Errorf("List says %+v, Stat %+v", obj, st)
		}
		break // an early end is no error
	}
}

func listGoesBeyondOnePage(t *testing.T, s storage.Store) {
	const n = 1100 // S3 lists 1,000 at a time
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprintf("many/%02d/%04d", i%7, i)
	}
	jobs := make(chan string)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for key := range jobs {
				if _, err := s.Put(t.Context(), key, strings.NewReader(key)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, key := range want {
		jobs <- key
	}
	close(jobs)
	wg.Wait()
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(t, s, "many/")); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if got, err := s.DeletePrefix(t.Context(), "many/"); got != n || err != nil {
		t.Errorf("DeletePrefix = %d, %v; want %d", got, err, n)
	}
	if got := keys(t, s, ""); len(got) != 0 {
		t.Errorf("%d objects are left", len(got))
	}
}

func deleteRemovesOneObject(t *testing.T, s storage.Store) {
	put(t, s, "a/b/c", []byte("c"))
	put(t, s, "a/b/d", []byte("d"))
	if err := s.Delete(t.Context(), "a/b/c"); err != nil {
		t.Fatal(err)
	}
	mustNotExist(t, s, "a/b/c")
	if err := s.Delete(t.Context(), "a/b/c"); err != nil {
		t.Errorf("a second Delete: %v", err)
	}
	if err := s.Delete(t.Context(), "a/b"); err != nil {
		t.Errorf("Delete of a folder's name: %v", err)
	}
	same(t, "a/b/d", get(t, s, "a/b/d"), []byte("d"))
}

func deletePrefixRemovesWhatIsBelow(t *testing.T, s storage.Store) {
	for _, key := range []string{"e/1/a/x", "e/1/a/y", "e/1/b", "e/10/a", "e/2/a", "f/1"} {
		put(t, s, key, []byte(key))
	}
	for prefix, want := range map[string]int{"e/3/": 0, "e/1/": 3} {
		if n, err := s.DeletePrefix(t.Context(), prefix); n != want || err != nil {
			t.Errorf("DeletePrefix(%q) = %d, %v; want %d", prefix, n, err, want)
		}
	}
	if diff := cmp.Diff([]string{"e/10/a", "e/2/a", "f/1"}, keys(t, s, "")); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	for _, prefix := range []string{"", "e", "e/1", "/", "../", "e/../"} {
		if n, err := s.DeletePrefix(t.Context(), prefix); !errors.Is(err, storage.ErrBadKey) || n != 0 {
			t.Errorf("DeletePrefix(%q) = %d, %v; want ErrBadKey", prefix, n, err)
		}
	}
	if n, err := s.DeletePrefix(t.Context(), "f/1/"); n != 0 || err != nil {
		t.Errorf("DeletePrefix below an object = %d, %v", n, err)
	}
	same(t, "f/1", get(t, s, "f/1"), []byte("f/1"))
}

func concatJoinsRanges(t *testing.T, s storage.Store) {
	a, b := noise(1, 100_000), noise(2, 70_000)
	put(t, s, "p/a", a)
	put(t, s, "p/b", b)
	put(t, s, "p/empty", nil)
	head := []byte("the head comes first")
	for name, c := range map[string]struct {
		head  []byte
		parts []storage.Part
		want  []byte
	}{
		"whole":       {nil, []storage.Part{{Key: "p/a"}, {Key: "p/b"}}, slices.Concat(a, b)},
		"head":        {head, []storage.Part{{Key: "p/b"}, {Key: "p/a"}}, slices.Concat(head, b, a)},
		"ranges":      {nil, []storage.Part{{Key: "p/a", Off: 10, N: 500}, {Key: "p/a", Off: 99_999, N: 1}}, slices.Concat(a[10:510], a[99_999:])},
		"to the end":  {nil, []storage.Part{{Key: "p/a", Off: 90_000}}, a[90_000:]},
		"twice":       {nil, []storage.Part{{Key: "p/b"}, {Key: "p/b"}}, slices.Concat(b, b)},
		"empty parts": {nil, []storage.Part{{Key: "p/empty"}, {Key: "p/b"}, {Key: "p/empty"}}, b},
		"head only":   {head, nil, head},
		"nothing":     {nil, nil, nil},
		"all empty":   {nil, []storage.Part{{Key: "p/empty"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			obj, err := s.Concat(t.Context(), "out/"+name, c.head, c.parts, false)
			if err != nil {
				t.Fatal(err)
			}
			if obj.Size != int64(len(c.want)) || obj.SHA256 != "" && obj.SHA256 != sumOf(c.want) {
				t.Errorf("Concat says %+v", obj)
			}
			same(t, "joined", get(t, s, "out/"+name), c.want)
		})
	}
	same(t, "the part", get(t, s, "p/a"), a)
}

// concatJoinsBigParts has parts above and below what S3 takes as a part of its own (5 MiB).
func concatJoinsBigParts(t *testing.T, s storage.Store) {
	a, b, c := noise(1, 6*mib+1), noise(2, 1000), noise(3, 11*mib)
	put(t, s, "p/a", a)
	put(t, s, "p/b", b)
	put(t, s, "p/c", c)
	head := noise(4, 3000)
	for name, parts := range map[string][]storage.Part{
		"mixed":     {{Key: "p/a"}, {Key: "p/b"}, {Key: "p/c"}},
		"small end": {{Key: "p/c"}, {Key: "p/a"}, {Key: "p/b"}},
		"ranges":    {{Key: "p/c", Off: 100, N: 9 * mib}, {Key: "p/b"}, {Key: "p/a", Off: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.Clone(head)
			for _, p := range parts {
				whole := map[string][]byte{"p/a": a, "p/b": b, "p/c": c}[p.Key]
				n, err := p.Length(int64(len(whole)))
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, whole[p.Off:p.Off+n]...)
			}
			obj, err := s.Concat(t.Context(), "joined", head, parts, false)
			if err != nil {
				t.Fatal(err)
			}
			if obj.Size != int64(len(want)) || obj.ETag == "" {
				t.Errorf("Concat says %+v", obj)
			}
			same(t, "joined", get(t, s, "joined"), want)
			if st, err := s.Stat(t.Context(), "joined"); err != nil || st.ETag != obj.ETag ||
				st.SHA256 != "" && st.SHA256 != sumOf(want) {
				t.Errorf("Stat says %+v, %v; Concat said %+v", st, err, obj)
			}
		})
	}
}

func concatRemovesItsParts(t *testing.T, s storage.Store) {
	put(t, s, "p/1", []byte("one "))
	put(t, s, "p/2", []byte("two "))
	put(t, s, "out", []byte("old "))
	if _, err := s.Concat(t.Context(), "out", nil, []storage.Part{{Key: "out"}, {Key: "p/1"}, {Key: "p/2"}, {Key: "p/1"}}, true); err != nil {
		t.Fatal(err)
	}
	same(t, "out", get(t, s, "out"), []byte("old one two one "))
	if diff := cmp.Diff([]string{"out"}, keys(t, s, "")); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func concatOfAMissingPartLeavesNothing(t *testing.T, s storage.Store) {
	put(t, s, "p/1", noise(1, 6*mib))
	for _, parts := range [][]storage.Part{{{Key: "p/missing"}}, {{Key: "p/1"}, {Key: "p/missing"}}} {
		_, err := s.Concat(t.Context(), "out", []byte("head"), parts, true)
		if !errors.Is(err, storage.ErrNotExist) || !strings.Contains(err.Error(), "p/missing") {
			t.Errorf("Concat = %v, want ErrNotExist that names the part", err)
		}
	}
	mustNotExist(t, s, "out")
	if diff := cmp.Diff([]string{"p/1"}, keys(t, s, "")); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func concatRefusesRangesBeyondTheObject(t *testing.T, s storage.Store) {
	put(t, s, "p", noise(1, 1000))
	for _, p := range []storage.Part{{Off: 1001}, {Off: -1}, {Off: 500, N: 501}, {N: -1}, {Off: 1, N: 1<<63 - 1}} {
		p.Key = "p"
		if obj, err := s.Concat(t.Context(), "out", nil, []storage.Part{p}, false); err == nil {
			t.Errorf("Concat of %+v = %+v, want an error", p, obj)
		}
	}
	mustNotExist(t, s, "out")
}
