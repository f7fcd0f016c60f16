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

// haveWords are the numbers of the entries that have, for each term, a word that starts with it: at most one more than
// maxFound.
func (db *DB) haveWords(terms []string) *bun.SelectQuery {
	q := db.read.NewSelect().Limit(maxFound + 1)
	match := make([]string, len(terms))
	for i, t := range terms {
		if db.postgres {
			match[i] = "'" + t + "':*"
		} else {
			match[i] = `"` + t + `"*`
		}
	}
	if db.postgres {
		return q.Table("entries").Column("num").
			Where("array_to_tsvector(string_to_array(search_words, ' ')) @@ ?::tsquery", strings.Join(match, " & "))
	}
	return q.Table("entries_words").ColumnExpr("rowid AS num").Where("entries_words MATCH ?", strings.Join(match, " "))
}

// whereText is haveWords without an index: it looks at the words of each entry.
func (db *DB) whereText(q *bun.SelectQuery, terms []string) *bun.SelectQuery {
	position := "instr"
	if db.postgres {
		position = "strpos"
	}
	for _, t := range terms {
		q = q.Where(position+"(' ' || search_words, ?) > 0", " "+t)
	}
	return q
}
