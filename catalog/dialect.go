package catalog

import (
	"strings"

	"github.com/uptrace/bun/schema"
)

// dialect writes SQL as the dialect inside does, save for text with NUL, which PostgreSQL cannot hold and bun turns into a
// statement that fails. Here it becomes text that no id has, so that looking up what a stranger sent finds nothing. What is
// stored is checked before: see checkText.
type dialect struct{ schema.Dialect }

// AppendString implements schema.Dialect.
func (d dialect) AppendString(b []byte, s string) []byte {
	return d.Dialect.AppendString(b, strings.ReplaceAll(s, "\x00", "\uFFFD"))
}
