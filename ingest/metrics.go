package ingest

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sluice/catalog"
	"sluice/storage"
)

var (
	files = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_files_total",
		Help: "Files that came to a door, by door and outcome: entered, duplicate, changed, bad_name, full, error.",
	}, []string{"door", "outcome"})
	bytesIn = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_received_bytes_total",
		Help: "Bytes of files that became entries, by door.",
	}, []string{"door"})
	seconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_ingest_seconds",
		Help:    "Time from a complete file to its entry, by door.",
		Buckets: prometheus.ExponentialBuckets(0.002, 4, 9),
	}, []string{"door"})
	recovered = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_recovered_total",
		Help: "Incoming folders of processes that are gone, by what became of them: entered, removed.",
	}, []string{"outcome"})
	orphans = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_orphans",
		Help: "Incoming files whose entry the catalog does not know.",
	})
)

func observe(door string, start time.Time, size int64, err error) {
	outcome := "entered"
	switch {
	case err == nil:
		bytesIn.WithLabelValues(door).Add(float64(size))
		seconds.WithLabelValues(door).Observe(time.Since(start).Seconds())
	case errors.Is(err, catalog.ErrConflict):
		outcome = "duplicate"
	case errors.Is(err, storage.ErrChanged):
		outcome = "changed"
	case errors.Is(err, ErrName):
		outcome = "bad_name"
	case errors.Is(err, storage.ErrFull):
		outcome = "full"
	default:
		outcome = "error"
	}
	files.WithLabelValues(door, outcome).Inc()
}
