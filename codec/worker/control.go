package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sluice/codec"
)

// Messages on the control socket go from parent to child: kind (1 byte), length (4 bytes), JSON. A job or probe carries one
// descriptor: the source file, or the socket through which the source is read. End of file means that the parent is done.
type controlKind byte

const (
	controlRequest controlKind = iota + 1
	controlCancel
)

const maxRequest = 64 << 20

// request asks the child for one run or probe.
type request struct {
	Run        bool            `json:"run,omitempty"` // else probe
	Job        codec.Job       `json:"job,omitzero"`
	Probe      codec.ProbeOpts `json:"probe,omitzero"`
	Size       int64           `json:"size"`
	Have       int64           `json:"have,omitempty"`
	Sequential bool            `json:"sequential,omitempty"`
	Proxy      bool            `json:"proxy,omitempty"` // the descriptor is a proxy socket, not a file
	Faults     bool            `json:"faults,omitempty"`
}

// readable is how far the source may be read: to its size, or without end while it still grows.
func readable(r request) int64 {
	if r.Sequential {
		return math.MaxInt64
	}
	return r.Size
}

// sendControl writes one message; fd < 0 sends no descriptor. It gives up after a while: a child that reads nothing is dead.
func sendControl(c *net.UnixConn, k controlKind, payload []byte, fd int, timeout time.Duration) error {
	if err := c.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	head := make([]byte, 5)
	head[0] = byte(k)
	binary.LittleEndian.PutUint32(head[1:], uint32(len(payload)))
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	if _, _, err := c.WriteMsgUnix(head, rights, nil); err != nil {
		return err
	}
	_, err := c.Write(payload)
	return err
}

// readControl reads one message and the descriptor that came with it, if any. The caller owns the file.
func readControl(c *net.UnixConn) (controlKind, []byte, *os.File, error) {
	head := make([]byte, 5)
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := c.ReadMsgUnix(head, oob)
	if err != nil {
		return 0, nil, nil, err
	}
	if n == 0 {
		return 0, nil, nil, io.EOF
	}
	f, err := received(oob[:oobn])
	if err != nil {
		return 0, nil, nil, err
	}
	size := uint32(0)
	if _, err = io.ReadFull(c, head[n:]); err == nil {
		if size = binary.LittleEndian.Uint32(head[1:]); size > maxRequest {
			err = fmt.Errorf("control message of %d bytes", size)
		}
	}
	payload := []byte(nil)
	if err == nil {
		payload = make([]byte, size)
		_, err = io.ReadFull(c, payload)
	}
	if err != nil && f != nil {
		f.Close()
		f = nil
	}
	return controlKind(head[0]), payload, f, err
}

// received turns ancillary data into the file that was passed.
func received(oob []byte) (*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("control message with odd ancillary data: %w", err)
	}
	if len(msgs) != 1 {
		return nil, fmt.Errorf("control message with %d pieces of ancillary data", len(msgs))
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		return nil, fmt.Errorf("control message with odd descriptors: %w", err)
	}
	if len(fds) != 1 {
		return nil, fmt.Errorf("control message with %d descriptors", len(fds))
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "source"), nil
}

// socketPair makes a connected pair: the parent's end, and the child's as a file to inherit or to send.
func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "parent"), os.NewFile(uintptr(fds[1]), "child")
	conn, err := unixConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// unixConn makes a connection of f, which it closes.
func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("not a Unix socket")
	}
	return u, nil
}

func encodeRequest(r request) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if len(b) > maxRequest {
		return nil, fmt.Errorf("request of %d bytes exceeds %d", len(b), maxRequest)
	}
	return b, nil
}
