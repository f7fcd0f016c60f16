// Package ks is the session token of the protocol: minting and parsing of both versions, and what the privileges of a
// token allow. It knows no database; who verifies a token gives the secrets.
//
// Version 1 is base64 of a SHA-1 in hex, a bar and the fields in the clear; version 2 is encrypted with a key made from the
// account's secret. Both are the api_v3 protocol's and are minted by clients too, so their weak primitives cannot be chosen
// here: the strength of a token is that of its secret.
package ks
