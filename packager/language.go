package packager

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// LanguageTag is the track's language as the shortest BCP 47 tag ("eng" becomes "en"), "" when it is unknown or no language.
func (m *Media) LanguageTag() string {
	if t := m.language(); t != language.Und {
		return t.String()
	}
	return ""
}

// LanguageName is what speakers of the track's language call it, "" when the language is unknown.
func (m *Media) LanguageName() string {
	if t := m.language(); t != language.Und {
		return display.Self.Name(t)
	}
	return ""
}

func (m *Media) language() language.Tag {
	t, err := language.Parse(m.Language)
	if err != nil {
		return language.Und
	}
	return t
}
