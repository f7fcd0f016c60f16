// Package origin serves sets over HTTP: segments, playlists, manifests, progressive files and pictures, made just in time from
// stored tracks.
//
// In: a request under one of the locations /hls/, /dash/, /mp4/, /thumb/ and /raw/ (each also behind /t/<token>/), and a
// [Resolver] that turns its file part into a set. Out: the bytes, with strong validators, ranges, compression for text,
// CORS and cache lifetimes.
//
// Wrap the server's listener with [Origin.Listener], or [Listener] where the origin is not mounted at the root, and set
// [ConnContext] on the server, and bytes leave by sendfile or writev straight from the stored files; over TLS, HTTP/2 or a plain
// listener they are written like any other response.
//
// It knows no entries or accounts, and never logs: [Config.Observe] hands every finished request to its owner.
package origin
