package scan

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Errors of the daemon.
var (
	// ErrUnreachable says that there is no daemon to ask.
	ErrUnreachable = errors.New("clamd cannot be reached")
	// ErrLimit says that the daemon takes no more of a stream: its StreamMaxLength is less.
	ErrLimit = errors.New("clamd looks at no more of a file")
	// ErrDaemon is any other failure that the daemon reports.
	ErrDaemon = errors.New("clamd failed")
)

// Clamd is a daemon of ClamAV, asked by its stream protocol (clamd(8), INSTREAM).
type Clamd struct {
	// Network and Address are those of net.Dial: "unix" and a path, or "tcp" and host:port.
	Network, Address string
	// Timeout bounds how long the daemon may be silent, 0 for none.
	Timeout time.Duration
}

// clamdChunk is how much goes to the daemon at a time.
const clamdChunk = 256 << 10

// Scan sends what r gives and returns the name of what was found, "" for nothing, and how many bytes were sent. With ErrLimit the
// daemon has looked at about that many.
func (c Clamd) Scan(ctx context.Context, r io.Reader) (virus string, sent int64, err error) {
	dialer := net.Dialer{Timeout: c.Timeout}
	conn, err := dialer.DialContext(ctx, c.Network, c.Address)
	if err != nil {
		return "", 0, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.Address, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	answers := bufio.NewReader(conn)
	sent, err = c.send(conn, r)
	var read *readError
	if errors.As(err, &read) {
		return "", sent, read.err
	}
	// A daemon that has seen enough answers and hangs up: what it says counts more than that it does.
	c.extend(conn)
	answer, readErr := answers.ReadString(0)
	answer = strings.TrimSpace(strings.TrimRight(answer, "\x00"))
	switch {
	case ctx.Err() != nil:
		return "", sent, ctx.Err()
	case answer != "":
		virus, err = verdict(answer)
		return virus, sent, err
	case err == nil:
		err = readErr
	}
	return "", sent, fmt.Errorf("%w: it hung up: %w", ErrUnreachable, err)
}

// readError is a failure of what is scanned, not of the daemon.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

func (c Clamd) send(conn net.Conn, r io.Reader) (int64, error) {
	c.extend(conn)
	if _, err := conn.Write([]byte("zINSTREAM\x00")); err != nil {
		return 0, err
	}
	buf := make([]byte, 4+clamdChunk)
	var sent int64
	for {
		n, err := io.ReadFull(r, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			c.extend(conn)
			if _, err := conn.Write(buf[:4+n]); err != nil {
				return sent, err
			}
			sent += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return sent, &readError{err}
		}
	}
	_, err := conn.Write(make([]byte, 4)) // a chunk of nothing ends the stream
	return sent, err
}

// extend gives the daemon its time anew.
func (c Clamd) extend(conn net.Conn) {
	if c.Timeout > 0 {
		_ = conn.SetDeadline(time.Now().Add(c.Timeout)) // fails only on a closed connection, as what follows does
	}
}

// limitAlert begins what a daemon with AlertExceedsMax reports of content that it did not look at to the end.
const limitAlert = "Heuristics.Limits.Exceeded"

// verdict reads an answer: "stream: OK", "stream: NAME FOUND", or an error.
func verdict(answer string) (string, error) {
	text := strings.TrimPrefix(answer, "stream: ")
	if name, found := strings.CutSuffix(text, " FOUND"); found {
		if strings.HasPrefix(name, limitAlert) {
			return "", ErrLimit
		}
		return name, nil
	}
	if text == "OK" {
		return "", nil
	}
	if strings.Contains(text, "size limit exceeded") {
		return "", ErrLimit
	}
	return "", fmt.Errorf("%w: %s", ErrDaemon, text)
}

// ParseAddress reads where a daemon listens: "unix:/path", an absolute path, "tcp:host:port" or "host:port".
func ParseAddress(text string) (network, address string, err error) {
	switch {
	case strings.HasPrefix(text, "unix:/"):
		return "unix", strings.TrimPrefix(text, "unix:"), nil
	case strings.HasPrefix(text, "/"):
		return "unix", text, nil
	case strings.HasPrefix(text, "unix:"):
		return "", "", fmt.Errorf("%q names no absolute path", text)
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "tcp:"), "//")
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || port == "" {
		return "", "", fmt.Errorf("%q is neither unix:/path nor host:port", text)
	}
	return "tcp", text, nil
}
