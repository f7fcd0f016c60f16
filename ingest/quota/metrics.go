package quota

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	transfers = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_quota_transfers",
		Help: "Transfers that share the capped link of their account, on this node.",
	})
	waited = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_quota_wait_seconds_total",
		Help: "Time that transfers waited for their part of their account's link.",
	})
	refused = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_quota_refusals_total",
		Help: "Transfers that were refused for want of room: quota (the account's), full (a volume).",
	}, []string{"reason"})
)
