package hook

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var askSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "sluice_ingest_hook_seconds",
	Help:    "Time of a question to the hook that is asked before files come in, by what it answers: allowed, denied, away.",
	Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
}, []string{"outcome"})

func observe(start time.Time, err error) {
	outcome := "allowed"
	switch {
	case errors.Is(err, ErrDenied):
		outcome = "denied"
	case err != nil:
		outcome = "away"
	}
	askSeconds.WithLabelValues(outcome).Observe(time.Since(start).Seconds())
}
