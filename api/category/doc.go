// Package category is the tree of an account's topics on the wire, and which entries are in which of them: the services category
// and categoryEntry. Entitlement by membership of categories is not here.
package category
