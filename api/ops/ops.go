package ops

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must work for the process to be ready.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// Config says what to report.
type Config struct {
	// Checks make /readyz: each within two seconds.
	Checks []Check
	// Info is what /healthz tells besides "ok": version, isolation level, encoders.
	Info func() map[string]any
}

// checkTimeout bounds one readiness check.
const checkTimeout = 2 * time.Second

// New returns the handler of /healthz, /readyz and /metrics.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		body := map[string]any{"status": "ok"}
		if c.Info != nil {
			for k, v := range c.Info() {
				body[k] = v
			}
		}
		answer(w, http.StatusOK, body)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		failed := c.failures(r.Context())
		if len(failed) > 0 {
			answer(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "failed": failed})
			return
		}
		answer(w, http.StatusOK, map[string]any{"status": "ready"})
	})
	return mux
}

// failures runs every check at once and returns the reasons of those that failed, by name.
func (c Config) failures(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	failed := map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, check := range c.Checks {
		wg.Go(func() {
			if err := check.Run(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[check.Name] = err.Error()
			}
		})
	}
	wg.Wait()
	return failed
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
