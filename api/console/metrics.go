package console

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics of the room. Routes are patterns, never paths.
var (
	requestSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_console_request_seconds", Help: "Time to answer a request of the JSON interface; for the event stream, its life.",
		Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
	}, []string{"route", "status"})
	streamsOpen = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_console_streams", Help: "Event streams open now.",
	})
	streamMessages = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_console_stream_messages_total", Help: "Messages written to event streams.",
	}, []string{"event"})
	streamResets = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_console_stream_resets_total", Help: "Times a stream fell so far behind that it got a fresh snapshot.",
	})
	pollSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "sluice_console_poll_seconds", Help: "Time to ask the catalog what changed, for all streams at once.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	})
	pollErrors = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_console_poll_errors_total", Help: "Polls of the catalog that failed.",
	})
)
