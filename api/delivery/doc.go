// Package delivery is the part of the API that players, downloads and pages reach by URL: playManifest, serveFlavor,
// raw, download and thumbnail.
//
// In: GET requests whose path is pairs of keys and values, with a session or without. Out: playlists, redirects to where
// the media is, files and pictures; an error is a status with its number in a header. It decides by api/rpc/access who
// may have what, and hands out signed URLs where not everybody may; it reads no media itself.
package delivery
