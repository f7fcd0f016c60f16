// Package xsd holds custom metadata against the schemas that accounts write for it.
//
// It understands the part of XML Schema 1.0 that forms of custom metadata are written in: elements with sequences, choices and
// bounds of occurrence; named and anonymous types, extension of simple content, attributes; restrictions by enumeration,
// pattern, length and range; the built-in types for texts, numbers, truth, times and addresses; annotations. A schema that
// uses anything else is refused by name when it is saved, so that nothing is ever taken as valid that was not looked at.
//
// It reads no file and no address: schemas do not import.
package xsd
