package tus

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_tus_requests_total",
		Help: "Requests of resumable uploads, by method and class of the answer's status.",
	}, []string{"method", "status"})
	lockSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "sluice_ingest_tus_lock_wait_seconds",
		Help:    "Time that requests waited for another request of the same upload.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
	})
	joinSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "sluice_ingest_tus_join_seconds",
		Help:    "Time to put the parts of an upload together that were not written in place.",
		Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
	})
	files = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_http_files_total",
		Help: "Files sent in one request, by way (form, put) and outcome: stored, again (it was here before), refused, cut, error.",
	}, []string{"way", "outcome"})
)

// method is a label of few values.
func method(m string) string {
	switch m {
	case http.MethodPost, http.MethodHead, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

func class(status int) string {
	if status == 0 {
		status = http.StatusOK
	}
	return string(rune('0'+status/100)) + "xx"
}
