package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	hsuclient "sluice/ingest/hsu/client"
)

// sending is a client process of an upload and what it tells.
type sending struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func send(t *testing.T, env []string, args ...string) *sending {
	t.Helper()
	s := &sending{cmd: exec.Command(binary, append([]string{"upload", "--json"}, args...)...)}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.lines = bufio.NewScanner(out)
	return s
}

// told is a line of an upload's.
type told struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// until reads lines to the first progress that is enough, or to the end of the upload.
func (s *sending) until(t *testing.T, enough func(hsuclient.Progress) bool) (p hsuclient.Progress, entry string) {
	t.Helper()
	for s.lines.Scan() {
		var l told
		if err := json.Unmarshal(s.lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", s.lines.Bytes(), err)
		}
		switch l.Event {
		case "file":
			var r hsuclient.Result
			if err := json.Unmarshal(l.Data, &r); err != nil || r.Error != "" {
				t.Fatalf("%s: %v", l.Data, err)
			}
			entry = r.Entry
		case "progress", "end":
			if err := json.Unmarshal(l.Data, &p); err != nil {
				t.Fatal(err)
			}
			if enough(p) {
				return p, entry
			}
		}
	}
	return p, entry
}

// resentAtMost is what a kill of one side may cost.
const resentAtMost = 64 << 20

var fingerprintLine = regexp.MustCompile(`fingerprint=([0-9a-f]{64})`)

func TestUploadsOutliveKillsOnBothSides(t *testing.T) {
	s := newServer(t)
	tls := freeAddress(t)
	serve := []string{"serve", "--worker-roles", "api", "--hsu-listen", tls}
	s.start("all", serve...)
	s.waitReady()
	s.mu.Lock()
	log := s.procs["all"].log
	s.mu.Unlock()
	s.eventually(time.Minute, "fingerprint", func() bool { return fingerprintLine.MatchString(log.String()) })
	session, err := s.run("session", "--admin")
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 100<<20)
	rng := rand.NewChaCha8([32]byte{4})
	_, _ = rng.Read(content)
	file := filepath.Join(t.TempDir(), "film.mov")
	if err := os.WriteFile(file, content, 0o640); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"SLUICE_SERVER=https://" + tls, "SLUICE_FINGERPRINT=" + fingerprintLine.FindStringSubmatch(log.String())[1],
		"SLUICE_SESSION=" + strings.TrimSpace(session), "XDG_CACHE_HOME=" + t.TempDir(),
	}
	first := send(t, env, "--rate", "200M", file)
	first.until(t, func(p hsuclient.Progress) bool { return p.Bytes >= 20<<20 })
	s.kill("all")
	s.start("all", serve...)
	at, _ := first.until(t, func(p hsuclient.Progress) bool { return p.Bytes >= 50<<20 })
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.cmd.Wait() // it was killed
	if at.Done != 0 || at.Bytes < 50<<20 {
		t.Fatalf("the first client ended by itself: %+v", at)
	}
	second := send(t, env, "--resume", file)
	end, entry := second.until(t, func(hsuclient.Progress) bool { return false })
	if err := second.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if end.Skipped < at.Bytes || end.Sent > int64(len(content))-end.Skipped+1<<20 {
		t.Errorf("%d bytes were acknowledged to the first client; the second left %d out and sent %d", at.Bytes, end.Skipped, end.Sent)
	}
	again := at.Sent + end.Sent - int64(len(content))
	t.Logf("of %d MiB, %.1f MiB were sent twice: the server was killed, then the client", len(content)>>20, float64(again)/(1<<20))
	if again > 2*resentAtMost {
		t.Errorf("%d bytes were sent twice, want at most %d for each kill", again, resentAtMost)
	}
	if got := received(t, s, entry); !bytes.Equal(got, content) {
		t.Error("other bytes came in")
	}
	folder, err := s.catalog().AddDropFolder(t.Context(), 101, catalog.DropFolder{
		Name: "in", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: t.TempDir(), Handler: catalog.HandleContent,
		DeletePolicy: catalog.DeleteAfterImport, SizeInterval: 30, Options: catalog.DropFolderOptions{Match: catalog.AddAsNew},
	})
	if err != nil {
		t.Fatal(err)
	}
	third := send(t, env, "--folder", strconv.FormatInt(int64(folder.ID), 10), "--prefix", "a", file)
	third.until(t, func(hsuclient.Progress) bool { return false })
	if err := third.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(folder.Path, "a", "film.mov")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("other bytes came to the drop folder: %v", err)
	}
	row, err := s.catalog().DropFolderFileByPath(t.Context(), folder.ID, catalog.PathKey("a/film.mov"))
	if err != nil || row.DetectedBy != "hsu" {
		t.Errorf("the drop folder knows of %+v, %v", row, err)
	}
	wrong := exec.Command(binary, "upload", file)
	wrong.Env = append(append(os.Environ(), env...), "SLUICE_SESSION=nobody")
	if err := wrong.Run(); err == nil || wrong.ProcessState.ExitCode() != uploadAuth {
		t.Errorf("without a session the command ends with %v", err)
	}
}

// received is what came in for an entry by an upload token.
func received(t *testing.T, s *server, entry string) []byte {
	t.Helper()
	db := s.catalog()
	tokens, _, err := db.UploadTokens(t.Context(), 101, catalog.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range tokens {
		if tok.AttachedID != entry || tok.Status != catalog.UploadClosed {
			continue
		}
		files, err := filepath.Glob(filepath.Join(s.data, "uploads", string(tok.ID), "data.*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files of the token: %v, %v", files, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Fatalf("nothing came in for entry %q: %+v", entry, tokens)
	return nil
}

// TestTheClientBuildsForEverySystem says, when it fails, that a file of this package, or a package that the client imports, needs
// Linux: a file of a server's command begins with "//go:build linux".
func TestTheClientBuildsForEverySystem(t *testing.T) {
	for _, target := range []string{"windows/amd64", "darwin/amd64", "linux/arm64"} {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-o", os.DevNull, ".")
		system, processor, _ := strings.Cut(target, "/")
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", target, err, out)
		}
	}
}

func TestLimitsOfAccountsAreSetAndShown(t *testing.T) {
	s := newServer(t)
	for _, tc := range []struct{ args, want string }{
		{"--upload-rate 500M", `"upload_rate": 500000000`},
		{"--storage 1000", `"upload_rate": 500000000`},
		{"--upload-rate 0", `"storage_bytes": 1000`},
		{"--sessions 9 --entries-a-day 100", `"entries_a_day": 100`},
		{"--pulls 2 --bulk-jobs 1 --folder-files 7 --in-flight 5", `"sessions": 9`},
		{"", `"upload_rate": 0`},
	} {
		out, err := s.run(append([]string{"account", "limit", "101", "--json"}, strings.Fields(tc.args)...)...)
		if err != nil || !strings.Contains(out, tc.want) {
			t.Errorf("account limit %s: %s %v, want %s in it", tc.args, out, err, tc.want)
		}
	}
	if _, err := s.run("account", "limit", "101", "--upload-rate", "fast"); err == nil {
		t.Error("a rate that is none is taken")
	}
}
