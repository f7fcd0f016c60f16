package inbox

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	filesHere = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_inbox_files",
		Help: "Files in the inbox that have not come in, whatever keeps them.",
	})
	filesQueued = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_inbox_accounts_waiting",
		Help: "Accounts with complete files that wait for their turn.",
	})
	sweepSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "sluice_ingest_inbox_sweep_seconds",
		Help:    "Time of a full look at the inbox.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
	})
)

func (b *Inbox) measure() {
	filesHere.Set(float64(len(b.files)))
	filesQueued.Set(float64(len(b.queue.turns)))
}
