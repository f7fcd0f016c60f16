// Package metadata is custom metadata on the wire: the schemas that an account makes for it (metadata_metadataProfile) and the
// values that its entries have (metadata_metadata). Which schemas are understood, package ingest/manifest/xsd says.
package metadata
