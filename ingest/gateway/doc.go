// Package gateway is the doors of SFTP and FTPS: servers of our own, whose homes are the local drop folders of an account.
//
// In: connections of clients that know nothing of sluice. Out: files under their final names in drop folders, and word of them.
//
// A file under way lies in the folder's .sluice-parts, beside a small record of what of it is there, and is renamed when its
// last byte is. The client sees it under its final name, as large as it is so far, so that it can go on where it was cut; a
// transfer whose client was lost rests, and is never taken for a whole file. Nobody gets out of a home: every path is resolved
// below the folder's directory, links are neither made nor followed out.
package gateway
