// Package rpc is the wire protocol of the API, once: a service action is a typed Go function, registered with its
// service; decoding, validation, sessions, permissions, multirequest, encoding, response profiles, metrics, the access
// log, the schema and the reference pages all follow from the registration.
//
// In: HTTP requests in every shape that Kaltura clients send (path, query, form, multipart, JSON). Out: JSON, XML or
// JSONP, or a file. Classes are Go structs whose fields carry a `k` tag; inheritance is embedding.
//
// The rules are those of the api_v3 protocol; docs/rpc.md says how each is kept.
package rpc
