package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxSCPLine bounds a line of the protocol: a name and three numbers.
	maxSCPLine = 1 << 10
	// maxSCPDepth bounds folders in folders.
	maxSCPDepth = 32
	scpBuffer   = 256 << 10
)

// scp speaks the protocol that scp had before SFTP (rcp's, as OpenSSH's "scp -O" has it): lines that tell of files, their bytes, and
// one byte of answer for each.
type scp struct {
	s *session
	r *bufio.Reader
	w io.Writer

	recursive, times, directory bool
}

// errSCP ends a connection whose other side speaks something else.
var errSCP = errors.New("this is not scp's protocol")

// serveSCP runs "scp -t" (it takes files) or "scp -f" (it gives them) and returns its exit status.
func (c *sshConn) serveSCP(ch ssh.Channel, args []string) uint32 {
	x := &scp{s: c.s, r: bufio.NewReaderSize(ch, scpBuffer), w: ch}
	mode := byte(0)
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag := args[0]
		args = args[1:]
		if flag == "--" {
			break
		}
		for _, f := range []byte(flag[1:]) {
			switch f {
			case 't', 'f':
				mode = f
			case 'r':
				x.recursive = true
			case 'p':
				x.times = true
			case 'd':
				x.directory = true
			}
		}
	}
	var err error
	switch {
	case mode == 't' && len(args) == 1:
		err = x.take(args[0])
	case mode == 'f' && len(args) > 0:
		err = x.give(args)
	default:
		fmt.Fprintln(ch.Stderr(), "scp -t FILE and scp -f FILE… are all that there is here: use sftp for the rest")
		return 1
	}
	if err != nil {
		c.s.log.Debug("gateway: scp ended", "error", err)
		return 1
	}
	return 0
}

func (x *scp) ok() error {
	_, err := x.w.Write([]byte{0})
	return err
}

// complain tells the other side of what failed; it goes on with the next file.
func (x *scp) complain(err error) error {
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return '?'
		}
		return r
	}, answer(err).Error())
	_, werr := fmt.Fprintf(x.w, "\x01scp: %s\n", text)
	return werr
}

// line reads a line; io.EOF is a clean end.
func (x *scp) line() (string, error) {
	var b []byte
	for {
		c, err := x.r.ReadByte()
		if err != nil {
			if len(b) > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		if c == '\n' {
			return string(b), nil
		}
		if b = append(b, c); len(b) > maxSCPLine {
			return "", errSCP
		}
	}
}

// heard reads the other side's answer: what it could not do is an error, but no end of the connection.
func (x *scp) heard() (refused, err error) {
	c, err := x.r.ReadByte()
	if err != nil || c == 0 {
		return nil, err
	}
	text, err := x.line()
	if err == nil && c != 1 {
		err = errSCP
	}
	return errors.New(text), err
}

// take takes files, and folders, below a path.
func (x *scp) take(target string) error {
	dir := path.Clean("/" + target)
	info, err := x.s.stat(dir)
	isDir := err == nil && info.IsDir()
	if x.directory && !isDir {
		return x.complain(fmt.Errorf("%q: not a directory", target))
	}
	if err := x.ok(); err != nil {
		return err
	}
	place := func(name string) string {
		if isDir {
			return path.Join(dir, name)
		}
		return dir
	}
	var outer []string // the folders that the present one is in
	var mtime time.Time
	for {
		line, err := x.line()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || line == "" {
			return errors.Join(errSCP, err)
		}
		x.s.touch()
		switch line[0] {
		case 'T':
			var seconds int64
			if _, err := fmt.Sscanf(line, "T%d", &seconds); err != nil {
				return errSCP
			}
			mtime, err = time.Unix(seconds, 0), x.ok()
		case 'C':
			size, name, bad := header(line)
			if bad != nil {
				return bad
			}
			err = x.file(place(name), size, mtime)
			mtime = time.Time{}
		case 'D':
			_, name, bad := header(line)
			if bad != nil || !x.recursive || len(outer) == maxSCPDepth {
				return errSCP
			}
			to := place(name)
			if err := x.s.mkdir(to); err != nil {
				if info, statErr := x.s.stat(to); statErr != nil || !info.IsDir() {
					return x.complain(err)
				}
			}
			outer, dir, isDir, mtime = append(outer, dir), to, true, time.Time{}
			err = x.ok()
		case 'E':
			if len(outer) == 0 {
				return errSCP
			}
			dir, outer = outer[len(outer)-1], outer[:len(outer)-1]
			err = x.ok()
		case 1: // a file that the other side could not read
		default:
			return errSCP
		}
		if err != nil {
			return err
		}
	}
}

// header reads "C0644 5 name" and "D0755 0 name".
func header(line string) (size int64, name string, err error) {
	words := strings.SplitN(line[1:], " ", 3)
	if len(words) != 3 {
		return 0, "", errSCP
	}
	name = words[2]
	if size, err = strconv.ParseInt(words[1], 10, 64); err != nil || size < 0 {
		return 0, "", errSCP
	}
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return 0, "", fmt.Errorf("%w: %q is no name", errSCP, name)
	}
	return size, name, nil
}

