// Package manifest reads documents that say what entries there shall be, and makes them so: XML in the MRSS form of bulk
// uploads, CSV and JSON. Documents in CSV may also be about categories, users, and who and what is in categories.
//
// In: a document, stored as an object, and who sent it. Out: entries with their content, assets, cue points, categories and
// custom metadata; a result for every item, written in the transaction of what it tells; the event bulk.finished.
//
// One table (schema.go) says what an item may have. From it come the readers' checks, the published XSD and the published JSON
// Schema; those of other lines are in object_schema.go. Readers stream: memory does not grow with the number of items. A document is data of strangers: it names no entity,
// opens no file but those that its job gives it, and is refused with line and column.
//
// It does not transcode, does not know the wire of the API, and does not decide when a drop folder's document is complete.
package manifest
