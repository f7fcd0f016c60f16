// Package sources decides what an entry is played and downloaded from: which of its flavors a format uses, and at which
// URLs the delivery has them, signed where the entry is not for everybody.
//
// In: an entry, its assets, what the client chose and what access control allows. Out: flavors and URLs. It asks no
// database and serves nothing; api/delivery serves what the URLs name.
package sources
