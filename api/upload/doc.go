// Package upload is the uploadToken service of the API (§5.2 of the API contract): the wire of ingest/upload.
package upload
