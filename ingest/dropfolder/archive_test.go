package dropfolder

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// packed is a file to be put into an archive.
type packed struct {
	name, text string
	mode       fs.FileMode
}

func zipped(t testing.TB, files ...packed) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode | 0o644)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, f.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tarred(t testing.TB, gz bool, files ...packed) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = struct {
		io.Writer
		io.Closer
	}{&b, io.NopCloser(nil)}
	if gz {
		w = gzip.NewWriter(&b)
	}
	a := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Size: int64(len(f.text)), Mode: 0o644, Typeflag: tar.TypeReg}
		switch {
		case f.mode.IsDir():
			h.Typeflag, h.Size = tar.TypeDir, 0
		case f.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, f.text
		case f.mode&fs.ModeDevice != 0:
			h.Typeflag, h.Size = tar.TypeChar, 0
		}
		err := a.WriteHeader(h)
		if err == nil && h.Size > 0 {
			_, err = io.WriteString(a, f.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(a.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func expanding(f *catalog.DropFolder) { f.Options.ExpandArchives = true }

func TestArchivesBecomeTheFilesInThem(t *testing.T) {
	h := newHouse(t, expanding)
	files := func(n string) []packed {
		return []packed{
			{"./", "", fs.ModeDir}, {n + "-one.mp4", "one of " + n, 0}, {"deep/er/", "", fs.ModeDir}, {"deep/er/" + n + "-two.mov", "two of " + n, 0},
			{"__MACOSX/._" + n + "-one.mp4", "a fork", 0}, {".DS_Store", "a store", 0},
		}
	}
	h.drop("season/a.zip", zipped(t, files("a")...))
	h.drop("b.tar", tarred(t, false, files("b")...))
	h.drop("c.TGZ", tarred(t, true, files("c")...))
	h.start()
	want := map[string][]string{}
	for _, n := range []string{"a", "b", "c"} {
		want[n+"-one"], want[n+"-two"] = []string{"one of " + n}, []string{"two of " + n}
	}
	h.until("all entries", func() bool { return cmp.Diff(want, h.entries()) == "" })
	for _, rel := range []string{"season/a.zip", "b.tar", "c.TGZ"} {
		h.wait(rel, purged)
	}
	for rel, slug := range map[string]string{"season/a-one.mp4": "a-one", "season/deep/er/a-two.mov": "a-two", "b-one.mp4": "b-one", "deep/er/c-two.mov": "c-two"} {
		if r := h.wait(rel, purged); r.Slug != slug {
			t.Errorf("%s came as %+v", rel, r)
		}
	}
	h.until("the directories of the archives to be gone", func() bool {
		left, err := os.ReadDir(h.path(archivesDir))
		return err == nil && len(left) == 0
	})
}

func TestArchivesThatMayNotBeExpandedAreRefusedWhole(t *testing.T) {
	good := packed{"good.mp4", "good", 0}
	secret := zipped(t, good)
	secret = strings.Replace(secret, "PK\x01\x02\x14\x03\x14\x00\x08", "PK\x01\x02\x14\x03\x14\x00\x09", 1)
	for name, c := range map[string]struct {
		file, content string
		code          Code
	}{
		"up":             {"a.zip", zipped(t, good, packed{"../../evil.mp4", "x", 0}), CodeName},
		"up in the tar":  {"a.tar", tarred(t, false, good, packed{"x/../../evil.mp4", "x", 0}), CodeName},
		"absolute":       {"a.tgz", tarred(t, true, good, packed{"/tmp/evil.mp4", "x", 0}), CodeName},
		"control":        {"a.zip", zipped(t, good, packed{"new\nline.mp4", "x", 0}), CodeName},
		"not UTF-8":      {"a.zip", zipped(t, good, packed{"bad\xff.mp4", "x", 0}), CodeNotUTF8},
		"link":           {"a.zip", zipped(t, good, packed{"link.mp4", "/etc/passwd", fs.ModeSymlink}), CodeNotRegular},
		"link in a tar":  {"a.tar", tarred(t, false, good, packed{"link.mp4", "/etc/passwd", fs.ModeSymlink}), CodeNotRegular},
		"device":         {"a.tar", tarred(t, false, good, packed{"null.mp4", "", fs.ModeDevice}), CodeNotRegular},
		"within":         {"a.zip", zipped(t, good, packed{"b.zip", "PK", 0}), CodeTypeRefused},
		"on its way":     {"a.zip", zipped(t, good, packed{"film.mp4.part", "x", 0}), CodeName},
		"dense":          {"a.zip", zipped(t, good, packed{"bomb.mp4", strings.Repeat("0", 4<<20), 0}), CodeTooLarge},
		"large":          {"a.tgz", tarred(t, true, good, packed{"bomb.mp4", strings.Repeat("0", slightGrow+1), 0}), CodeTooLarge},
		"password":       {"a.zip", secret, CodeTypeRefused},
		"twice":          {"a.zip", zipped(t, good, good), CodeName},
		"file and place": {"a.tar", tarred(t, false, good, packed{"good.mp4/x.mp4", "x", 0}), CodeName},
		"cut":            {"a.tar", tarred(t, false, good, packed{"long.mp4", strings.Repeat("x", 5000), 0})[:3000], CodeMediaUnreadble},
		"no archive":     {"a.zip", "this is no archive at all, whatever its name", CodeMediaUnreadble},
		"no tar":         {"a.tar", strings.Repeat("this is no tar", 100), CodeMediaUnreadble},
		"nothing":        {"a.tar", tarred(t, false), CodeEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, expanding)
			h.drop(c.file, c.content)
			h.start()
			r := h.wait(c.file, errorHandling)
			if Code(r.ErrorCode) != c.code || !strings.Contains(r.ErrorText, "nothing of it is used") {
				t.Errorf("%s %q, want %s", r.ErrorCode, r.ErrorText, c.code)
			}
			h.stop()
			var left []string
			err := filepath.WalkDir(h.dir+"/drop", func(p string, d fs.DirEntry, err error) error {
				if d.Type().IsRegular() {
					left = append(left, filepath.Base(p))
				}
				return err
			})
			if diff := cmp.Diff([]string{c.file}, left); diff != "" || err != nil || len(h.entries()) != 0 {
				t.Errorf("left %v, %v, entries %v", diff, err, h.entries())
			}
		})
	}
}

func TestAFolderThatDoesNotExpandSaysSoOfArchives(t *testing.T) {
	h := newHouse(t)
	h.drop("a.zip", zipped(t, packed{"good.mp4", "good", 0}))
	h.start()
	if r := h.wait("a.zip", errorHandling); Code(r.ErrorCode) != CodeTypeRefused || !strings.Contains(r.ErrorText, "expandArchives") {
		t.Errorf("%s %q", r.ErrorCode, r.ErrorText)
	}
}

func TestArchivesOfTooManyFilesAreRefused(t *testing.T) {
	a := newArchive("a.tar", 1, false)
	a.count = maxMembers
	if _, err := a.take("one.mp4", 0, 1); err == nil {
		t.Error("there is no bound")
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range maxDirectory>>16 + 10 { // each has 64 KiB of directory
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Comment: strings.Repeat("x", 65000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	err := newArchive("a.zip", int64(b.Len()), false).zip(bytes.NewReader(b.Bytes()), int64(b.Len()), func(member) error { return nil })
	var bad *Trouble
	if !errors.As(err, &bad) || bad.Code != CodeTooLarge {
		t.Errorf("%v", err)
	}
}

func TestKilledWhileItExpandsEachFileComesOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	h := newHouse(t, expanding)
	var files []packed
	want := map[string][]string{}
	for i := range 20 {
		name := fmt.Sprintf("clip%02d", i)
		files = append(files, packed{name + ".mp4", "content of " + name, 0})
		want[name] = []string{"content of " + name}
	}
	h.drop("all.zip", zipped(t, files...))
	for _, step := range []string{"expanded", "published", "published", "entered"} {
		h.child(step, 1)
	}
	h.cfg.lease = time.Second
	h.start()
	h.until("all files to be handled", func() bool {
		for _, r := range h.rows() {
			if r.Status != purged && r.Status != handled {
				return false
			}
		}
		return len(h.rows()) == len(files)+1
	})
	if diff := cmp.Diff(want, h.entries()); diff != "" {
		t.Error(diff)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte(zipped(f, packed{"a/b.mp4", "text", 0})))
	f.Add([]byte(tarred(f, false, packed{"a/b.mp4", "text", 0})))
	f.Add([]byte(tarred(f, true, packed{"a/b.mp4", "text", 0})))
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		a := newArchive("a", int64(len(b)), false)
		err = a.each(r, int64(len(b)), func(m member) error {
			if !fs.ValidPath(m.name) || checkName(m.name) != "" {
				t.Errorf("the name %q comes through", m.name)
			}
			_, err := io.Copy(io.Discard, io.LimitReader(m, 1<<20))
			return err
		})
		if err == nil && a.sum > a.most {
			t.Errorf("%d bytes of %d", a.sum, a.most)
		}
	})
}
