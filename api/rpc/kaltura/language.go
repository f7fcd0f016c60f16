package kaltura

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Languages on the wire are their English names ("English", "Spanish"); the catalog keeps ISO 639 codes.

// NoLanguage is the name of what has no known language.
const NoLanguage = "Undefined"

// languageCodes maps lower-case English names to codes, made on first use.
var languageCodes = sync.OnceValue(func() map[string]string {
	codes := map[string]string{}
	namer := display.English.Languages()
	for _, t := range display.Supported.Tags() {
		name := strings.ToLower(namer.Name(t))
		if old, known := codes[name]; name != "" && (!known || len(t.String()) < len(old)) { // the language before its regions
			codes[name] = t.String()
		}
	}
	for name, code := range map[string]string{
		"chinese": "zh", "norwegian": "no", "portuguese": "pt", "serbian": "sr", "farsi": "fa", "hebrew": "he",
		"english (us)": "en-US", "english (british)": "en-GB", "spanish (latin america)": "es-419",
		"chinese - simplified": "zh-Hans", "chinese - traditional": "zh-Hant", "portuguese (brazil)": "pt-BR",
		"french (canada)": "fr-CA", "multilingual": "mul",
	} {
		codes[name] = code
	}
	return codes
})

// LanguageCode returns the code of a language given by its English name or by a code; "und" for none or an unknown one.
func LanguageCode(name string) string {
	name = strings.TrimSpace(name)
	if name == "" || strings.EqualFold(name, NoLanguage) {
		return "und"
	}
	if code, ok := languageCodes()[strings.ToLower(name)]; ok {
		return code
	}
	if t, err := language.Parse(name); err == nil && len(name) <= 3 || err == nil && strings.Contains(name, "-") {
		return t.String()
	}
	return "und"
}

// LanguageName returns the English name of a code; Undefined for none or an unknown one.
func LanguageName(code string) string {
	if code == "" || code == "und" {
		return NoLanguage
	}
	if code == "mul" {
		return "Multilingual"
	}
	t, err := language.Parse(code)
	if err != nil {
		return NoLanguage
	}
	if name := display.English.Languages().Name(t); name != "" {
		return name
	}
	return NoLanguage
}

// KnownLanguage says whether name means a language: its English name, a code, or Undefined.
func KnownLanguage(name string) bool {
	return strings.EqualFold(name, NoLanguage) || LanguageCode(name) != "und"
}
