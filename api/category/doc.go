// Package category is the tree of an account's topics on the wire, and which entries are in which of them: the services category
// and categoryEntry. Members of categories are not here: a private category is for its owner, for users, or for all.
package category
