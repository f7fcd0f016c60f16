// Package notify tells other systems what happens to entries and assets: HTTP notifications by templates of the accounts,
// signed, retried, and each with a record of what became of it.
//
// In: the catalog's events, with a cursor of its own. Out: requests to the URLs of templates. An event becomes a row for
// every template that it matches, in one transaction with the cursor; rows are sent by any process that claims them, so a
// notification is sent at least once, and in no order that can be relied on. Connections go through a guard, because the
// URLs are the accounts'.
package notify
