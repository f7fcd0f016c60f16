//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"sluice/catalog"
	"sluice/catalog/seal"
)

// unlock gives the catalog the keys of its secrets. When the configured account got its secrets just now, it shows them:
// they are never logged.
func (s *system) unlock(ctx context.Context, w io.Writer) error {
	keys, err := s.accountKeys()
	if err != nil {
		return err
	}
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return usageError{fmt.Errorf("account.key: %w", err)}
	}
	made, err := s.catalog.Unlock(ctx, ring)
	if err != nil {
		return fmt.Errorf("%w; see account.key", err)
	}
	id := s.account()
	if !slices.Contains(made, id) {
		return nil
	}
	list, err := s.catalog.Secrets(ctx, id)
	if err != nil {
		return err
	}
	secrets := secretsOf(list)
	fmt.Fprintf(w, "\nAccount %d has new secrets. Keep them; 'sluice account show %d' tells them again.\n\n", id, id)
	fmt.Fprintf(w, "    admin secret  %s\n    user secret   %s\n\n", secrets.Admin, secrets.User)
	return nil
}

// keyFile is where the key lies when none is configured.
func (s *system) keyFile() string { return s.cfg.Data("keys", "account.key") }

// hasKeys says whether this machine was given the keys of the accounts' secrets: a worker beside a server may have none.
func (s *system) hasKeys() bool {
	if len(s.cfg.List("account.key")) > 0 {
		return true
	}
	_, err := os.Stat(s.keyFile())
	return err == nil
}

// accountKeys are the keys of the accounts' secrets, the newest first.
func (s *system) accountKeys() ([]string, error) {
	if keys := s.cfg.List("account.key"); len(keys) > 0 {
		return keys, nil
	}
	return seal.LoadOrCreate(s.keyFile())
}

// SecretPair is the secrets of an account that are in use.
type SecretPair struct {
	Admin string `json:"admin_secret"`
	User  string `json:"user_secret"`
}

// secretsOf picks them from all that verify.
func secretsOf(list []catalog.Secret) SecretPair {
	var p SecretPair
	for _, secret := range slices.Backward(list) { // the newest of a kind comes first
		if secret.Kind == catalog.AdminSecret {
			p.Admin = secret.Text
		} else {
			p.User = secret.Text
		}
	}
	return p
}
