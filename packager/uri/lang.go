package uri

import "strings"

// languages lists, for the languages that media is usually labelled with, the ISO 639-1 code and the ISO 639-2 codes that mean
// the same.
var languages = [...]string{
	"af afr", "am amh", "ar ara", "bg bul", "bn ben", "bs bos", "ca cat", "cs ces cze", "cy cym wel", "da dan",
	"de deu ger", "el ell gre", "en eng", "es spa", "et est", "eu eus baq", "fa fas per", "fi fin",
	"fr fra fre", "ga gle", "gl glg", "gu guj", "he heb", "hi hin", "hr hrv", "hu hun", "hy hye arm", "id ind",
	"is isl ice", "it ita", "ja jpn", "ka kat geo", "kk kaz", "km khm", "kn kan", "ko kor", "lo lao", "lt lit",
	"lv lav", "mk mkd mac", "ml mal", "mn mon", "mr mar", "ms msa may", "my mya bur", "nb nob", "ne nep",
	"nl nld dut", "nn nno", "no nor", "pa pan", "pl pol", "ps pus", "pt por", "ro ron rum", "ru rus", "si sin",
	"sk slk slo", "sl slv", "sq sqi alb", "sr srp", "sv swe", "sw swa", "ta tam", "te tel", "th tha", "tr tur",
	"uk ukr", "ur urd", "uz uzb", "vi vie", "zh zho chi", "zu zul",
}

// sameLanguage reports whether two codes of ISO 639 mean the same language, whatever their part and case.
func sameLanguage(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	for _, row := range languages {
		if hasWord(row, a) && hasWord(row, b) {
			return true
		}
	}
	return false
}

func hasWord(row, w string) bool {
	for row != "" {
		var code string
		if code, row, _ = strings.Cut(row, " "); strings.EqualFold(code, w) {
			return true
		}
	}
	return false
}
