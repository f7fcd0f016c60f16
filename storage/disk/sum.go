package disk

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice/storage"
)

const sumAttr = "user.sluice.sha256"

// keepSum writes the checksum of the open file beside it, bound to its present size and modification time. A file
// system that has no extended attributes leaves it unknown.
func keepSum(f *os.File, sum string) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	_ = unix.Fsetxattr(int(f.Fd()), sumAttr, []byte(sumValue(sum, st.Size(), st.ModTime())), 0)
	return nil
}

func sumValue(sum string, size int64, mod time.Time) string {
	return fmt.Sprintf("%s %d %d", sum, size, mod.UnixNano())
}

// parseSum returns the checksum that value holds for a file of that size and time, or "".
func parseSum(value string, size int64, mod time.Time) string {
	sum, _, _ := strings.Cut(value, " ")
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 || value != sumValue(sum, size, mod) {
		return ""
	}
	return sum
}

// describe returns what is known of the open object.
func describe(key string, f *os.File) (storage.Object, error) {
	st, err := f.Stat()
	if err != nil {
		return storage.Object{}, err
	}
	obj := object(key, st)
	var buf [160]byte
	if n, err := unix.Fgetxattr(int(f.Fd()), sumAttr, buf[:]); err == nil {
		obj.SHA256 = parseSum(string(buf[:n]), st.Size(), st.ModTime())
	}
	return obj, nil
}

func object(key string, st os.FileInfo) storage.Object {
	return storage.Object{Key: key, Size: st.Size(), ETag: etag(st), ModTime: st.ModTime()}
}

func etag(st os.FileInfo) string {
	b := make([]byte, 0, 48)
	b = strconv.AppendInt(b, st.Size(), 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, st.ModTime().UnixNano(), 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, inode(st), 36)
	return string(b)
}

func inode(st os.FileInfo) uint64 {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return sys.Ino
	}
	return 0
}
