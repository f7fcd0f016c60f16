package upload_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// summed is a chunk in the middle of a file with the checksum of told.
func summed(t testing.TB, data, told []byte, at int64) upload.Chunk {
	t.Helper()
	s := sha256.Sum256(told)
	sum, err := upload.ParseChecksum("sha256 " + base64.StdEncoding.EncodeToString(s[:]))
	if err != nil {
		t.Fatal(err)
	}
	c := chunk(data, true, false, at)
	c.Checksum = sum
	return c
}

func TestAChunkWithAChecksumNeverReplacesOtherBytes(t *testing.T) {
	data := bytesOf(300_000, 4)
	other := slices.Clone(data)
	for i := range other {
		other[i] ^= 1
	}
	with := func(at int) []byte {
		b := slices.Clone(data)
		b[at] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		bytes    []byte // of the file, of which the chunk has those of [from, to)
		from, to int
		told     []byte // what the checksum is of; nil for the bytes, empty for none
		err      error
		have     catalog.Extents
		want     []byte // at the chunk's place
	}{
		"the same bytes":                    {data, 100_000, 200_000, nil, nil, nil, data},
		"around what is here":               {data, 50_000, 280_000, nil, nil, catalog.Extents{{From: 50_000, To: 280_000}}, data},
		"another byte at the overlap's end": {with(109_999), 90_000, 110_000, nil, upload.ErrDiffers, nil, nil},
		"another byte in the second part":   {with(255_000), 190_000, 260_000, nil, upload.ErrDiffers, nil, nil},
		"another byte beside the overlap":   {with(99_999), 90_000, 110_000, nil, nil, catalog.Extents{{From: 90_000, To: 200_000}, {From: 250_000, To: 270_000}}, with(99_999)},
		"damaged on the way":                {other, 100_000, 200_000, data[100_000:200_000], upload.ErrChecksum, nil, nil},
		"without a checksum":                {other, 100_000, 200_000, []byte{}, nil, nil, other},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			tok := add(t, e, catalog.UploadToken{})
			send(t, e, tok.ID, chunk(nil, false, false, 0))
			send(t, e, tok.ID, summed(t, data[100_000:200_000], data[100_000:200_000], 100_000))
			before := send(t, e, tok.ID, chunk(data[250_000:270_000], true, false, 250_000))
			piece := c.bytes[c.from:c.to]
			k := chunk(piece, true, false, int64(c.from))
			if c.told == nil {
				c.told = piece
			}
			if len(c.told) > 0 {
				k = summed(t, piece, c.told, int64(c.from))
			}
			if _, err := e.Upload(t.Context(), account, tok.ID, k); !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			after, err := e.Catalog.UploadToken(t.Context(), account, tok.ID)
			if err != nil {
				t.Fatal(err)
			}
			if c.have == nil {
				c.have = before.Extents
			}
			if !slices.Equal(after.Extents, c.have) {
				t.Errorf("%v are here, want %v", after.Extents, c.have)
			}
			want := slices.Clone(data)
			if c.want != nil {
				copy(want[c.from:c.to], c.want[c.from:c.to])
			}
			got := fileOf(t, e, after)
			for _, x := range c.have {
				if !bytes.Equal(got[x.From:x.To], want[x.From:x.To]) {
					t.Errorf("bytes %d to %d are not what they should be", x.From, x.To)
				}
			}
		})
	}
}

// TestOfTwoThatDifferOneIsKeptWhole lets chunks of one place come at once, by two processes' engines.
func TestOfTwoThatDifferOneIsKeptWhole(t *testing.T) {
	dir := t.TempDir()
	engines := []*upload.Engine{openEngine(t, dir), openEngine(t, dir)}
	for round := range 10 {
		tok := add(t, engines[0], catalog.UploadToken{})
		send(t, engines[0], tok.ID, chunk(nil, false, false, 0))
		var all sync.WaitGroup
		var mu sync.Mutex
		kept := map[int]bool{}
		versions := [][]byte{bytesOf(600_000, 1), bytesOf(600_000, 2), bytesOf(600_000, 3)}
		for i, data := range versions {
			c := summed(t, data, data, 0)
			all.Go(func() {
				_, err := engines[i%2].Upload(t.Context(), account, tok.ID, c)
				if err != nil && !errors.Is(err, upload.ErrDiffers) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				kept[i] = err == nil
			})
		}
		all.Wait()
		tok, err := engines[0].Catalog.UploadToken(t.Context(), account, tok.ID)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i, ok := range kept {
			if ok {
				n++
				wantFile(t, engines[0], tok, versions[i])
			}
		}
		if n != 1 {
			t.Fatalf("round %d: %d of three were taken", round, n)
		}
	}
}

func fileOf(t testing.TB, e *upload.Engine, tok catalog.UploadToken) []byte {
	t.Helper()
	b, err := os.ReadFile(e.Path(tok))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
