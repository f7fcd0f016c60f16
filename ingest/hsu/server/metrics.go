package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sluice/ingest/hsu"
)

var (
	sessionsOpen = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_hsu_sessions",
		Help: "Sessions of the high-speed upload in memory.",
	})
	streamsOpen = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_ingest_hsu_streams",
		Help: "Connections of the high-speed upload that carry blocks.",
	})
	bytesTotal = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_ingest_hsu_bytes_total",
		Help: "Bytes of blocks that the high-speed upload wrote.",
	})
	blocksTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_hsu_blocks_total",
		Help: "Blocks of the high-speed upload, by outcome: written, damaged, full, unknown, failed, busy.",
	}, []string{"outcome"})
	filesEnded = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_hsu_files_total",
		Help: "Files of the high-speed upload that were complete, by what became of them: done, failed, again.",
	}, []string{"outcome"})
	flushSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name:    "sluice_ingest_hsu_flush_seconds",
		Help:    "Time to sync and record what a session wrote.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
	})
	refusals = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_hsu_refusals_total",
		Help: "Requests of the high-speed upload that were refused, by code.",
	}, []string{"code"})
)

var outcomes = map[hsu.Code]string{
	0: "written", hsu.Damaged: "damaged", hsu.Full: "full", hsu.Unknown: "unknown", hsu.Failed: "failed", hsu.Busy: "busy",
}
