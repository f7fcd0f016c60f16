// Package link is a long line between two network namespaces of this machine: a user-space emulator that joins two TUN devices.
//
// In: a rate, a delay, a queue and a loss. Out: two namespaces, in which commands run and sockets are opened as if on two machines.
// Segments travel in the frames in which the kernel hands them over, as they do to and from a network card that cuts and joins them:
// so the line itself takes little of the machine that it shares with what it measures. What becomes of each segment is decided alone.
// Those from A to B are serialised at the rate with 38 bytes of framing each, dropped when the queue before the line is longer
// than it may be, lost at random after the line, and delivered after the delay; those from B to A likewise, but none is lost at
// random. It needs root, and Linux.
package link
