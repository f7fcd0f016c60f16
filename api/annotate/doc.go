// Package annotate is what is said about moments of entries: the service cuePoint, with chapters, slides, codes,
// annotations, advertisements and events. A cue point belongs to an entry, and whoever may change the entry may change it.
package annotate
