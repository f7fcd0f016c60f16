// Package catalog owns the nouns of the system and the database that is the truth about them: accounts, entries, assets,
// tasks, events.
//
// In: Go values. Out: Go values, and events through an outbox that is written in the same transaction as the change. It
// runs on SQLite (embedded) or PostgreSQL; one test suite covers both. Migrations go forward from every released state.
//
// It knows neither HTTP nor Redis nor libav.
package catalog
