// Package bench does the same work through sluice and through its peers, in turn, in one run, and reports the ratio.
//
// In: a name, and peers installed on this machine (ffmpeg, ffprobe, nginx, redis-server). Out: results as JSON lines, a
// Markdown table and a plot. A ratio above 1 means that sluice is better. It asserts nothing: gates are read off the table.
package bench
