// Package scan asks clamd, the daemon of ClamAV, whether content may be kept.
//
// In: the bytes of a new original, and of whatever else is stored for good. Out: a verdict, or, where there is none, what the
// policy makes of that: closed keeps content back until there is one, open lets it pass and notes why.
//
// It does not decide what becomes of infected content; pipeline/stage puts it aside.
package scan
