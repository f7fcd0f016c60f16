package scan

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sluice/pipeline/stage"
)

var (
	scanSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_ingest_scan_seconds",
		Help:    "Time of scans for viruses, by outcome: clean, infected, unscanned (it passed without a whole scan), failed.",
		Buckets: prometheus.ExponentialBuckets(0.005, 4, 9),
	}, []string{"outcome"})
	scanBytes = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_scan_bytes_total",
		Help: "Bytes that were sent to the scanner.",
	})
)

func observe(began time.Time, v stage.Verdict, err error) {
	outcome := "clean"
	switch {
	case err != nil:
		outcome = "failed"
	case v.Virus != "":
		outcome = "infected"
	case v.Unscanned != "":
		outcome = "unscanned"
	}
	scanSeconds.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
	scanBytes.Add(float64(v.Scanned))
}
