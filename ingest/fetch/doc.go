// Package fetch downloads files by URL.
//
// In: a URL, with header lines for its origin. Out: a complete file, by resuming, retrying and, where the origin can, in parallel
// ranges; as a task of the pipeline it goes on where a killed process stopped, and ends as the import stage does.
//
// HTTP is its own; FTP, SFTP and S3 come by what opens their files (Remotes).
//
// Where it may connect to is decided by a Guard, for every address that a name resolves to and for every redirect: by default
// nothing but the public Internet. URLs are shown and logged without what may be secret in them.
package fetch
