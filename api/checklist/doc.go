// Package checklist runs the compatibility checklist of the API: the unmodified kaltura-client package of npm, and raw
// requests, against the real server, in JSON and in XML. It also tries every action of the API with the ids of another
// account. There is nothing in it but tests.
package checklist
