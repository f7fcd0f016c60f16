// Package quota bounds what accounts bring in: how fast, and how much of it is kept.
//
// The rate of an account is one link that all its transfers share, whatever carries them and on whichever node they end. Each
// second the link is split anew: everybody gets an equal part by weight, and what somebody cannot use goes to the others. Nodes
// tell each other through Redis what their transfers want; each computes the same split of it and applies its own part.
//
// Room is reserved before bytes are accepted: within the account's storage quota, in what it may have on its way to all nodes, and
// on the volumes of this one. Nodes say through Redis what they hold, each second and when little is left; one that says nothing for
// four seconds holds nothing.
//
// In: transfers, and the limits of accounts (catalog.AccountDetails, or defaults). Out: readers that wait, and refusals. It does
// not look at bytes.
package quota
