// Package console is the operator console: a web application and the JSON it is made of.
//
// In: HTTP requests, and the catalog's facts through the small Catalog interface. Out: the pages under /console/, JSON and
// server-sent events under /v1/. One goroutine, Console.Run, watches the catalog for all listening browsers.
//
// It shows and triggers; it never does the work itself, never serves media (Config.Play says where that is) and never talks
// to Redis or storage. It has no login: it is meant to be bound to loopback, refuses state changes that another site
// started, and refuses names that it was not told are its own.
//
// The sources of the web application are in web/; `make build` puts them into dist/, which is embedded here.
package console
