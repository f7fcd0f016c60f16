package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// call makes one call: n holds its parameters.
func (q *request) call(n *node) result {
	started := time.Now()
	c := &Call{Request: q.http, Now: q.now, ClientTag: n.str("clientTag"), ClientIP: q.s.clientIP(q.http), Base: q.s.base(q.http)}
	act, err := q.s.reg.find(n.str("service"), n.str("action"))
	res := result{action: act}
	if err == nil {
		ctx, cancel := context.WithTimeout(q.http.Context(), q.s.cfg.Timeout)
		defer cancel()
		c.Context = ctx
		if err = q.run(c, act, n, &res); act.service.Name == "session" {
			q.opened = opened{}
		}
	}
	if err != nil {
		res.err = q.exception(c, act, err)
	}
	q.record(c, n, res, time.Since(started))
	return res
}

// find is the action that a request names.
func (r *Registry) find(service, action string) (*action, error) {
	service, action = lower(service), lower(action)
	switch s := r.services[service]; {
	case service == "":
		return nil, E("SERVICE_NOT_SPECIFIED")
	case s == nil:
		return nil, E("SERVICE_DOES_NOT_EXISTS", "SRV_NAME", service)
	case action == "":
		return nil, E("ACTION_NOT_SPECIFIED")
	case s.actions[action] == nil:
		return nil, E("ACTION_DOES_NOT_EXISTS", "ACTION_NAME", action, "SERVICE_NAME", service)
	default:
		return s.actions[action], nil
	}
}

// run takes a call through the protocol's checks, in the protocol's order, and makes it.
func (q *request) run(c *Call, act *action, n *node, res *result) error {
	if c.Language = n.str("language"); !language(c.Language) {
		return E("INVALID_LANGUAGE_CODE", "LANG", c.Language)
	}
	session, sessionErr := q.session(c, act, n)
	if refused(sessionErr, "-1") {
		return sessionErr
	}
	c.Session = session
	if session != nil {
		c.Now = session.Time(c.Now)
	}
	in := reflect.New(act.in).Elem()
	d := &decoder{now: c.Now}
	if err := d.params(act.params, n, in); err != nil {
		return err
	}
	profile, err := q.profile(d, n)
	if err != nil {
		return err
	}
	if sessionErr != nil {
		return sessionErr
	}
	if err := q.authorize(c, act, n); err != nil {
		return err
	}
	value, err := invoke(c, act, in)
	if err != nil {
		return err
	}
	if f, ok := value.(*File); ok {
		res.file = f
		return nil
	}
	if res.value = reflect.ValueOf(value); profile == nil || !res.value.IsValid() {
		return nil
	}
	if v := res.value; v.Kind() == reflect.Struct { // related lists are put into it
		res.value = reflect.New(v.Type()).Elem()
		res.value.Set(v)
	}
	res.mask, err = q.apply(c, profile, res.value)
	return err
}

// invoke calls the action; one that panics fails.
func invoke(c *Call, act *action, in reflect.Value) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(p)
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return act.call(c, in)
}

// language says whether a content language is one: two letters, "multi", or none.
func language(s string) bool {
	if s == "" || s == "multi" {
		return true
	}
	return len(s) == 2 && strings.Trim(lower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}

// session opens the session of a call. Public actions work without, and with one that is not valid.
func (q *request) session(c *Call, act *action, n *node) (*ks.Session, error) {
	token := n.str("ks")
	if token == "" {
		return nil, nil
	}
	if q.opened.token == token {
		return q.opened.session, nil
	}
	s, err := q.s.cfg.Sessions.Open(c, token, ks.Origin{IP: c.ClientIP, URI: q.http.URL.RequestURI()})
	if err == nil {
		q.opened = opened{token, s}
		return s, nil
	}
	var e *Error
	if act.access == Public && errors.As(err, &e) {
		return nil, nil
	}
	return nil, err
}

// refused says whether err is INVALID_KS for the reason given: -1 is a token that cannot be read.
func refused(err error, reason string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return err != nil
	}
	for _, a := range e.Args {
		if a.Name == "ERR_CODE" {
			return a.Value == reason
		}
	}
	return true
}

