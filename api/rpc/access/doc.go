// Package access decides what a request may do with an entry: who may see and change it through the API, and, by the
// rules of its access-control profile, its schedule and its moderation, who may play, download or picture it.
//
// In: an entry with its profile, and what is known of the request (session, address, referrer, headers). Out: the entry,
// or the exception to answer with; or a [Verdict] with the actions that apply. It serves nothing and keeps nothing.
package access
