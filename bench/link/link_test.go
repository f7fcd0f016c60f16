package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

// TestALineCarriesWhatIsSentWhateverItLoses sends bytes over a fast line with losses, and finds the same at the other end.
func TestALineCarriesWhatIsSentWhateverItLoses(t *testing.T) {
	line, err := New(t.Context(), Config{Rate: 1_000_000_000, Delay: time.Millisecond, Queue: 20 * time.Millisecond, Loss: 0.005, Congestion: "cubic"})
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
