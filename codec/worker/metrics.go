package worker

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	metricProcesses = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_codec_processes", Help: "Caged worker processes alive, idle ones included.",
	}, []string{"class"})
	metricStarts = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_codec_process_starts_total", Help: "Caged worker processes started.",
	}, []string{"class"})
	metricKills = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_codec_process_kills_total", Help: "Worker processes killed by the parent, by reason.",
	}, []string{"reason"})
	metricRestarts = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_codec_restarts_total", Help: "Second tries after a worker process died, by the code of the first.",
	}, []string{"class", "code"})
	metricSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_codec_request_seconds", Help: "Duration of runs and probes, by outcome (an error code, or ok).",
		Buckets: []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 30, 60, 120, 300, 900, 3600},
	}, []string{"class", "outcome"})
	metricCPU = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_codec_process_cpu_seconds_total", Help: "Processor time of worker processes that ended.",
	}, []string{"class"})
	metricBytes = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_codec_sample_bytes_total", Help: "Coded bytes delivered by worker processes.",
	})
)
