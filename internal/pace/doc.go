// Package pace tells how long bytes wait for a rate that may change while they do.
//
// In: a rate, and bytes that are to pass. Out: how long each has to wait, from now, at the rate of now. It neither locks nor sleeps.
package pace
