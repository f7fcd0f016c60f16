package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/gateway"
)

// childDir tells a process of the test's program that it is a gateway, and where.
const childDir = "SLUICE_TEST_GATEWAY"

// runChild is a gateway that is killed.
func runChild(dir string) int {
	ctx := context.Background()
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	all := func(context.Context) ([]gateway.Folder, error) {
		return []gateway.Folder{{ID: 7, Dir: filepath.Join(dir, "folder")}}, nil
	}
	g, err := gateway.New(gateway.Config{
		Users: db, Transfers: &recorder{}, All: all, Folders: func(ctx context.Context, _ catalog.GatewayUser) ([]gateway.Folder, error) { return all(ctx) },
		Keys: os.Getenv("SLUICE_TEST_KEYS"), SFTP: "127.0.0.1:0", Incomplete: complete.CutOff,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		addr, _, err := g.Addresses(ctx)
		fmt.Println(addr, err)
	}()
	fmt.Fprintln(os.Stderr, g.Run(ctx))
	return 1
}

// TestTheServerIsKilledInTheMiddle kills the server again and again while a client sends; what it sends in the end is whole.
func TestTheServerIsKilledInTheMiddle(t *testing.T) {
	h := newHouse(t)
	base := filepath.Dir(h.dir)
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(base, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.EnsureAccount(t.Context(), 101, "a"); err != nil {
		t.Fatal(err)
	}
	h.db = db
	h.user = h.addUser(catalog.GatewayUser{Name: "anna", Keys: []string{h.makeKey(h.key)}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want := data(4 << 20)
	src := h.local("film.mov", want)
	for range 3 {
		kill := h.child(base)
		cmd := h.opensshCommand(t.Context(), "reput "+src+" film.mov")
		if h.partBytes() == 0 {
			cmd = h.opensshCommand(t.Context(), "put "+src)
		}
		cmd.Args = append(cmd.Args[:1:1], append([]string{"-l", "16000"}, cmd.Args[1:]...)...) // 2 MB/s
		before := h.partBytes()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		h.until("more came", func() bool {
			return h.partBytes() > min(before, int64(len(want))-1_500_000)+200_000 || h.partBytes() > 3_500_000
		})
		kill()
		_ = cmd.Wait()
		h.wantNoFile("film.mov")
	}
	defer h.child(base)()
	if out, err := h.openssh("reput "+src+" film.mov", "ls -l"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.wantFile("film.mov", want)
	h.wantNoParts()
}

// child starts a gateway in a process of its own.
func (h *house) child(base string) (kill func()) {
	h.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+base, "SLUICE_TEST_KEYS="+h.keys)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		h.t.Fatal(err)
	}
	if h.sftp, err = net.ResolveTCPAddr("tcp", strings.Fields(line)[0]); err != nil {
		h.t.Fatalf("the child says %q", line)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// TestWhatACrashLeaves starts on every state that a kill between two steps leaves.
func TestWhatACrashLeaves(t *testing.T) {
	whole := film(50_000)
	old := time.Now().Add(-25 * time.Hour)
	for name, c := range map[string]struct {
		record map[string]any // nil: none
		data   []byte         // nil: none
		final  []byte         // under the final name, before
		want   []byte         // under the final name, after
		left   bool           // something is left to go on with
		size   int64          // of it
	}{
		"before the name":             {record: map[string]any{"state": "whole", "extents": [][2]int{{0, len(whole)}}}, data: whole, want: whole},
		"before the name, replacing":  {record: map[string]any{"state": "whole", "extents": [][2]int{{0, len(whole)}}}, data: whole, final: []byte("old"), want: whole},
		"after the name":              {record: map[string]any{"state": "whole", "extents": [][2]int{{0, len(whole)}}}, final: whole, want: whole},
		"after the end of a stream":   {record: map[string]any{"state": "closed", "extents": [][2]int{{0, len(whole)}}}, data: whole, want: whole},
		"after the end of a cut":      {record: map[string]any{"state": "closed", "extents": [][2]int{{0, 40_000}}}, data: whole[:40_000], left: true, size: 40_000},
		"after the end of four bytes": {record: map[string]any{"state": "closed", "extents": [][2]int{{0, 4}}}, data: whole[:4], left: true, size: 4},
		"in the middle":               {record: map[string]any{"extents": [][2]int{{0, 10_000}, {20_000, 30_000}}}, data: whole[:30_000], left: true, size: 10_000},
		"more recorded than there is": {record: map[string]any{"extents": [][2]int{{0, 30_000}}}, data: whole[:20_000], left: true, size: 20_000},
		"before the first record":     {data: whole[:10]},
		"after the record was gone":   {data: whole, final: whole, want: whole},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			part := filepath.Join(h.dir, gateway.PartName("a.mov"))
			if err := os.Mkdir(filepath.Dir(part), 0o750); err != nil {
				t.Fatal(err)
			}
			write := func(path string, b []byte) {
				if err := os.WriteFile(path, b, 0o640); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, old, old); err != nil {
					t.Fatal(err)
				}
			}
			if c.data != nil {
				write(part+".part", c.data)
			}
			if c.final != nil {
				write(filepath.Join(h.dir, "a.mov"), c.final)
			}
			if c.record != nil {
				c.record["path"], c.record["user"], c.record["by"], c.record["begun"], c.record["changed"] = "a.mov", "anna", "ftp", time.Now().Add(-time.Minute), time.Now()
				b, err := json.Marshal(c.record)
				if err != nil {
					t.Fatal(err)
				}
				write(part+".json", b)
			}
			h.start()
			if c.want != nil {
				h.until("it has its name", func() bool {
					i, err := os.Stat(filepath.Join(h.dir, "a.mov"))
					return err == nil && i.Size() == int64(len(c.want))
				})
				h.wantFile("a.mov", c.want)
				if c.data != nil && c.record != nil {
					h.until("the folder is told", func() bool { return h.told.has(fmt.Sprintf("7 uploaded a.mov %d by ftp", len(c.want))) })
				}
			} else {
				h.wantNoFile("a.mov")
			}
			if !c.left {
				h.until("nothing is left", func() bool { list, _ := os.ReadDir(filepath.Dir(part)); return len(list) == 0 })
				return
			}
			i, err := h.client().Stat("a.mov")
			if err != nil || i.Size() != c.size {
				t.Errorf("the client sees %v, %v; want %d bytes", i, err, c.size)
			}
			f, err := h.client().OpenFile("a.mov", os.O_WRONLY)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt(whole[c.size:], c.size); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			h.wantFile("a.mov", whole)
			h.wantNoParts()
		})
	}
}
