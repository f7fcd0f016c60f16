package dropfolder

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	transitions = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_dropfolder_transitions_total",
		Help: "Changes of state of files in drop folders, by what happened.",
	}, []string{"event"})
	foldersWatched = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_dropfolder_folders",
		Help: "Drop folders that this process watches, or tries to.",
	})
	crowdedOut = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_dropfolder_crowded_files",
		Help: "Files that wait in drop folders that have as many as they may.",
	})
	sweepSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "sluice_ingest_dropfolder_sweep_seconds",
		Help:    "Time of a full look at a drop folder.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
	})
	takenBytes = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_dropfolder_taken_bytes_total",
		Help: "Bytes of files of drop folders that became part of entries.",
	})
	waitSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "sluice_ingest_dropfolder_wait_seconds",
		Help:    "Time from a complete file to its entry.",
		Buckets: prometheus.ExponentialBuckets(0.01, 4, 10),
	})
)
