package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/ingest/fetch"
)

const (
	maxSending     = 16 // at once, of which
	maxPerTemplate = 4  // to one template's URL, so that a dead one holds nobody up
	maxAttempts    = 12 // about eight hours
	maxPause       = time.Hour
	defaultTimeout = 15 * time.Second
	maxTimeout     = 60 * time.Second
	claimLease     = 2 * maxTimeout
	maxResponse    = 512 // bytes of a response that are kept
)

func newClient(guard *fetch.Guard) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: guard.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConns: 64, MaxIdleConnsPerHost: maxPerTemplate,
			IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		},
		// Whoever is told is the URL's owner; where that one points to is nobody that was chosen.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sending is what is under way; mu guards busy, the tries by template.
type sending struct {
	all  sync.WaitGroup
	mu   sync.Mutex
	busy map[int64]int
	n    int
}

// free is how many more may be sent, and the templates that have enough under way.
func (s *sending) free() (n int, full []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, k := range s.busy {
		if k >= maxPerTemplate {
			full = append(full, t)
		}
	}
	return maxSending - s.n, full
}

func (s *sending) add(template int64, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += by
	if s.busy[template] += by; s.busy[template] <= 0 {
		delete(s.busy, template)
	}
}

// send sends what is due until ctx ends.
func (e *Engine) send(ctx context.Context) {
	under := &sending{busy: map[int64]int{}}
	defer under.all.Wait()
	tick := time.NewTicker(e.cfg.Every)
	defer tick.Stop()
	for {
		if err := e.sendDue(ctx, under); err != nil && ctx.Err() == nil {
			e.cfg.Logger.Error("notifications: claiming deliveries failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.due:
		case <-tick.C:
		}
	}
}

func (e *Engine) sendDue(ctx context.Context, under *sending) error {
	free, full := under.free()
	if free <= 0 {
		return nil
	}
	list, err := e.cfg.Catalog.ClaimDeliveries(ctx, free, maxPerTemplate, claimLease, full)
	if err != nil {
		return err
	}
	for _, d := range list {
		under.add(d.Template, 1)
		under.all.Go(func() {
			e.try(ctx, d)
			under.add(d.Template, -1)
			e.wake()
		})
	}
	return nil
}

// try sends a delivery once and records what became of it.
func (e *Engine) try(ctx context.Context, d catalog.Delivery) {
	started := time.Now()
	retry, after, err := e.deliver(ctx, &d)
	outcome := outcomeDelivered
	now := time.Now()
	switch {
	case err == nil:
		d.Status, d.FinishedAt, d.Error = catalog.DeliveryDone, catalog.StampOf(now), ""
	case ctx.Err() != nil: // the process stops: someone else goes on at once
		d.NextAt, d.Error, outcome = catalog.StampOf(now), "", outcomeReleased
	case !retry || d.Attempts >= maxAttempts:
		d.Status, d.FinishedAt, d.Error, outcome = catalog.DeliveryFailed, catalog.StampOf(now), err.Error(), outcomeFailed
	default:
		d.NextAt, d.Error, outcome = catalog.StampOf(now.Add(max(after, e.pause(d.Attempts)))), err.Error(), outcomeRetry
	}
	deliveriesTotal.WithLabelValues(outcome).Inc()
	deliverySeconds.Observe(time.Since(started).Seconds())
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := e.cfg.Catalog.FinishDelivery(done, d); err != nil && !gone(err) {
		e.cfg.Logger.Error("notifications: the outcome of a delivery is not recorded; it may be sent again", "delivery", d.ID, "error", err)
	}
}

// pause is how long to wait after so many failures: longer each time, and not everyone at the same moment.
func (e *Engine) pause(failures int) time.Duration {
	p := e.cfg.Backoff
	for range failures - 1 {
		if p *= 3; p >= maxPause {
			p = maxPause
			break
		}
	}
	return p - p/5 + rand.N(p/5*2+1)
}

// deliver makes the request. The flag says whether a failure may pass, and not before when.
func (e *Engine) deliver(ctx context.Context, d *catalog.Delivery) (retry bool, after time.Duration, err error) {
	t, err := e.cfg.Catalog.NotificationTemplate(ctx, d.Account, d.Template)
	switch {
	case gone(err):
		return false, 0, errors.New("the template was deleted")
	case err != nil:
		return true, 0, err
	case t.Status != catalog.TemplateActive:
		return false, 0, errors.New("the template is disabled")
	}
	limit := defaultTimeout
	if t.Spec.Timeout > 0 {
		limit = min(time.Duration(t.Spec.Timeout)*time.Second, maxTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := e.request(ctx, &t, d)
	if err != nil {
		return false, 0, err
	}
	res, err := e.client.Do(req)
	if err != nil {
		var refused *fetch.RefusedError
		return !errors.As(err, &refused), 0, quiet(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxResponse)) // what came is enough
	d.ResponseCode, d.Response = res.StatusCode, strings.ToValidUTF8(string(text), "")
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return false, 0, nil
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	after = min(time.Duration(max(seconds, 0))*time.Second, maxPause)
	return res.StatusCode != http.StatusGone, after, fmt.Errorf("the answer was %s", res.Status)
}

// quiet leaves the URL out of an error: it may hold a password.
func quiet(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

var methods = map[int]string{1: http.MethodGet, 2: http.MethodPost, 3: http.MethodPut, 4: http.MethodDelete}

func (e *Engine) request(ctx context.Context, t *catalog.NotificationTemplate, d *catalog.Delivery) (*http.Request, error) {
	method, target, body := methods[t.Spec.Method], d.URL, d.Body
	if method == "" {
		method = http.MethodPost
	}
	if method == http.MethodGet || method == http.MethodDelete {
		target, body = inQuery(d), ""
	}
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, quiet(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", d.ContentType)
	}
	for _, h := range t.Spec.Headers {
		req.Header.Set(h.Key, h.Value)
	}
	if t.Spec.Username != "" || t.Password != "" {
		req.SetBasicAuth(t.Spec.Username, t.Password)
	}
	req.Header.Set("User-Agent", "sluice")
	req.Header.Set("X-Sluice-Delivery", strconv.FormatInt(d.ID, 10))
	req.Header.Set("X-Sluice-Event", d.Event)
	secret, err := e.secret(ctx, d.Account)
	if err != nil || secret == "" {
		return req, err
	}
	algorithm, signature := sign(t.Spec.Hash, secret, body)
	req.Header["X-KALTURA-SIGNATURE"] = []string{signature}
	req.Header["X-KALTURA-HASH-ALGO"] = []string{algorithm}
	return req, nil
}

// inQuery is the URL of a request that has no body.
func inQuery(d *catalog.Delivery) string {
	query := d.Body
	if d.ContentType != typeForm {
		query = url.Values{"data": {d.Body}}.Encode()
	}
	switch {
	case query == "":
		return d.URL
	case strings.Contains(d.URL, "?"):
		return d.URL + "&" + query
	}
	return d.URL + "?" + query
}
