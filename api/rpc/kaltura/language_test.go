package kaltura_test

import (
	"testing"

	"sluice/api/rpc/kaltura"
)

func TestLanguagesHaveTheirOwnCodes(t *testing.T) {
	for name, code := range map[string]string{
		"English": "en", "Spanish": "es", "French": "fr", "German": "de", "Portuguese": "pt", "Chinese": "zh", "Arabic": "ar", "Hebrew": "he", "Russian": "ru",
		"english (US)": "en-US", "en": "en", "es-419": "es-419", "Undefined": "und", "": "und", "Klingonese": "und",
	} {
		if got := kaltura.LanguageCode(name); got != code {
			t.Errorf("%q is %q, want %q", name, got, code)
		}
	}
	for code, name := range map[string]string{"en": "English", "es": "Spanish", "und": "Undefined", "": "Undefined"} {
		if got := kaltura.LanguageName(code); got != name {
			t.Errorf("%q is called %q, want %q", code, got, name)
		}
	}
}