// file takes one file. An error ends the connection.
func (x *scp) file(p string, size int64, mtime time.Time) error {
	if err := x.s.grab(); err != nil {
		return x.complain(err)
	}
	defer x.s.drop()
	w, err := x.s.openWrite(p, openMode{create: true, trunc: true})
	if err != nil {
		return x.complain(err)
	}
	defer w.Lost() // does nothing once it is closed
	if err := x.ok(); err != nil {
		return err
	}
	var failed error // what comes after it is read, and dropped
	buf := make([]byte, scpBuffer)
	for left := size; left > 0; {
		n, err := x.r.Read(buf[:min(left, scpBuffer)])
		if left -= int64(n); n > 0 && failed == nil {
			x.s.touch()
			_, failed = w.Write(buf[:n])
		}
		if err != nil {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
	}
	refused, err := x.heard()
	if err != nil {
		return err
	}
	if failed == nil && refused == nil && !mtime.IsZero() {
		failed = x.s.setTime(p, mtime)
	}
	if failed == nil && refused == nil {
		failed = w.Close()
	}
	if failed != nil {
		return x.complain(failed)
	}
	return x.ok()
}

// give gives files, and with -r folders.
func (x *scp) give(paths []string) error {
	if refused, err := x.heard(); err != nil || refused != nil {
		return errors.Join(refused, err)
	}
	for _, p := range paths {
		if err := x.giveOne(path.Clean("/"+p), 0); err != nil {
			return err
		}
	}
	return nil
}

func (x *scp) giveOne(p string, depth int) error {
	info, err := x.s.stat(p)
	switch {
	case err != nil:
		return x.complain(err)
	case info.IsDir() && (!x.recursive || depth > maxSCPDepth):
		return x.complain(fmt.Errorf("%q: not a regular file", p))
	case info.IsDir():
		return x.giveDir(p, info, depth)
	}
	if err := x.s.grab(); err != nil {
		return x.complain(err)
	}
	defer x.s.drop()
	f, err := x.s.openRead(p)
	if err != nil {
		return x.complain(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return x.complain(err)
	}
	if refused, err := x.tell(info, "C0640 %d %s\n", info.Size(), path.Base(p)); err != nil || refused != nil {
		return err
	}
	buf := make([]byte, scpBuffer)
	for left := info.Size(); left > 0; {
		n, err := f.Read(buf[:min(left, scpBuffer)])
		x.s.touch()
		x.s.sent(n)
		if slow := x.s.slow(n); slow != nil {
			return slow
		}
		if _, werr := x.w.Write(buf[:n]); werr != nil {
			return werr
		}
		if left -= int64(n); err != nil {
			return err // shorter than it was: the other side must not take it for whole
		}
	}
	if err := x.ok(); err != nil {
		return err
	}
	_, err = x.heard()
	return err
}

// tell sends a header, and before it the time when that is wanted.
func (x *scp) tell(info fs.FileInfo, format string, args ...any) (refused, err error) {
	if x.times {
		t := info.ModTime().Unix()
		if _, err := fmt.Fprintf(x.w, "T%d 0 %d 0\n", t, t); err != nil {
			return nil, err
		}
		if refused, err = x.heard(); err != nil || refused != nil {
			return refused, err
		}
	}
	if _, err := fmt.Fprintf(x.w, format, args...); err != nil {
		return nil, err
	}
	return x.heard()
}

func (x *scp) giveDir(p string, info fs.FileInfo, depth int) error {
	list, err := x.s.list(p)
	if err != nil {
		return x.complain(err)
	}
	defer list.Close()
	name := path.Base(p)
	if p == "/" {
		name = "home"
	}
	if refused, err := x.tell(info, "D0750 0 %s\n", name); err != nil || refused != nil {
		return err
	}
	for {
		batch, err := list.next(100)
		for _, i := range batch {
			if err := x.giveOne(path.Join(p, i.Name()), depth+1); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if _, err := io.WriteString(x.w, "E\n"); err != nil {
		return err
	}
	_, err = x.heard()
	return err
}