// authorize finds the acting account and checks that the session may make the call.
func (q *request) authorize(c *Call, act *action, n *node) error {
	partner := partnerOf(n)
	if act.access == Public {
		if c.Session == nil {
			return nil
		}
		partner = 0 // a parameter of the action's own
	}
	if c.Session == nil && partner == 0 {
		return E("MISSING_KS")
	}
	id := catalog.AccountID(partner)
	if c.Session != nil {
		if id != 0 && id != c.Session.Account {
			if err := q.impersonate(c, id); err != nil {
				return err
			}
		}
		id = c.Session.Account
	}
	var err error
	switch c.Account, err = q.s.cfg.Accounts.Account(c, id); {
	case errors.Is(err, catalog.ErrNotFound):
		return E("INVALID_PARTNER_ID", "PID", strconv.FormatInt(int64(id), 10))
	case err != nil:
		return err
	case c.Account.Status != accountActive:
		return E("SERVICE_FORBIDDEN_CONTENT_BLOCKED")
	}
	if c.Account.Details.SecureOnly && !q.s.secure(q.http) && !c.ClientIP.IsLoopback() {
		return E("SERVICE_FORBIDDEN", "SERVICE", lower(act.service.Name)+"->"+act.name)
	}
	return q.permit(c, act)
}

// impersonate makes an administrator's session one of another account that its own may act for.
func (q *request) impersonate(c *Call, id catalog.AccountID) error {
	invalid := E("INVALID_KS", "KSID", "INVALID_PARTNER", "ERR_CODE", "-2", "ERR_DESC", "INVALID_PARTNER")
	if !c.Session.Admin() {
		return invalid
	}
	own, err := q.s.cfg.Accounts.Account(c, c.Session.Account)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	if err != nil || own.Status != accountActive || !slices.Contains(own.Details.ActsFor, id) {
		return invalid
	}
	acting := *c.Session
	acting.Account, acting.Master = id, c.Session.Account
	c.Session = &acting
	return nil
}

// accountActive is the status of accounts that may be used.
const accountActive = 1

// partnerOf is the account that a call names: p wins over partnerId.
func partnerOf(n *node) int64 {
	for _, key := range []string{"p", "partnerId"} {
		if v := n.get(key); v != nil && v.scalar() {
			if id := integer(v); id > 0 {
				return id
			}
		}
	}
	return 0
}

// permit checks what the action asks of a session, and the session's role.
func (q *request) permit(c *Call, act *action) error {
	s := c.Session
	forbidden := E("SERVICE_FORBIDDEN", "SERVICE", lower(act.service.Name)+"->"+act.name)
	switch {
	case act.access == Public || s == nil && act.access == Anonymous:
		return nil
	case s == nil, s.Widget() && (act.access == AnySession || act.access == AdminSession):
		return forbidden
	}
	_, role := s.Value("setrole")
	if act.access == AdminSession && !s.Admin() && !role {
		return forbidden
	}
	ok, err := q.s.cfg.Sessions.Permits(c, s, lower(act.service.Name), lower(act.name))
	if err != nil {
		return err
	}
	if !ok {
		return forbidden
	}
	if _, limited := s.Value("actionslimit"); limited {
		return q.s.cfg.Sessions.Count(c, s)
	}
	return nil
}

// exception is what a client learns of an error. Others than exceptions are internal errors and go to the log.
func (q *request) exception(c *Call, act *action, err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, catalog.ErrQuota):
		e = E("QUOTA_EXCEEDED", "REASON", err.Error()).Because(err)
	default:
		e = E("INTERNAL_SERVERL_ERROR").Because(err)
	}
	if internal(e) && !errors.Is(err, context.Canceled) {
		name := ""
		if act != nil {
			name = act.service.Name + "." + act.name
		}
		q.s.cfg.Logger.Error("api call failed", "request", q.id, "action", name, "account", c.Account.ID, "error", err)
	}
	return e
}

// internal says whether an exception is the server's fault.
func internal(e *Error) bool { return strings.HasPrefix(e.Code, "INTERNAL_") }
