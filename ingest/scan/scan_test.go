package scan_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sluice/codec"
	"sluice/ingest/scan"
	"sluice/internal/clamdtest"
	"sluice/pipeline"
	"sluice/pipeline/stage"
)

const eicar = clamdtest.EICAR

// daemon starts one with StreamMaxLength.
func daemon(t *testing.T, most int64, silent bool) scan.Clamd {
	t.Helper()
	path := clamdtest.Daemon{StreamMaxLength: most, Silent: silent}.Start(t)
	return scan.Clamd{Network: "unix", Address: path, Timeout: 20 * time.Second}
}

func TestVerdicts(t *testing.T) {
	large := strings.Repeat("film ", 300_000)
	for name, c := range map[string]struct {
		content string
		policy  scan.Policy
		want    stage.Verdict
		code    codec.Code
	}{
		"clean":                     {large, scan.Closed, stage.Verdict{Scanned: 1_500_000}, ""},
		"empty":                     {"", scan.Closed, stage.Verdict{}, ""},
		"infected":                  {large + eicar, scan.Closed, stage.Verdict{Virus: "Eicar-Test-Signature", Scanned: 1_500_068}, ""},
		"beyond the limit, closed":  {large + large, scan.Closed, stage.Verdict{}, codec.ScanFailed},
		"beyond the limit, open":    {large + large, scan.Open, stage.Verdict{Unscanned: "clamd looks at no more of a file"}, ""},
		"small beyond it, auto":     {large + large, scan.Auto, stage.Verdict{}, codec.ScanFailed},
		"it exceeds a limit inside": {"deep", scan.Closed, stage.Verdict{}, codec.ScanFailed},
		"the daemon breaks, closed": {"break", scan.Closed, stage.Verdict{}, codec.ScanFailed},
		"the daemon breaks, open":   {"break", scan.Open, stage.Verdict{Scanned: 5, Unscanned: "clamd failed: Can't allocate memory ERROR"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := scan.Gate{Clamd: daemon(t, 2_000_000, false), Policy: c.policy}
			got, err := g.Scan(t.Context(), strings.NewReader(c.content), int64(len(c.content)))
			if codec.CodeOf(err) != c.code {
				t.Fatalf("error %v, want code %q", err, c.code)
			}
			if c.want.Unscanned != "" && strings.Contains(name, "limit") {
				got.Scanned = 0 // as far as the daemon let it
			}
			if err == nil && got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestLargeFilesPassUnderAuto(t *testing.T) {
	g := scan.Gate{Clamd: daemon(t, 10, false), Policy: scan.Auto}
	v, err := g.Scan(t.Context(), strings.NewReader(strings.Repeat("x", 1000)), 5<<30)
	if err != nil || v.Unscanned == "" || v.Virus != "" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestWithoutADaemonContentWaits(t *testing.T) {
	g := scan.Gate{Clamd: scan.Clamd{Network: "unix", Address: filepath.Join(t.TempDir(), "none"), Timeout: time.Second}, Policy: scan.Closed}
	_, err := g.Scan(t.Context(), strings.NewReader("x"), 1)
	var p interface{ Postponed() bool }
	if !errors.As(err, &p) || !p.Postponed() || codec.CodeOf(err) != codec.ScanFailed {
		t.Errorf("error %v does not wait", err)
	}
	if got := pipeline.Postpone(err); !errors.Is(got, scan.ErrUnreachable) {
		t.Errorf("its cause is lost: %v", got)
	}
	g.Policy = scan.Open
	if v, err := g.Scan(t.Context(), strings.NewReader("x"), 1); err != nil || v.Unscanned == "" {
		t.Errorf("open: %+v, %v", v, err)
	}
}

func TestAScanEndsWithItsContextAndItsSource(t *testing.T) {
	g := scan.Gate{Clamd: daemon(t, 1<<20, true), Policy: scan.Open}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := g.Scan(ctx, strings.NewReader("x"), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context, whatever the policy", err)
	}
	if _, err := g.Scan(t.Context(), iotest.ErrReader(errors.New("disk")), 1); codec.CodeOf(err) != codec.SourceIO {
		t.Errorf("error %v, want that of the source, whatever the policy", err)
	}
	g.Timeout = 10 * time.Millisecond
	if v, err := g.Scan(t.Context(), strings.NewReader("x"), 1); err != nil || !strings.Contains(v.Unscanned, "no verdict within") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"unix:/run/clamd.ctl": "unix /run/clamd.ctl", "/run/clamd.ctl": "unix /run/clamd.ctl", "127.0.0.1:3310": "tcp 127.0.0.1:3310",
		"tcp:clamd:3310": "tcp clamd:3310", "tcp://[::1]:3310": "tcp [::1]:3310", "clamd": "", "unix:relative": "", ":3310": "",
	} {
		network, address, err := scan.ParseAddress(text)
		if got := network + " " + address; want == "" && err == nil || want != "" && got != want {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestTheRealDaemon runs clamd with a database of one signature.
func TestTheRealDaemon(t *testing.T) {
	clamd, err := exec.LookPath("clamd")
	if err != nil {
		if clamd, err = exec.LookPath("/usr/sbin/clamd"); err != nil {
			t.Skip("clamd is not installed (Debian: clamav-daemon)")
		}
	}
	dir := t.TempDir()
	db := filepath.Join(dir, "db")
	if err := os.Mkdir(db, 0o755); err != nil {
		t.Fatal(err)
	}
	hex := strings.Builder{}
	for _, c := range []byte(eicar) {
		hex.WriteString(strings.ToLower(string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15])))
	}
	conf := filepath.Join(dir, "clamd.conf")
	socket := filepath.Join(dir, "clamd.sock")
	for path, text := range map[string]string{
		filepath.Join(db, "test.ndb"): "Test.Eicar:0:*:" + hex.String() + "\n",
		conf:                          "LocalSocket " + socket + "\nDatabaseDirectory " + db + "\nForeground yes\nStreamMaxLength 1M\nTemporaryDirectory " + dir + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 { // it would become another user, who may not come here
		f, err := os.OpenFile(conf, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString("User root\n")
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), clamd, "--config-file="+conf)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("clamd does not answer")
		}
	}
	g := scan.Gate{Clamd: scan.Clamd{Network: "unix", Address: socket, Timeout: time.Minute}, Policy: scan.Closed}
	for name, c := range map[string]struct {
		content, virus string
		code           codec.Code
	}{
		"clean": {strings.Repeat("film", 10_000), "", ""}, "infected": {eicar, "Test.Eicar.UNOFFICIAL", ""},
		"too large": {strings.Repeat("film", 1<<20), "", codec.ScanFailed},
	} {
		v, err := g.Scan(t.Context(), strings.NewReader(c.content), int64(len(c.content)))
		if codec.CodeOf(err) != c.code || v.Virus != c.virus {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}
