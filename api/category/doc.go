// Package category is the tree of an account's topics on the wire, which entries are in which of them, and who their members are:
// the services category, categoryEntry and categoryUser.
package category
