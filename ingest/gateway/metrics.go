package gateway

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	connections = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_ingest_gateway_connections",
		Help: "Connections of the SFTP and FTP servers, by protocol; those that are not logged in yet count.",
	}, []string{"protocol"})
	logins = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_gateway_logins_total",
		Help: "Logins at the SFTP and FTP servers, by protocol and outcome: ok, wrong, braked (too many failures), limit, error.",
	}, []string{"protocol", "outcome"})
	transfers = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_gateway_uploads_total",
		Help: "Uploads by SFTP and FTP, by protocol and outcome: complete, paused (the client was lost), refused, expired.",
	}, []string{"protocol", "outcome"})
	transferBytes = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_ingest_gateway_bytes_total",
		Help: "Bytes of files that went through the SFTP and FTP servers, by protocol and direction: in, out.",
	}, []string{"protocol", "direction"})
)
