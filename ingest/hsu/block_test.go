package hsu

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeadersAndAcksAreReadBack(t *testing.T) {
	h := HeaderOf(7, 3*BlockSize, []byte("bytes of a block"))
	b := make([]byte, HeaderSize)
	h.Put(b)
	got, err := ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Error(diff)
	}
	if !got.Intact([]byte("bytes of a block")) || got.Intact([]byte("bytes of a clock")) {
		t.Error("the sum does not tell the bytes apart")
	}
	for _, a := range []Ack{{File: 9, Offset: 5 * BlockSize, Length: 12}, {Code: Full, File: 1, Length: BlockSize}} {
		got, err := ParseAck(a.Append(nil))
		if err != nil || got != a {
			t.Errorf("ack %+v, %v, want %+v", got, err, a)
		}
	}
}

func TestForeignFramesAreRefused(t *testing.T) {
	good := func() []byte {
		b := make([]byte, HeaderSize)
		Header{File: 1, Offset: BlockSize, Length: 5}.Put(b)
		return b
	}
	for name, change := range map[string]func(b []byte){
		"kind":             func(b []byte) { b[0] = 'X' },
		"no bytes":         func(b []byte) { copy(b[16:], []byte{0, 0, 0, 0}) },
		"too many bytes":   func(b []byte) { copy(b[16:], []byte{1, 0, 16, 0}) },
		"between blocks":   func(b []byte) { b[8] = 1 },
		"before the start": func(b []byte) { b[15] = 0x80 },
		"beyond any file":  func(b []byte) { b[15] = 0x7f },
	} {
		b := good()
		change(b)
		if _, err := ParseHeader(b); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ack := Ack{}.Append(nil)
	ack[1] = 3
	if _, err := ParseAck(ack); !errors.Is(err, ErrFrame) {
		t.Errorf("an acknowledgement with a code: %v", err)
	}
}

// The roots are part of the protocol: they may not change.
func TestRootsStay(t *testing.T) {
	for _, tc := range []struct {
		data []byte
		root string
	}{
		{nil, "6e745de5e4bb10bfae8a8a2bc81696ff9fa3d146b1e43b4b521f7dded8d54e4f"},
		{bytes.Repeat([]byte("sluice"), 200_000), "ad5ed02e0033e906d94d375d51ad9465c1c1fb4ebbe1056d0c9fdb3a2344bf2c"},
	} {
		var leaves []Leaf
		for at := 0; at < len(tc.data); at += BlockSize {
			leaves = append(leaves, LeafOf(tc.data[at:min(at+BlockSize, len(tc.data))]))
		}
		if got := Root(int64(len(tc.data)), leaves); hex.EncodeToString(got[:]) != tc.root {
			t.Errorf("root of %d bytes is %x, want %s", len(tc.data), got, tc.root)
		}
		if int64(len(leaves)) != Blocks(int64(len(tc.data))) {
			t.Errorf("%d bytes have %d blocks, not %d", len(tc.data), len(leaves), Blocks(int64(len(tc.data))))
		}
	}
}

func TestMetadataIsStrict(t *testing.T) {
	m, err := ParseMetadata([]byte(`{"name":"n","tags":["a"]}`))
	if err != nil || m.Name != "n" || len(m.Tags) != 1 {
		t.Errorf("metadata %+v, %v", m, err)
	}
	for _, bad := range []string{``, `{"colour":"n"}`, `{} {}`, `[]`} {
		if _, err := ParseMetadata([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	b := make([]byte, HeaderSize)
	HeaderOf(1, BlockSize, []byte("x")).Put(b)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < HeaderSize {
			return
		}
		h, err := ParseHeader(b)
		if err == nil && !h.Ping && (h.Length < 1 || h.Length > BlockSize || h.Offset < 0 || h.Offset%BlockSize != 0 || h.Offset+int64(h.Length) < h.Offset) {
			t.Errorf("accepted %+v", h)
		}
	})
}
