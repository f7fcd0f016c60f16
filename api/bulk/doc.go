// Package bulk is bulk jobs on the wire: documents that make, change and delete many entries (media.bulkUploadAdd and the
// services bulkUpload and bulkUpload_bulk) or categories, users and who and what is in categories (addFromBulkUpload), what became of each of their items, and the schemas that they are written by
// (schema.serve). The work itself is done by ingest/manifest, outside of any request.
package bulk
