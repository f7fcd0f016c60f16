// Package account owns who may use the API: accounts as clients see them, their secrets, sessions, app tokens, widgets, users
// and roles.
//
// In: secrets, passwords and session tokens. Out: sessions, or the exception that says why there is none; the services
// system, partner, session, appToken, widget, user and userRole. Sessions verifies every call's token: what it needs of the
// catalog is remembered for a few seconds, and revocations are asked of Redis, which is filled from the catalog whenever it
// has forgotten them.
//
// It never writes a secret, token or password to a log.
package account
