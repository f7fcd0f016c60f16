package storage

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	operationSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_storage_operation_seconds",
		Help:    "Time of operations on objects, by backend (disk, s3), operation and outcome (ok, not_exist, full, error).",
		Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
	}, []string{"backend", "operation", "outcome"})
	storedBytes = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_storage_stored_bytes_total",
		Help: "Bytes of objects that became visible, by backend.",
	}, []string{"backend"})
	volumeBytes = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_storage_volume_bytes",
		Help: "Size of the volumes of this process (data, objects): all of it, what is free, and what is kept in reserve.",
	}, []string{"volume", "kind"})
)

// ObserveSpace records the room of a volume and what is kept of it.
func ObserveSpace(volume string, s Space, reserve int64) {
	volumeBytes.WithLabelValues(volume, "size").Set(float64(s.Size))
	volumeBytes.WithLabelValues(volume, "free").Set(float64(s.Free))
	volumeBytes.WithLabelValues(volume, "reserve").Set(float64(reserve))
}

// Observe records one operation of a backend: implementations of Store call it, nobody else.
func Observe(backend, operation string, start time.Time, err error) {
	outcome := "ok"
	switch {
	case err == nil:
	case errors.Is(err, ErrNotExist):
		outcome = "not_exist"
	case errors.Is(err, ErrFull):
		outcome = "full"
	default:
		outcome = "error"
	}
	operationSeconds.WithLabelValues(backend, operation, outcome).Observe(time.Since(start).Seconds())
}

// ObserveStored records the size of an object that became visible.
func ObserveStored(backend string, size int64) {
	storedBytes.WithLabelValues(backend).Add(float64(size))
}
