package catalog

import (
	"strings"
	"unicode"

	"github.com/uptrace/bun"
	"golang.org/x/text/unicode/norm"
)

// Words are cut here, not by the databases, so that both find the same: letters and digits, folded to lower case
// without accents. Scripts written without spaces give one word a character.

const (
	maxWords     = 1000
	maxWordBytes = 100
)

var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// words returns the distinct words of the texts, at most maxWords.
func words(texts ...string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(w string) {
		if len(w) > maxWordBytes {
			w = strings.ToValidUTF8(w[:maxWordBytes], "")
		}
		if w != "" && !seen[w] && len(out) < maxWords {
			seen[w] = true
			out = append(out, w)
		}
	}
	for _, text := range texts {
		var word strings.Builder
		for _, r := range strings.ToLower(norm.NFKD.String(text)) {
			switch {
			case unicode.Is(unicode.Mn, r):
			case unicode.IsOneOf(unspaced, r):
				add(word.String())
				word.Reset()
				add(string(r))
			case unicode.IsLetter(r), unicode.IsDigit(r):
				word.WriteRune(r)
			default:
				add(word.String())
				word.Reset()
			}
		}
		add(word.String())
	}
	return out
}

// whereWords keeps the entries that have, for each word of search, a word that starts with it.
func (db *DB) whereWords(q *bun.SelectQuery, search string) *bun.SelectQuery {
	terms := words(search)
	if len(terms) == 0 {
		return q
	}
	if db.postgres {
		for i, t := range terms {
			terms[i] = "'" + t + "':*"
		}
		return q.Where("array_to_tsvector(string_to_array(search_words, ' ')) @@ ?::tsquery", strings.Join(terms, " & "))
	}
	for i, t := range terms {
		terms[i] = `"` + t + `"*`
	}
	found := db.read.NewSelect().TableExpr("entries_words").Column("rowid").Where("entries_words MATCH ?", strings.Join(terms, " "))
	return q.Where("num IN (?)", found)
}
