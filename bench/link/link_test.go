package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestALineCarriesWhatIsSentWhateverItLoses sends bytes over a fast line with losses, and finds the same at the other end.
func TestALineCarriesWhatIsSentWhateverItLoses(t *testing.T) {
	line := newLine(t, Config{Rate: 1_000_000_000, Delay: time.Millisecond, Queue: 20 * time.Millisecond, Loss: 0.005, Congestion: "cubic"})
	l, err := Listen(t.Context(), line.B, AddrB+":9000")
	if err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(sent)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		conn, err := Dial(ctx, line.A, AddrB+":9000", "")
		if err == nil {
			_, err = conn.Write(sent)
			err = errors.Join(err, conn.Close())
		}
		if err != nil {
			t.Error(err)
			l.Close()
		}
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	n, err := io.Copy(h, conn)
	want := sha256.Sum256(sent)
	if err != nil || !bytes.Equal(h.Sum(nil), want[:]) {
		t.Errorf("%d of %d bytes, %v: other bytes came", n, len(sent), err)
	}
	if line.Lost.Load() == 0 {
		t.Error("nothing was lost")
	}
}

func newLine(t *testing.T, c Config) *Link {
	t.Helper()
	line, err := New(t.Context(), c)
	if errors.Is(err, ErrRoot) {
		t.Skipf("%v (continuous integration runs as root, and so this)", err)
	}
	if err != nil {
		t.Skipf("no namespaces, or no TUN devices, here: %v", err)
	}
	t.Cleanup(func() {
		if err := line.Close(); err != nil {
			t.Error(err)
		}
	})
	return line
}

// TestProcessesOutliveWhatThreadsDoInNamespaces starts a process that ends with the thread that started it, as servers of benchmarks
// do, and lets that thread and others work in a namespace.
func TestProcessesOutliveWhatThreadsDoInNamespaces(t *testing.T) {
	line := newLine(t, Config{Rate: 1_000_000_000, Delay: time.Millisecond, Queue: 20 * time.Millisecond, Congestion: "cubic"})
	cat := exec.CommandContext(t.Context(), "cat")
	cat.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cat.Stdout = &out
	if _, err := within(line.A, func() (any, error) { return nil, cat.Start() }); err != nil {
		t.Fatal(err)
	}
	for range 50 { // a thread that ends does so some time later
		l, err := Listen(t.Context(), line.B, AddrB+":9000")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	_, err = io.WriteString(in, "alive")
	if err = errors.Join(err, in.Close(), cat.Wait()); err != nil || out.String() != "alive" {
		t.Errorf("the process ended with its thread: %v", err)
	}
}
