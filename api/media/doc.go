// Package media is the API's media and baseEntry services (§5.4 of the API contract): entries, their content, its replacement,
// moderation, and lists.
//
// In: typed calls from api/rpc. Out: changes of the catalog, content handed to ingest/content, entries as the wire shows
// them. A Replacer follows the catalog's events and puts new content in place when it is ready.
//
// It moves no bytes and makes no media.
package media
