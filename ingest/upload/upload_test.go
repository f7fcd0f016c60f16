package upload_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/upload"
	"sluice/storage"
)

// TestChunksMakeTheFile goes through every combination of the protocol's flags.
func TestChunksMakeTheFile(t *testing.T) {
	data := bytesOf(1000, 1)
	other := bytesOf(300, 2)
	type step struct {
		upload.Chunk
		err    error
		status catalog.UploadStatus
		bytes  int64
	}
	for name, c := range map[string]struct {
		token catalog.UploadToken
		steps []step
		want  []byte
	}{
		"whole file": {
			steps: []step{{chunk(data, false, true, -1), nil, catalog.UploadFull, 1000}}, want: data,
		},
		"empty first chunk, then a whole final one at 0": {
			steps: []step{
				{chunk(nil, false, false, 0), nil, catalog.UploadPartial, 0},
				{chunk(data, true, true, 0), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"appended": {
			steps: []step{
				{chunk(data[:400], false, false, -1), nil, catalog.UploadPartial, 400},
				{chunk(data[400:500], true, false, -1), nil, catalog.UploadPartial, 500},
				{chunk(data[500:], true, true, -1), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"out of order, overlapping and repeated": {
			steps: []step{
				{chunk(nil, false, false, 0), nil, catalog.UploadPartial, 0},
				{chunk(data[700:900], true, false, 700), nil, catalog.UploadPartial, 0},
				{chunk(data[700:900], true, false, 700), nil, catalog.UploadPartial, 0},
				{chunk(data[300:750], true, false, 300), nil, catalog.UploadPartial, 0},
				{chunk(data[:350], true, false, 0), nil, catalog.UploadPartial, 900},
				{chunk(nil, true, false, 500), nil, catalog.UploadPartial, 900},
				{chunk(data[900:], true, true, 900), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"final chunk before the last one": {
			steps: []step{
				{chunk(data[:300], false, false, 0), nil, catalog.UploadPartial, 300},
				{chunk(data[600:], true, true, 600), upload.ErrMissing, catalog.UploadPartial, 300},
				{chunk(data[300:600], true, false, 300), nil, catalog.UploadPartial, 1000},
				{chunk(nil, true, true, 1000), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"more than the end says": {
			steps: []step{
				{chunk(data, false, false, 0), nil, catalog.UploadPartial, 1000},
				{chunk(data[100:200], true, true, 100), upload.ErrMissing, catalog.UploadPartial, 1000},
				{chunk(nil, true, true, 1000), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"begun anew": {
			steps: []step{
				{chunk(data, false, false, 0), nil, catalog.UploadPartial, 1000},
				{chunk(other[:100], false, false, 0), nil, catalog.UploadPartial, 100},
				{chunk(other[100:], true, true, 100), nil, catalog.UploadFull, 300},
			}, want: other,
		},
		"resumed before anything came": {
			steps: []step{
				{chunk(data, true, false, 0), upload.ErrNoStart, catalog.UploadPending, 0},
				{chunk(data, false, true, 0), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"data for a complete file": {
			steps: []step{
				{chunk(data, false, true, 0), nil, catalog.UploadFull, 1000},
				{chunk(other, false, true, 0), upload.ErrState, catalog.UploadFull, 1000},
				{chunk(other, true, false, 0), upload.ErrState, catalog.UploadFull, 1000},
			}, want: data,
		},
		"completed by its size": {
			token: catalog.UploadToken{AutoFinalize: true, FileSize: 1000},
			steps: []step{
				{chunk(nil, false, false, 0), nil, catalog.UploadPartial, 0},
				{chunk(data[500:], true, true, 500), nil, catalog.UploadPartial, 0},
				{chunk(data[:500], true, false, 0), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
		"a web page": {
			steps: []step{
				{chunk([]byte("<!DOCTYPE html><html>…"), false, true, 0), upload.ErrForbidden, catalog.UploadPartial, 0},
				{chunk(data, false, true, 0), nil, catalog.UploadFull, 1000},
			}, want: data,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			tok := add(t, e, c.token)
			for i, s := range c.steps {
				_, err := e.Upload(t.Context(), account, tok.ID, s.Chunk)
				if !errors.Is(err, s.err) {
					t.Fatalf("step %d: %v, want %v", i, err, s.err)
				}
				if tok, err = e.Catalog.UploadToken(t.Context(), account, tok.ID); err != nil {
					t.Fatal(err)
				}
				wantStatus(t, tok, s.status, s.bytes)
			}
			wantFile(t, e, tok, c.want)
			if tok.FileName != "film.mp4" {
				t.Errorf("file name %q", tok.FileName)
			}
		})
	}
}

func TestTokensAreRefused(t *testing.T) {
	e := newEngine(t)
	e.MaxSize, e.MaxOpen = 1000, 2
	for name, c := range map[string]struct {
		token catalog.UploadToken
		want  error
	}{
		"completed by a size it does not have": {catalog.UploadToken{AutoFinalize: true}, upload.ErrNoSize},
		"too large":                            {catalog.UploadToken{FileSize: 1001}, upload.ErrTooLarge},
		"bad name":                             {catalog.UploadToken{FileName: "../x"}, ingest.ErrName},
	} {
		c.token.Account = account
		if _, err := e.Add(t.Context(), c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	tok := add(t, e, catalog.UploadToken{FileSize: 1000})
	for name, c := range map[string]upload.Chunk{
		"chunk":  chunk(bytesOf(1001, 1), false, false, 0),
		"offset": chunk(bytesOf(2, 1), true, false, 999),
		"far":    chunk(bytesOf(2, 1), true, false, 1<<62),
	} {
		if c.Resume {
			send(t, e, tok.ID, chunk(nil, false, false, 0))
		}
		if _, err := e.Upload(t.Context(), account, tok.ID, c); !errors.Is(err, upload.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	add(t, e, catalog.UploadToken{})
	if _, err := e.Add(t.Context(), catalog.UploadToken{Account: account}); !errors.Is(err, catalog.ErrQuota) {
		t.Errorf("a third open token: %v", err)
	}
	for _, id := range []catalog.UploadTokenID{"", "../../etc", catalog.NewUploadTokenID()} {
		if _, err := e.Upload(t.Context(), account, id, chunk(nil, false, true, 0)); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("token %q: %v", id, err)
		}
	}
	if _, err := e.Upload(t.Context(), account+1, tok.ID, chunk(nil, false, true, 0)); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("another account's token: %v", err)
	}
}

func TestScatteredChunksAreBounded(t *testing.T) {
	e := newEngine(t)
	tok := add(t, e, catalog.UploadToken{})
	send(t, e, tok.ID, chunk(nil, false, false, 0))
	var x catalog.Extents
	for i := range int64(1000) {
		x = x.Add(2+3*i, 4+3*i)
	}
	_, err := e.Catalog.UpdateUploadToken(t.Context(), account, tok.ID, func(u *catalog.UploadToken) error {
		u.Extents = x
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Upload(t.Context(), account, tok.ID, chunk([]byte("x"), true, false, 5000)); !errors.Is(err, upload.ErrScattered) {
		t.Errorf("one more: %v", err)
	}
	send(t, e, tok.ID, chunk([]byte("xx"), true, false, 0)) // joins the first
}

// TestParallelChunksOfAnyOrder sends a thousand chunks at random, one in twenty twice, from sixteen senders through two engines, and
// the final one among them.
func TestParallelChunksOfAnyOrder(t *testing.T) {
	dir := t.TempDir()
	engines := []*upload.Engine{openEngine(t, dir), openEngine(t, dir)}
	const size, chunks, senders = 1 << 20, 1000, 16
	for _, e := range engines {
		e.Wait = time.Minute
	}
	data := bytesOf(size, 3)
	tok := add(t, engines[0], catalog.UploadToken{})
	send(t, engines[0], tok.ID, chunk(nil, false, false, 0))
	var order []int
	for i := range chunks {
		order = append(order, i)
		if i%20 == 0 {
			order = append(order, i)
		}
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	work := make(chan int)
	var all sync.WaitGroup
	var full atomic.Int64
	for s := range senders {
		e := engines[s%2]
		all.Go(func() {
			for i := range work {
				from, to := i*size/chunks, (i+1)*size/chunks
				tok, err := e.Upload(t.Context(), account, tok.ID, chunk(data[from:to], true, i == chunks-1, int64(from)))
				if errors.Is(err, upload.ErrState) {
					continue // a repeated chunk came after the end
				}
				if err != nil {
					t.Error(err)
				}
				if tok.Status == catalog.UploadFull {
					full.Add(1)
				}
			}
		})
	}
	for _, i := range order {
		work <- i
	}
	close(work)
	all.Wait()
	tok, err := engines[0].Catalog.UploadToken(t.Context(), account, tok.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, tok, catalog.UploadFull, size)
	wantFile(t, engines[0], tok, data)
	if full.Load() != 1 {
		t.Errorf("%d chunks completed the upload", full.Load())
	}
}

// TestAFinalChunkWaitsForThoseOnTheWay lets the final chunk meet one that is being received.
func TestAFinalChunkWaitsForThoseOnTheWay(t *testing.T) {
	e := newEngine(t)
	e.Wait = time.Minute
	data := bytesOf(3000, 4)
	tok := add(t, e, catalog.UploadToken{})
	send(t, e, tok.ID, chunk(data[:1000], false, false, 0))
	r, w := io.Pipe()
	slow := upload.Chunk{Resume: true, At: 1000, Size: 1000, Open: func() (io.ReadCloser, error) { return r, nil }}
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := e.Upload(t.Context(), account, tok.ID, slow); err != nil {
			t.Error(err)
		}
	})
	if _, err := w.Write(data[1000:1500]); err != nil {
		t.Fatal(err)
	}
	all.Go(func() {
		got, err := e.Upload(t.Context(), account, tok.ID, chunk(data[2000:], true, true, 2000))
		if err != nil || got.Status != catalog.UploadFull {
			t.Errorf("final chunk: %v, %v", got.Status, err)
		}
	})
	if _, err := w.Write(data[1500:2000]); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	tok, _ = e.Catalog.UploadToken(t.Context(), account, tok.ID)
	wantFile(t, e, tok, data)
}

func TestABrokenChunkKeepsWhatWasRecorded(t *testing.T) {
	e := newEngine(t)
	data := bytesOf(2000, 5)
	tok := add(t, e, catalog.UploadToken{})
	send(t, e, tok.ID, chunk(data[:500], false, false, 0))
	torn := chunk(data[500:], true, false, 500)
	torn.Size = 5000 // its sender announced more
	if _, err := e.Upload(t.Context(), account, tok.ID, torn); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a torn chunk: %v", err)
	}
	tok, err := e.Catalog.UploadToken(t.Context(), account, tok.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, tok, catalog.UploadPartial, 2000)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Upload(ctx, account, tok.ID, chunk(data, true, true, 2000)); err == nil {
		t.Error("a cancelled request went through")
	}
}

// TestAttachedUploadsAreHandedOver completes an upload that was attached before, and gives another up.
func TestAttachedUploadsAreHandedOver(t *testing.T) {
	e := newEngine(t)
	var arrived, lost []string
	fail := errors.New("not now")
	refuse := true
	e.Arrived = func(_ context.Context, _ *catalog.Tx, tok catalog.UploadToken, path string) error {
		if refuse {
			return fail
		}
		b, err := os.ReadFile(path)
		arrived = append(arrived, fmt.Sprintf("%s %s %s %s %d", tok.AttachedType, tok.AttachedID, tok.Arrival, b, tok.Status))
		return err
	}
	e.Lost = func(_ context.Context, _ *catalog.Tx, tok catalog.UploadToken) error {
		lost = append(lost, tok.AttachedID)
		return nil
	}
	attach := func(id catalog.UploadTokenID, object string) error {
		return e.Catalog.InTx(t.Context(), func(tx *catalog.Tx) error {
			return upload.Attach(t.Context(), tx, account, id, "entry", object, []byte(`{"a":1}`))
		})
	}
	a, b := add(t, e, catalog.UploadToken{}), add(t, e, catalog.UploadToken{})
	for id, object := range map[catalog.UploadTokenID]string{a.ID: "0_aaaaaaaa", b.ID: "0_bbbbbbbb"} {
		if err := attach(id, object); err != nil {
			t.Fatal(err)
		}
		if err := attach(id, "0_cccccccc"); !errors.Is(err, upload.ErrState) {
			t.Errorf("attached twice: %v", err)
		}
	}
	if _, err := e.Upload(t.Context(), account, a.ID, chunk([]byte("film"), false, true, 0)); !errors.Is(err, fail) {
		t.Errorf("%v, want %v", err, fail)
	}
	refuse = false
	tok := send(t, e, a.ID, chunk([]byte("film"), true, true, 0))
	wantStatus(t, tok, catalog.UploadClosed, 4)
	if len(arrived) != 1 || arrived[0] != `entry 0_aaaaaaaa {"a":1} film 3` {
		t.Errorf("arrived: %q", arrived)
	}
	send(t, e, b.ID, chunk([]byte("part"), false, false, 0))
	if err := e.Delete(t.Context(), account, b.ID); err != nil {
		t.Fatal(err)
	}
	if err := e.Delete(t.Context(), account, b.ID); err != nil {
		t.Fatal(err)
	}
	if len(lost) != 1 || lost[0] != "0_bbbbbbbb" {
		t.Errorf("lost: %q", lost)
	}
	b, _ = e.Catalog.UploadToken(t.Context(), account, b.ID)
	if _, err := os.Stat(e.Path(b)); !errors.Is(err, os.ErrNotExist) || b.Status != catalog.UploadDeleted {
		t.Errorf("the deleted upload: status %d, %v", b.Status, err)
	}
	// The file that was handed over is not this package's any more.
	if err := e.Delete(t.Context(), account, a.ID); err != nil {
		t.Fatal(err)
	}
	wantFile(t, e, tok, []byte("film"))
	made, _, _, err := e.Catalog.CreateEntry(t.Context(), catalog.NewEntry{Account: account, Name: "film"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, keeps := range []bool{true, false} {
		object := string(made.ID)
		if !keeps {
			object = "0_nosuchen"
		}
		_, err := e.Catalog.UpdateUploadToken(t.Context(), account, a.ID, func(u *catalog.UploadToken) error {
			u.AttachedID = object
			return nil
		})
		if err == nil {
			err = e.Sweep(t.Context())
		}
		if _, statErr := os.Stat(e.Path(tok)); err != nil || (statErr == nil) != keeps {
			t.Errorf("after a sweep: %v, %v; want it to be there: %v", err, statErr, keeps)
		}
	}
}

func TestUseTakesACompleteFileOnce(t *testing.T) {
	e := newEngine(t)
	tok := add(t, e, catalog.UploadToken{})
	use := func() error {
		return e.Catalog.InTx(t.Context(), func(tx *catalog.Tx) error {
			return upload.Use(t.Context(), tx, account, tok.ID, "entry", "0_aaaaaaaa")
		})
	}
	if err := use(); !errors.Is(err, upload.ErrState) {
		t.Errorf("an empty token: %v", err)
	}
	send(t, e, tok.ID, chunk([]byte("film"), false, true, 0))
	if err := use(); err != nil {
		t.Fatal(err)
	}
	if err := use(); !errors.Is(err, upload.ErrState) {
		t.Errorf("the second use: %v", err)
	}
}

func TestRestingUploadsAreGivenUp(t *testing.T) {
	e := newEngine(t)
	resting, full, used := add(t, e, catalog.UploadToken{}), add(t, e, catalog.UploadToken{}), add(t, e, catalog.UploadToken{})
	send(t, e, resting.ID, chunk([]byte("part"), false, false, 0))
	send(t, e, full.ID, chunk([]byte("film"), false, true, 0))
	send(t, e, used.ID, chunk([]byte("film"), false, true, 0))
	err := e.Catalog.InTx(t.Context(), func(tx *catalog.Tx) error {
		return upload.Use(t.Context(), tx, account, used.ID, "entry", "0_nosuchen")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	statuses := func() (out []catalog.UploadStatus) {
		for _, tok := range []catalog.UploadToken{resting, full, used} {
			tok, err := e.Catalog.UploadToken(t.Context(), account, tok.ID)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, tok.Status)
		}
		return out
	}
	if got := fmt.Sprint(statuses()); got != "[1 2 3]" {
		t.Errorf("statuses of fresh uploads: %s", got)
	}
	e.Lifetime = time.Nanosecond
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(statuses()); got != "[4 4 3]" {
		t.Errorf("statuses: %s", got)
	}
	left, err := os.ReadDir(e.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("folders left: %v, %v", left, err)
	}
	if _, err := e.Upload(t.Context(), account, resting.ID, chunk([]byte("more"), true, true, 4)); !errors.Is(err, upload.ErrState) {
		t.Errorf("a chunk for an upload that was given up: %v", err)
	}
}

// TestKilledProcessesLoseNothingThatWasRecorded kills the receiving process again and again, and lets the next one go on.
func TestKilledProcessesLoseNothingThatWasRecorded(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	tok := add(t, e, catalog.UploadToken{})
	kills := 0
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, "SLUICE_TEST_UPLOAD_TOKEN="+string(tok.ID))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		last := int64(0)
		for n := 1 + rand.IntN(25); n > 0 && lines.Scan(); n-- {
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
		}
		_ = cmd.Process.Signal(syscall.SIGKILL)
		for lines.Scan() {
			_, _ = fmt.Sscan(lines.Text(), &last)
		}
		err = cmd.Wait()
		tok, lookErr := e.Catalog.UploadToken(t.Context(), account, tok.ID)
		if lookErr != nil {
			t.Fatal(lookErr)
		}
		if got := tok.Extents.Contiguous(); got < last {
			t.Fatalf("%d bytes are recorded, the child was told %d", got, last)
		}
		if err == nil && tok.Extents.Contiguous() == childBytes {
			break
		}
		if kills++; kills > 200 {
			t.Fatal("the upload does not come to its end")
		}
	}
	t.Logf("%d kills", kills)
	done := send(t, e, tok.ID, chunk(nil, true, true, childBytes))
	wantStatus(t, done, catalog.UploadFull, childBytes)
	wantFile(t, e, done, bytesOf(childBytes, 1))
}

func TestChunksAreRefusedWithoutRoom(t *testing.T) {
	e := newEngine(t)
	e.Admit = func(grows int64) error { return fmt.Errorf("no room for %d: %w", grows, storage.ErrFull) }
	tok := add(t, e, catalog.UploadToken{})
	if _, err := e.Upload(t.Context(), account, tok.ID, chunk([]byte("film"), false, true, 0)); !errors.Is(err, storage.ErrFull) {
		t.Errorf("%v", err)
	}
	e.Admit = nil
	wantStatus(t, send(t, e, tok.ID, chunk([]byte("film"), true, true, 0)), catalog.UploadFull, 4)
}

func TestChunksAreRefusedBeyondTheAccountsQuota(t *testing.T) {
	e := newEngine(t)
	held := 0
	e.Keep = func(_ context.Context, id catalog.AccountID, bytes int64) (func(), error) {
		if bytes > 10 {
			return nil, fmt.Errorf("account %d, %d bytes: %w", id, bytes, catalog.ErrQuota)
		}
		held++
		return func() { held-- }, nil
	}
	tok := add(t, e, catalog.UploadToken{})
	send(t, e, tok.ID, chunk([]byte("123456"), false, false, 0))
	if _, err := e.Upload(t.Context(), account, tok.ID, chunk([]byte("78901"), true, true, 6)); !errors.Is(err, catalog.ErrQuota) {
		t.Errorf("11 bytes: %v", err)
	}
	wantStatus(t, send(t, e, tok.ID, chunk([]byte("7890"), true, true, 6)), catalog.UploadFull, 10)
	large := add(t, e, catalog.UploadToken{FileSize: 11})
	if _, err := e.Upload(t.Context(), account, large.ID, chunk([]byte("1"), false, false, 0)); !errors.Is(err, catalog.ErrQuota) {
		t.Errorf("the first byte of 11: %v", err)
	}
	if held != 0 {
		t.Errorf("%d holds are left", held)
	}
}

// BenchmarkUpload takes chunks in that come one after the other.
func BenchmarkUpload(b *testing.B) {
	e := newEngine(b)
	data := bytesOf(8<<20, 9)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		tok := add(b, e, catalog.UploadToken{})
		send(b, e, tok.ID, chunk(data[:4<<20], false, false, 0))
		send(b, e, tok.ID, chunk(data[4<<20:], true, true, 4<<20))
		if err := e.Delete(b.Context(), account, tok.ID); err != nil {
			b.Fatal(err)
		}
	}
}
