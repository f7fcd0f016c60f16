package dropfolder

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestFieldsOfMetadataAreNamedByPath(t *testing.T) {
	const doc = `<metadata><Category>News</Category><Other><Category> Sport </Category></Other><Category/><Note>x</Note></metadata>`
	for field, want := range map[string][]string{
		"Category":           {"News", "Sport"},
		"/metadata/Category": {"News"},
		"/*[local-name()='metadata']/*[local-name()='Other']/*[local-name()=\"Category\"]": {"Sport"},
		"/metadata/None": nil,
	} {
		names, err := ParseField(field)
		if err != nil {
			t.Errorf("%s: %v", field, err)
		}
		if diff := cmp.Diff(want, elements(doc, names)); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	for _, field := range []string{"//Category", "/metadata/Category[1]", "/metadata/@id", "a/b", "/"} {
		if _, err := ParseField(field); err == nil {
			t.Errorf("%s is no error", field)
		}
	}
	for _, text := range []string{"", "no xml", "<a><b></a>"} {
		if got := elements(text, []string{"b"}); got != nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestEntriesGoToTheCategoriesOfTheirOwners(t *testing.T) {
	for name, c := range map[string]struct {
		enforce bool
		want    []string
	}{
		"any":           {false, []string{"News>Local", "Closed", "Mine"}},
		"entitled only": {true, []string{"News>Local", "Mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(f *catalog.DropFolder) {
				f.Options.SlugRegex, f.Options.EnforceEntitlement = `/(?P<userId>\w+)-(?P<referenceId>\w+)[.]mp4/`, c.enforce
			})
			p, err := h.db.AddMetadataProfile(t.Context(), account, catalog.MetadataProfile{Name: "home", ObjectType: metadataOfUsers, XSD: "<x/>"})
			if err != nil {
				t.Fatal(err)
			}
			err = h.db.InTx(t.Context(), func(tx *catalog.Tx) error {
				_, err := tx.EnsureCategory(t.Context(), account, "News>Local")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			closed, _ := json.Marshal(map[string]int{"contributionPolicy": 2})
			for _, cat := range []catalog.Category{{Name: "Closed", More: closed}, {Name: "Mine", Owner: "ann", More: closed}} {
				if _, err := h.db.AddCategory(t.Context(), account, cat); err != nil {
					t.Fatal(err)
				}
			}
			xml := "<metadata><Category>News&gt;Local</Category><Category>Closed</Category><Category>Mine</Category><Category>Nowhere</Category></metadata>"
			if _, err := h.db.AddMetadata(t.Context(), account, catalog.Metadata{Profile: p.ID, ObjectType: metadataOfUsers, Object: "ann", XML: xml}); err != nil {
				t.Fatal(err)
			}
			_, err = h.db.UpdateDropFolder(t.Context(), account, h.folder.ID, func(f *catalog.DropFolder) error {
				f.Options.MetadataProfile, f.Options.CategoriesField = p.ID, "/metadata/Category"
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			h.drop("ann-one.mp4", "one")
			h.drop("bob-two.mp4", "two")
			h.start()
			for file, want := range map[string][]string{"ann-one.mp4": c.want, "bob-two.mp4": nil} {
				e, err := h.db.Entry(t.Context(), account, h.wait(file, purged).Entry)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, e.Categories); diff != "" {
					t.Errorf("%s: %s", file, diff)
				}
			}
			if _, err := h.db.CategoryByName(t.Context(), account, "Nowhere"); err == nil {
				t.Error("a category was made that nobody made")
			}
		})
	}
}
