package notify

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Outcomes of a try.
const (
	outcomeDelivered = "delivered"
	outcomeRetry     = "retry"
	outcomeFailed    = "failed"
	outcomeReleased  = "released" // given back at shutdown
)

var (
	eventsTotal = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_notify_events_total", Help: "Events that were looked at for notifications.",
	})
	deliveriesTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_notify_deliveries_total", Help: "Tries to deliver a notification, by outcome.",
	}, []string{"outcome"})
	deliverySeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "sluice_notify_delivery_seconds", Help: "Time of tries to deliver a notification.",
		Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
	})
)
