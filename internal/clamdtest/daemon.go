package clamdtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// EICAR is the test file of antivirus products (put together here, so that this file is none), Virus what it is reported as.
const (
	EICAR = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`
	Virus = "Eicar-Test-Signature"
)

// Daemon is how the daemon behaves.
type Daemon struct {
	// StreamMaxLength is the most bytes that it takes of a stream; 0 for all.
	StreamMaxLength int64
	// Silent makes it say nothing at the end of a stream.
	Silent bool
}

// Start lets the daemon listen until the test ends, and returns its socket.
func (d Daemon) Start(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "clamd") // names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "clamd")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		os.RemoveAll(dir)
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go d.answer(conn)
		}
	}()
	return path
}

// answer takes one command: zINSTREAM, then chunks of a length in network order and as many bytes, of which an empty one is the
// last.
func (d Daemon) answer(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	if cmd, err := r.ReadString(0); err != nil || cmd != "zINSTREAM\x00" {
		_, _ = io.WriteString(conn, "UNKNOWN COMMAND\x00")
		return
	}
	var got bytes.Buffer
	for {
		var n uint32
		if err := binary.Read(r, binary.BigEndian, &n); err != nil {
			return
		}
		if n == 0 {
			break
		}
		if d.StreamMaxLength > 0 && int64(got.Len())+int64(n) > d.StreamMaxLength {
			_, _ = io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
			_, _ = io.Copy(io.Discard, r) // so that the answer is not lost with a reset
			return
		}
		if _, err := io.CopyN(&got, r, int64(n)); err != nil {
			return
		}
	}
	switch {
	case d.Silent:
		_, _ = io.Copy(io.Discard, r)
	case bytes.Contains(got.Bytes(), []byte(EICAR)):
		_, _ = io.WriteString(conn, "stream: "+Virus+" FOUND\x00")
	case bytes.HasPrefix(got.Bytes(), []byte("deep")): // AlertExceedsMax
		_, _ = io.WriteString(conn, "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\x00")
	case bytes.HasPrefix(got.Bytes(), []byte("break")):
		_, _ = io.WriteString(conn, "stream: Can't allocate memory ERROR\x00")
	default:
		_, _ = io.WriteString(conn, "stream: OK\x00")
	}
}
