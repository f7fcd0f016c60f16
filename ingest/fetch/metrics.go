package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	fetchSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_ingest_fetch_seconds",
		Help:    "Time of attempts to download a file by its URL, by outcome: ok, cancelled, or the kind of failure.",
		Buckets: prometheus.ExponentialBuckets(0.05, 4, 9),
	}, []string{"outcome"})
	fetchedBytes = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_fetch_bytes_total",
		Help: "Bytes that were downloaded.",
	})
	retries = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_fetch_retries_total",
		Help: "Times that a download went on after an origin or the network failed.",
	})
)

func observe(start time.Time, err error) {
	outcome := "ok"
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		outcome = string(e.Code)
	case errors.Is(err, context.Canceled):
		outcome = "cancelled"
	default:
		outcome = "error"
	}
	fetchSeconds.WithLabelValues(outcome).Observe(time.Since(start).Seconds())
}
