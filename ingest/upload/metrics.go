package upload

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sluice/catalog"
	"sluice/storage"
)

var (
	chunkSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_ingest_upload_chunk_seconds",
		Help:    "Time to take a chunk of an upload in, by outcome: ok, missing (the end came before its middle), refused, full, gone, error.",
		Buckets: prometheus.ExponentialBuckets(0.002, 4, 9),
	}, []string{"outcome"})
	chunkBytes = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_upload_bytes_total",
		Help: "Bytes of chunks that were taken in.",
	})
	completed = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_uploads_total",
		Help: "Uploads that were completed, by what became of the file: waiting, handed_over.",
	}, []string{"outcome"})
	timedOut = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_upload_timeouts_total",
		Help: "Uploads that were given up because they rested too long.",
	})
)

func observe(start time.Time, size int64, err error) {
	outcome := "ok"
	switch {
	case err == nil:
		chunkBytes.Add(float64(size))
	case errors.Is(err, ErrMissing):
		outcome = "missing"
	case errors.Is(err, context.Canceled):
		outcome = "gone"
	case errors.Is(err, storage.ErrFull):
		outcome = "full"
	case errors.Is(err, ErrState), errors.Is(err, ErrNoStart), errors.Is(err, ErrForbidden), errors.Is(err, ErrTooLarge), errors.Is(err, catalog.ErrNotFound):
		outcome = "refused"
	default:
		outcome = "error"
	}
	chunkSeconds.WithLabelValues(outcome).Observe(time.Since(start).Seconds())
}

func outcomeOf(t catalog.UploadToken) string {
	if t.Status == catalog.UploadClosed {
		return "handed_over"
	}
	return "waiting"
}
