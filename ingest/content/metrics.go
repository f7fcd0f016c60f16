package content

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var setSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "sluice_ingest_content_seconds",
	Help:    "Time to give an entry or an asset its content, as far as that is done before the call returns, by what it is for and outcome.",
	Buckets: prometheus.ExponentialBuckets(0.002, 4, 9),
}, []string{"object", "outcome"})

func observe(object string, start time.Time, err error) {
	outcome := "ok"
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		outcome = "refused"
	default:
		outcome = "error"
	}
	setSeconds.WithLabelValues(object, outcome).Observe(time.Since(start).Seconds())
}
