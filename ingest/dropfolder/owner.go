package dropfolder

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/catalog"
)

// metadataOfUsers is the object type of users; the value is the wire's.
const metadataOfUsers = "3"

// pathStep is one step of an XPath: /*[local-name()='metadata'], or plainly /metadata.
var pathStep = regexp.MustCompile(`^/(?:\*\[local-name\(\)=(?:'([^'/]+)'|"([^"/]+)")\]|([^/\[\]*:@'"]+))`)

// ParseField reads the XPath of an element, or a plain name, which is any element of that name. It returns the names on the way.
func ParseField(field string) ([]string, error) {
	var names []string
	for rest := field; rest != ""; {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil && len(names) == 0 && !strings.ContainsAny(rest, `/[]*:@'"`) {
			return []string{rest}, nil
		}
		if m == nil {
			return nil, fmt.Errorf("%q is no path of elements: write it as /metadata/Category or /*[local-name()='metadata']/*[local-name()='Category']", field)
		}
		names = append(names, cmp.Or(m[1], m[2], m[3]))
		rest = rest[len(m[0]):]
	}
	return names, nil
}

// elements are the texts of the elements of that path in a document, or of that name when it is one.
func elements(text string, names []string) []string {
	var out, path []string
	var b strings.Builder
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil
			}
			return out
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			b.Reset()
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			at := slices.Equal(path, names) || len(names) == 1 && path[len(path)-1] == names[0]
			if v := strings.TrimSpace(b.String()); at && v != "" {
				out = append(out, v)
			}
			b.Reset()
			path = path[:len(path)-1]
		}
	}
}

// addOwned enters the categories that the owners' metadata names with files that become new entries.
func (fo *folder) addOwned(ctx context.Context, batch []ready) error {
	o := fo.f.Options
	if o.MetadataProfile == 0 || o.CategoriesField == "" {
		return nil
	}
	known := map[string][]string{}
	for _, r := range batch {
		if r.target != "" || r.format != "" || r.archive {
			continue
		}
		user := r.files[0].User
		names, ok := known[user]
		if !ok {
			var err error
			if names, err = fo.ownersCategories(ctx, user); err != nil {
				return fmt.Errorf("categories of user %q: %w", user, err)
			}
			known[user] = names
		}
		r.files[0].owned = names
	}
	return nil
}

// ownersCategories are the categories that a user's metadata names, by id or by full name, as far as there are such. Where the folder
// enforces entitlement, they are those that the user owns or everybody may contribute to.
func (fo *folder) ownersCategories(ctx context.Context, user string) ([]string, error) {
	if user == "" {
		return nil, nil
	}
	names, err := ParseField(fo.f.Options.CategoriesField)
	if err != nil {
		return nil, &Error{Code: ErrConfig, Text: "categoriesMetadataFieldName cannot be used", Err: err}
	}
	m, err := fo.cfg.Catalog.MetadataOf(ctx, fo.f.Account, fo.f.Options.MetadataProfile, metadataOfUsers, user)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, v := range elements(m.XML, names) {
		c, err := fo.category(ctx, v)
		if errors.Is(err, catalog.ErrNotFound) {
			fo.log.Warn("a user's metadata names a category that is not there", "user", user, "category", v)
			continue
		}
		if err != nil {
			return nil, err
		}
		if !fo.f.Options.EnforceEntitlement || c.Owner == user || openToAll(c) {
			out = append(out, c.FullName)
		}
	}
	return out, nil
}

func (fo *folder) category(ctx context.Context, v string) (catalog.Category, error) {
	if id, err := strconv.ParseInt(v, 10, 64); err == nil {
		return fo.cfg.Catalog.Category(ctx, fo.f.Account, catalog.CategoryID(id))
	}
	return fo.cfg.Catalog.CategoryByName(ctx, fo.f.Account, v)
}

// openToAll says that everybody may put entries in a category: its contribution policy is the wire's ALL, or it has none.
func openToAll(c catalog.Category) bool {
	const all = 1
	var more struct {
		Policy *int `json:"contributionPolicy"`
	}
	return len(c.More) == 0 || json.Unmarshal(c.More, &more) == nil && (more.Policy == nil || *more.Policy == all)
}
