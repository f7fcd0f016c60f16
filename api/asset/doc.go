// Package asset is what the API says of the files of an entry: the services flavorAsset, captionAsset, attachmentAsset,
// thumbAsset and mediaInfo.
//
// In: calls of the actions that [Service.Register] adds. Out: the catalog's assets as classes of the wire, their content
// through ingest/content, their bytes from storage. An asset belongs to an entry, and whoever may see or change the entry
// may see or change it.
package asset
