// Package config reads sluice's configuration: flags over SLUICE_* environment variables over a YAML file over defaults.
//
// One table (Options) names every key with its default, kind and meaning; docs/configuration.md is written from it and a
// test keeps the two equal. A wrong value is refused at start, by name.
package config
