package catalog_test

import (
	"errors"
	"testing"

	"sluice/catalog"
)

func TestAnAccountHasADefaultProfileWithTheSystemsLadder(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		a, _, err := db.EnsureAccount(t.Context(), 0, "studio")
		if err != nil {
			t.Fatal(err)
		}
		p, err := db.DefaultProfile(t.Context(), a.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		params, err := db.ProfileParams(t.Context(), a.ID, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(params) != 9 || params[0].Params != 0 {
			t.Errorf("the default profile has %d parameters, from %v on; want the source and eight more", len(params), params)
		}
		again, err := db.DefaultProfile(t.Context(), a.ID, 1)
		if err != nil || again.ID != p.ID {
			t.Errorf("asked again: %d, %v; want %d", again.ID, err, p.ID)
		}
		if err := db.DeleteConversionProfile(t.Context(), a.ID, p.ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("deleting the default: %v", err)
		}
	})
}

func TestANewDefaultProfileTakesThePlaceOfTheOld(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		a, _, err := db.EnsureAccount(t.Context(), 0, "studio")
		if err != nil {
			t.Fatal(err)
		}
		own, err := db.AddFlavorParams(t.Context(), a.ID, catalog.FlavorParams{Name: "480p", VideoCodec: "h264", VideoRate: 1_000_000, Height: 480})
		if err != nil {
			t.Fatal(err)
		}
		if own.ID <= 100 {
			t.Errorf("an account's parameters got the id %d, which the system may need", own.ID)
		}
		p, err := db.AddConversionProfile(t.Context(), a.ID, catalog.ConversionProfile{Status: catalog.ProfileEnabled, Type: 1, Name: "small", Default: true},
			[]catalog.ProfileParams{{Params: 0}, {Params: own.ID, Ready: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if d, err := db.DefaultProfile(t.Context(), a.ID, 1); err != nil || d.ID != p.ID {
			t.Errorf("default is %d, %v; want %d", d.ID, err, p.ID)
		}
		if _, err := db.UpdateConversionProfile(t.Context(), a.ID, p.ID, []int64{own.ID}, func(*catalog.ConversionProfile) error { return nil }); err != nil {
			t.Fatal(err)
		}
		params, err := db.ProfileParams(t.Context(), a.ID, p.ID)
		if err != nil || len(params) != 1 || params[0].Ready != 1 {
			t.Errorf("after leaving out the source: %v, %v", params, err)
		}
		b, _, err := db.EnsureAccount(t.Context(), 0, "other")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.FlavorParams(t.Context(), b.ID, own.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's parameters: %v", err)
		}
		if _, err := db.ProfileParams(t.Context(), b.ID, p.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's profile: %v", err)
		}
		if err := db.DeleteFlavorParams(t.Context(), a.ID, own.ID); err != nil {
			t.Fatal(err)
		}
		if params, err = db.ProfileParams(t.Context(), a.ID, p.ID); err != nil || len(params) != 0 {
			t.Errorf("after the parameters were deleted: %v, %v", params, err)
		}
		if err := db.DeleteFlavorParams(t.Context(), a.ID, 3); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("deleting the system's parameters: %v", err)
		}
	})
}
