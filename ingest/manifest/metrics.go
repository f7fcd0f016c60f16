package manifest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	added = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_bulk_documents_total",
		Help: "Documents of bulk jobs that were taken in, by format.",
	}, []string{"format"})
	ended = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_bulk_jobs_total",
		Help: "Bulk jobs that ended, by outcome: finished, partial, failed, aborted.",
	}, []string{"outcome"})
	applied = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_bulk_items_total",
		Help: "Items of bulk jobs that were dealt with, by result: ok, error.",
	}, []string{"result"})
	runningJobs = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_bulk_running_jobs",
		Help: "Bulk jobs that this process carries out.",
	})
)
