package rpc

import (
	"log/slog"
	"strings"
	"time"
)

// record counts a call and writes its line of the access log.
func (q *request) record(c *Call, n *node, res result, took time.Duration) {
	service, action, outcome := "unknown", "unknown", "ok"
	if res.action != nil {
		service, action = res.action.service.Name, res.action.name
	}
	level, code := slog.LevelInfo, ""
	if res.err != nil {
		code, outcome = res.err.Code, "client"
		if internal(res.err) {
			level, outcome = slog.LevelWarn, "server"
		}
	}
	q.s.metrics.calls.WithLabelValues(service, action, outcome).Inc()
	if res.action != nil {
		q.s.metrics.seconds.WithLabelValues(service, action).Observe(took.Seconds())
	}
	log := q.s.cfg.Logger
	if !log.Enabled(q.http.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request", q.id), slog.String("service", service), slog.String("action", action),
		slog.Int64("account", int64(c.Account.ID)), slog.String("client", c.ClientIP.String()), slog.Duration("took", took),
	}
	if c.Session != nil {
		attrs = append(attrs, slog.String("session", c.Session.ID), slog.String("user", c.Session.User))
	}
	if c.ClientTag != "" {
		attrs = append(attrs, slog.String("tag", cut(c.ClientTag, maxLogged)))
	}
	if code != "" {
		attrs = append(attrs, slog.String("code", code))
		if res.err.Cause != nil && outcome == "client" {
			attrs = append(attrs, slog.Any("cause", res.err.Cause))
		}
	}
	if log.Enabled(q.http.Context(), slog.LevelDebug) {
		attrs = append(attrs, slog.String("params", redacted(n)))
	}
	log.LogAttrs(q.http.Context(), level, "api call", attrs...)
}

// maxLogged bounds a text in the log, and maxParams the parameters of a call.
const (
	maxLogged = 256
	maxParams = 2048
)

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// secret says whether values of this name stay out of the log.
func secret(name string) bool {
	name = lower(name)
	switch name {
	case "ks", "session", "authorization", "urlheaders", "customheaders":
		return true
	case "uploadtoken", "apptoken": // objects: their fields have names of their own
		return false
	}
	for _, s := range []string{"secret", "token", "pass", "hash", "accesskey", "privatekey"} {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

// redacted is a call's parameters as one text, without secrets.
func redacted(n *node) string {
	var b strings.Builder
	redact(&b, n)
	return cut(b.String(), maxParams)
}

func redact(b *strings.Builder, n *node) {
	if b.Len() > maxParams {
		return
	}
	switch n.kind {
	case object, list:
		b.WriteByte('{')
		for i, v := range n.list {
			if i > 0 {
				b.WriteByte(' ')
			}
			if n.kind == object {
				b.WriteString(cut(n.keys[i], maxLogged) + "=")
				if secret(n.keys[i]) {
					b.WriteString("***")
					continue
				}
			}
			redact(b, v)
		}
		b.WriteByte('}')
	case file:
		b.WriteString("(file)")
	default:
		b.WriteString(cut(withoutCredentials(n.text), maxLogged))
	}
}

// withoutCredentials cuts off a URL what may grant access: user and password, its query, and all behind a session in its path.
func withoutCredentials(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	host, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = "***@" + host[i+1:]
	}
	path, _, _ = strings.Cut(path, "?")
	if i := strings.Index(path+"/", "/ks/"); i >= 0 {
		path = path[:i] + "/ks/***"
	}
	host, _, _ = strings.Cut(host, "?")
	return scheme + "://" + host + "/" + path
}
