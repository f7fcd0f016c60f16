//go:build cgo

package av

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice/codec"
)

// still makes a small picture file and lets patch enlarge the size in its header.
func still(t *testing.T, name string, patch func(b []byte)) []byte {
	t.Helper()
	args := []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:duration=0.04", "-frames:v", "1"}
	if strings.HasSuffix(name, ".webp") {
		args = append(args, "-c:v", "libwebp")
	}
	b := bytes.Clone(read(t, ffmpeg(t, name, args...)))
	patch(b)
	return b
}

func TestPictureBombsAreRefusedBeforeTheyAreDecoded(t *testing.T) {
	be, le := binary.BigEndian, binary.LittleEndian
	jpeg := func(b []byte) {
		i := bytes.Index(b, []byte{0xff, 0xc0})
		be.PutUint16(b[i+5:], 65_000)
		be.PutUint16(b[i+7:], 65_000)
	}
	for name, patch := range map[string]func([]byte){
		"bomb.png":  func(b []byte) { be.PutUint32(b[16:], 20_000); be.PutUint32(b[20:], 20_000) },
		"bomb.jpg":  jpeg,
		"bomb.gif":  func(b []byte) { le.PutUint16(b[6:], 65_535); le.PutUint16(b[8:], 65_535) },
		"bomb.bmp":  func(b []byte) { le.PutUint32(b[18:], 30_000); le.PutUint32(b[22:], 0xffffffff-30_000) },
		"bomb.webp": func(b []byte) { le.PutUint16(b[26:], 16_383); le.PutUint16(b[28:], 16_383) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, deep := range []bool{false, true} {
				before := peakRSS(t)
				_, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: write(t, name, still(t, name, patch))},
					codec.ProbeOpts{Packets: deep, Idet: deep})
				if got := codec.CodeOf(err); got != codec.TooLarge {
					t.Errorf("with packets %v: got %q (%v), want %q", deep, got, err, codec.TooLarge)
				}
				if grown := peakRSS(t) - before; grown > 200<<20 {
					t.Errorf("refusing it took %d MiB", grown>>20)
				}
			}
			if _, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: write(t, name, still(t, name, func([]byte) {}))}, codec.ProbeOpts{Packets: true}); err != nil {
				t.Errorf("the same picture with its true size: %v", err)
			}
		})
	}
}

// peakRSS is the most memory this process has held so far, bytes.
func peakRSS(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc on " + runtime.GOOS)
	}
	var kb int64
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kb << 10
}
