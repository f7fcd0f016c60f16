package gateway

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"
)

// everyDesk calls fn for each local folder that can be opened.
func (g *Gateway) everyDesk(ctx context.Context, fn func(d *desk)) {
	folders, err := g.cfg.All(ctx)
	if err != nil {
		if ctx.Err() == nil {
			g.cfg.Log.Error("gateway: folders not listed", "error", err)
		}
		return
	}
	for _, f := range folders {
		if ctx.Err() != nil {
			return
		}
		d, err := g.desk(f)
		if err != nil {
			g.cfg.Log.Warn("gateway: folder not opened", "error", err)
			continue
		}
		fn(d)
	}
}

// recover ends what a process left that was killed between a file's last byte and its name.
func (g *Gateway) recover(ctx context.Context) {
	g.everyDesk(ctx, func(d *desk) {
		err := records(d.root, "gw-", func(name string, r record) error {
			d.recoverRecord(name, r)
			return ctx.Err()
		})
		if err != nil {
			g.cfg.Log.Warn("gateway: unfinished uploads not looked at", "folder", d.folder.ID, "error", err)
		}
	})
}

// sweep gives up, now and then, what rests too long.
func (g *Gateway) sweep(ctx context.Context) error {
	t := time.NewTicker(min(g.cfg.Lifetime/4, time.Hour))
	defer t.Stop()
	for {
		g.everyDesk(ctx, func(d *desk) {
			if err := d.sweep(ctx); err != nil && ctx.Err() == nil {
				g.cfg.Log.Warn("gateway: unfinished uploads not swept", "folder", d.folder.ID, "error", err)
			}
		})
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (d *desk) sweep(ctx context.Context) error {
	known := map[string]bool{}
	err := records(d.root, "gw-", func(name string, r record) error {
		known[strings.TrimPrefix(name, partsDir+"/")] = true
		if d.g.now().Sub(r.Changed) < d.g.cfg.Lifetime {
			return ctx.Err()
		}
		return errors.Join(ctx.Err(), d.expire(ctx, r.Path))
	})
	return errors.Join(err, d.sweepStrays(known))
}

// expire gives up a transfer that rests too long, and a while later its bytes.
func (d *desk) expire(ctx context.Context, rel string) error {
	p := d.hold(rel)
	defer d.release(p)
	p.io.Lock()
	defer p.io.Unlock()
	if err := p.load(); err != nil || p.open > 0 {
		return onlyIf(err != nil && !errors.Is(err, errEmpty), err)
	}
	rested := d.g.now().Sub(p.rec.Changed)
	switch {
	case rested < d.g.cfg.Lifetime:
		return p.forget()
	case rested >= d.g.cfg.Lifetime+keepGivenUp:
		return p.drop()
	case p.rec.GivenUp:
		return p.forget()
	}
	p.rec.GivenUp = true
	transfers.WithLabelValues("any", "expired").Inc()
	d.g.cfg.Log.Info("gateway: upload given up", "folder", d.folder.ID, "path", rel, "bytes", p.size.Load())
	if err := p.rest(); err != nil {
		return err
	}
	d.tell(rel, "aborted", d.g.cfg.Transfers.Aborted(ctx, d.folder.ID, rel))
	return nil
}

// sweepStrays removes files of ours, a day old, that no record knows: what a crash left between two steps.
func (d *desk) sweepStrays(known map[string]bool) error {
	list, err := fs.ReadDir(d.root.FS(), partsDir)
	if err != nil {
		return absent(err)
	}
	for _, e := range list {
		base, _, _ := strings.Cut(e.Name(), ".")
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(base, "gw-") || known[base] || d.g.now().Sub(info.ModTime()) < keepGivenUp {
			continue
		}
		if _, err := d.root.Lstat(partsDir + "/" + base + recordEnd); err == nil {
			continue
		}
		if err := absent(d.root.Remove(partsDir + "/" + e.Name())); err != nil {
			return err
		}
	}
	return nil
}
