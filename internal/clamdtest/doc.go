// Package clamdtest is a daemon for tests that speaks the stream protocol of clamd(8), and knows one virus: the EICAR test file.
package clamdtest
