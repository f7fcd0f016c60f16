package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/ingest/fetch"
)

// Config is what an engine needs. Catalog, unlocked, and Guard are required.
type Config struct {
	Catalog *catalog.DB
	Guard   *fetch.Guard
	// Base is scheme and host of the URLs in notifications.
	Base   string
	Logger *slog.Logger
	// Every is how often it looks for events and due deliveries; 0 means once a second.
	Every time.Duration
	// Backoff is the pause after the first failure; 0 means ten seconds. Each further one is three times as long.
	Backoff time.Duration
}

// Engine turns events into deliveries and sends them. Any number may run.
type Engine struct {
	cfg    Config
	render *renderer
	client *http.Client
	// due says that there is something to send; when it is full, that was said.
	due chan struct{}
}

// NewEngine returns an engine.
func NewEngine(cfg Config) *Engine {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = 10 * time.Second
	}
	return &Engine{
		cfg: cfg, client: newClient(cfg.Guard), due: make(chan struct{}, 1),
		render: newRenderer(cfg.Catalog, cfg.Base),
	}
}

// Run works until ctx ends, and then until what is being sent was given back.
func (e *Engine) Run(ctx context.Context) error {
	defer e.client.CloseIdleConnections()
	var g errgroup.Group
	g.Go(func() error { e.follow(ctx); return nil })
	g.Go(func() error { e.send(ctx); return nil })
	return g.Wait()
}

// follow turns events into deliveries as they come.
func (e *Engine) follow(ctx context.Context) {
	tick := time.NewTicker(e.cfg.Every)
	defer tick.Stop()
	for {
		if err := e.Catchup(ctx); err != nil && ctx.Err() == nil {
			e.cfg.Logger.Error("notifications: reading events failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const (
	consumer     = "notifications" // its name among the consumers of events
	eventsAtOnce = 200
)

// Catchup turns the events that are there into deliveries.
func (e *Engine) Catchup(ctx context.Context) error {
	seq, err := e.cfg.Catalog.Cursor(ctx, consumer)
	if err != nil {
		return err
	}
	for {
		events, err := e.cfg.Catalog.Events(ctx, seq, eventsAtOnce)
		if err != nil || len(events) == 0 {
			return err
		}
		list, err := e.notifications(ctx, events)
		if err != nil {
			return err
		}
		seq = events[len(events)-1].Seq
		if err := e.enqueue(ctx, list, seq); err != nil {
			return err
		}
		eventsTotal.Add(float64(len(events)))
	}
}

// notifications are what the templates have to tell of the events.
func (e *Engine) notifications(ctx context.Context, events []catalog.Event) ([]notification, error) {
	templates := map[catalog.AccountID][]catalog.NotificationTemplate{}
	var out []notification
	for _, ev := range events {
		list, seen := templates[ev.Account]
		if !seen {
			var err error
			if list, err = e.cfg.Catalog.AutomaticTemplates(ctx, ev.Account); err != nil {
				return nil, err
			}
			templates[ev.Account] = list
		}
		var object rpc.Class
		var loaded bool
		for i := range list {
			if !matches(&list[i], ev) {
				continue
			}
			if !loaded {
				var err error
				if object, err = e.render.object(ctx, ev); err != nil {
					return nil, err
				}
				loaded = true
			}
			shown, err := e.render.profile(ctx, &list[i])
			if err != nil {
				return nil, err
			}
			out = append(out, notification{&list[i], ev, object, shown})
		}
	}
	return out, nil
}

// enqueue stores the deliveries of events together with the cursor. A notification that cannot be made is recorded as failed.
func (e *Engine) enqueue(ctx context.Context, list []notification, seq int64) error {
	err := e.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		for _, n := range list {
			if _, err := e.add(ctx, tx, n, &n.event.Seq); err != nil {
				return err
			}
		}
		return tx.SetCursor(ctx, consumer, seq)
	})
	if err == nil && len(list) > 0 {
		e.wake()
	}
	return err
}

func (e *Engine) add(ctx context.Context, tx *catalog.Tx, n notification, seq *int64) (catalog.Delivery, error) {
	d := catalog.Delivery{Template: n.template.ID, Event: n.event.Name, EventSeq: seq, ObjectID: n.event.Object}
	d, _, err := tx.AddDelivery(ctx, n.event.Account, d, func(d *catalog.Delivery) error {
		err := e.render.fill(n, d)
		if err == nil && len(d.Body) > maxBody {
			err = fmt.Errorf("the notification has %d bytes, the limit is %d", len(d.Body), maxBody)
		}
		if err != nil {
			d.Status, d.FinishedAt, d.Error, d.Body = catalog.DeliveryFailed, catalog.StampOf(time.Now()), err.Error(), ""
		}
		return nil
	})
	return d, err
}

// maxBody bounds a notification, in bytes.
const maxBody = 512 << 10

// Dispatch stores a delivery of a template that no event asked for.
func (e *Engine) Dispatch(ctx context.Context, t catalog.NotificationTemplate, ev catalog.Event) (int64, error) {
	object, err := e.render.object(ctx, ev)
	if err != nil {
		return 0, err
	}
	if object == nil {
		return 0, catalog.ErrNotFound
	}
	shown, err := e.render.profile(ctx, &t)
	if err != nil {
		return 0, err
	}
	var d catalog.Delivery
	err = e.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) (err error) {
		d, err = e.add(ctx, tx, notification{&t, ev, object, shown}, nil)
		return err
	})
	e.wake()
	return d.ID, err
}

// wake makes the sender look at once.
func (e *Engine) wake() {
	select {
	case e.due <- struct{}{}:
	default:
	}
}

// gone says whether an error is that of a thing that is not there any more.
func gone(err error) bool { return errors.Is(err, catalog.ErrNotFound) }
