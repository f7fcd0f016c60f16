package pipeline

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Outcomes of an attempt, as the metrics name them.
const (
	outcomeDone      = "done"
	outcomeRetry     = "retry"
	outcomeDead      = "dead"
	outcomeCancelled = "cancelled"
	outcomeFenced    = "fenced"   // the lease was lost
	outcomeReleased  = "released" // given back at shutdown
	outcomePostponed = "postponed"
)

var (
	tasksTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_pipeline_tasks_total",
		Help: "Attempts at tasks that ended in this process, by stage and outcome.",
	}, []string{"stage", "outcome"})
	taskSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_pipeline_task_seconds",
		Help:    "How long attempts at tasks ran, by stage.",
		Buckets: prometheus.ExponentialBuckets(0.005, 3, 12),
	}, []string{"stage"})
	taskWait = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_pipeline_task_wait_seconds",
		Help:    "How long tasks waited between being announced and being claimed, by stage.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
	}, []string{"stage"})
	runningTasks = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_pipeline_running_tasks",
		Help: "Tasks that run in this process, by stage.",
	}, []string{"stage"})
	queueTasks = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_pipeline_queue_tasks",
		Help: "Tasks in the catalog that are not done, by stage and state; dead ones wait for someone. Told by the leading feeder.",
	}, []string{"stage", "state"})
	streamMessages = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_pipeline_stream_messages",
		Help: "Announcements that no worker has taken yet, by stage. Told by the leading feeder.",
	}, []string{"stage"})
	feederLeader = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_pipeline_feeder_leader",
		Help: "1 when this process's feeder leads.",
	})
	requeuedTasks = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_pipeline_requeued_tasks_total",
		Help: "Tasks whose announcement was lost and that were made runnable again, by stage.",
	}, []string{"stage"})
	expiredLeases = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_pipeline_expired_leases_total",
		Help: "Attempts that ended because their worker fell silent.",
	})
	storeErrors = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_pipeline_errors_total",
		Help: "Failures of Redis or the catalog that the pipeline waited out, by part (feeder, worker).",
	}, []string{"part"})
)
