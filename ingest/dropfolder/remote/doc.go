// Package remote is what folders on other machines have in common, whatever protocol reaches them: connections that end when
// nothing moves and that carry no more than they should, listings of trees in batches, and reading that goes on after a cut.
package remote
