// Package seal keeps secrets from whoever reads the database but not the key: AES-256-GCM under a key that lives outside it,
// in the configuration or in a file beside the data.
//
// In: a secret and the words that say what it is, which are bound to it so that a sealed text is worth nothing in another
// place. Out: a text that names its key, so that keys can be replaced one at a time.
package seal
