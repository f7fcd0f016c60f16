// Package kaltura holds the classes and enums of the wire that several services share, one file a noun, and how the
// catalog's nouns look as such classes. It decides nothing and asks no database.
package kaltura
