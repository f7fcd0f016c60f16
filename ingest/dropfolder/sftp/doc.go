// Package sftp is drop folders on machines that are reached by SSH: their listing, and reading with many requests under way.
//
// The machine is known by its host key: a configured one, or the one that it showed first.
package sftp
