package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"sluice/ingest/hsu"
)

// post sends runs of blocks as the bodies of requests, for ways on which connections are not upgraded, until quit or an error.
func (u *upload) post(ctx context.Context, quit <-chan struct{}) error {
	buf := make([]byte, 0, hsu.RunBlocks*(hsu.BlockSize+hsu.HeaderSize))
	for {
		select {
		case <-quit:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		s, session := u.current()
		var run []block
		var changed <-chan struct{}
		var wait time.Duration
		for buf = buf[:0]; len(run) < hsu.RunBlocks; {
			var b block
			if b, changed, wait = u.sched.take(session); b.it == nil {
				break
			}
			var ok bool
			if buf, ok = u.frame(buf, b); ok {
				run = append(run, b)
			}
		}
		if len(run) == 0 {
			if !u.sched.idle(ctx, changed, min(wait, time.Second)) {
				return ctx.Err()
			}
			continue
		}
		if err := u.postRun(ctx, s, buf, run); err != nil {
			u.sched.lost(run)
			return err
		}
	}
}

// postRun sends blocks and hands the answers on; with an error none of them is answered.
func (u *upload) postRun(ctx context.Context, s hsu.Opened, buf []byte, run []block) error {
	if err := u.pace.take(ctx, len(buf), &u.spent.pacing); err != nil {
		return err
	}
	start := time.Now()
	defer func() { u.spent.network.Add(int64(time.Since(start))) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.o.Server+hsu.Path+"/"+s.ID+"/blocks", bytes.NewReader(buf))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := u.api.http.Do(req)
	if err != nil {
		return trusted(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return failure(res)
	}
	answers := make([]byte, len(run)*hsu.AckSize)
	if _, err := io.ReadFull(res.Body, answers); err != nil {
		return fmt.Errorf("answers to %d blocks: %w", len(run), err)
	}
	byKey := map[key]block{}
	for _, b := range run {
		byKey[key{b.it.number, b.offset()}] = b
	}
	codes := map[key]hsu.Code{}
	for at := 0; at < len(answers); at += hsu.AckSize {
		a, err := hsu.ParseAck(answers[at:])
		if err != nil {
			return err
		}
		codes[key{a.File, a.Offset}] = a.Code
	}
	u.sched.wrote(len(buf))
	for k, b := range byKey {
		code, ok := codes[k]
		if !ok {
			code = hsu.Busy
		}
		u.sched.answered(b, code)
	}
	return nil
}
