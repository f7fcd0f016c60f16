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
		Help: "Transfers that were refused: quota (what the account may keep), in_flight (what it may have on its way), sessions (how many), full (a volume).",
	}, []string{"reason"})
)
