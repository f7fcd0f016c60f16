// Package static writes presentations as plain files, for servers that know nothing of sluice.
//
// In: MP4 files. Out: a directory a format with playlists or manifest and everything they name. The bytes are those that
// package origin serves: a crawl over its handler, in process, is all this package does.
package static
