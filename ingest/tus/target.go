package tus

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest/content"
)

// maker gives a token's file its purpose: it returns the entry that it made.
type maker func(ctx context.Context, t catalog.UploadToken) (catalog.EntryID, error)

// target says, before anything is made, what a file is for: an entry to be made of its metadata, one that is there and waits for
// content ("entryId"), or whatever its token will be used for (nil).
func (s *Server) target(ctx context.Context, who Sender, info handler.FileInfo) (maker, error) {
	meta := info.MetaData
	switch {
	case info.IsPartial || meta["entry"] == "none" || meta["dropFolderId"] != "":
		return nil, nil
	case meta["entryId"] != "":
		return s.fill(ctx, who, catalog.EntryID(meta["entryId"]))
	}
	e, err := s.entry(ctx, who, meta)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, t catalog.UploadToken) (catalog.EntryID, error) {
		// The entry waits for the file from the start: work on it may begin before the last byte is here.
		made, err := s.addEntry(ctx, e)
		if err != nil {
			return "", err
		}
		if err := s.attach(ctx, t, made.ID); err != nil {
			return "", errors.Join(err, s.cfg.Catalog.DeleteEntry(ctx, made.ID))
		}
		st := stateOf(t)
		st.Entry = made.ID
		return made.ID, s.remember(ctx, t, st)
	}, nil
}

// existsError says that the account has an entry with the key that a sender gave: it delivers again.
type existsError struct{ entry catalog.EntryID }

func (e *existsError) Error() string { return "it was delivered before, as entry " + string(e.entry) }

// addEntry makes an entry, once for a key.
func (s *Server) addEntry(ctx context.Context, e catalog.Entry) (catalog.Entry, error) {
	if e.Owner != "" && e.Owner != "0" { // a user is made when first named
		if _, err := s.cfg.Catalog.EnsureUser(ctx, e.Account, e.Owner); err != nil {
			return e, err
		}
	}
	if e.DedupKey == "" {
		return s.cfg.Catalog.AddEntry(ctx, e)
	}
	made, added, err := s.cfg.Catalog.AddEntryOnce(ctx, e)
	if err == nil && !added {
		err = &existsError{made.ID}
	}
	return made, err
}

// fill makes the file the content of an entry that its sender may change.
func (s *Server) fill(ctx context.Context, who Sender, id catalog.EntryID) (maker, error) {
	e, err := s.cfg.Catalog.Entry(ctx, who.Account, id)
	if err == nil && (e.Status == catalog.EntryDeleted || !who.All && e.Owner != who.User && !slices.Contains(e.Editors, who.User)) {
		err = catalog.ErrNotFound
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, &Refusal{http.StatusNotFound, "ERR_ENTRY", "there is no entry " + strconv.Quote(string(id))}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, t catalog.UploadToken) (catalog.EntryID, error) {
		return e.ID, s.attach(ctx, t, e.ID)
	}, nil
}

func (s *Server) attach(ctx context.Context, t catalog.UploadToken, entry catalog.EntryID) error {
	return s.cfg.Content.SetEntry(ctx, t.Account, entry, []content.Part{{Source: content.Token{ID: t.ID, SHA256: stateOf(t).Meta["sha256"]}}}, content.Options{})
}

// entry is what metadata says of an entry to be made.
func (s *Server) entry(ctx context.Context, who Sender, meta map[string]string) (catalog.Entry, error) {
	e := catalog.BlankEntry(who.Account)
	e.Name = cmp.Or(meta["name"], fileName(meta), "upload")
	e.Description, e.ReferenceID = meta["description"], meta["referenceId"]
	e.Tags, e.Categories = list(meta["tags"]), list(meta["categories"])
	e.Owner, e.Creator = who.User, who.User
	if key := meta["idempotencyKey"]; key != "" {
		e.DedupKey = "key:" + key
	}
	var err error
	if e.ConversionProfile, err = number(meta, "conversionProfileId"); err != nil {
		return e, err
	}
	if e.ConversionProfile > 0 {
		if _, err := s.cfg.Catalog.ConversionProfile(ctx, who.Account, e.ConversionProfile); errors.Is(err, catalog.ErrNotFound) {
			return e, &Refusal{http.StatusBadRequest, "ERR_METADATA", "there is no conversion profile " + meta["conversionProfileId"]}
		} else if err != nil {
			return e, err
		}
	}
	media, err := number(meta, "mediaType")
	e.MediaType = catalog.MediaType(media)
	if err == nil && !slices.Contains([]catalog.MediaType{0, catalog.MediaVideo, catalog.MediaImage, catalog.MediaAudio}, e.MediaType) {
		err = &Refusal{http.StatusBadRequest, "ERR_METADATA", "mediaType is 1 (video), 2 (image) or 5 (audio)"}
	}
	return e, err
}

func number(meta map[string]string, key string) (int64, error) {
	if meta[key] == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(meta[key], 10, 64)
	if err != nil {
		return 0, &Refusal{http.StatusBadRequest, "ERR_METADATA", key + " is not a number"}
	}
	return n, nil
}

// list splits a list with commas.
func list(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
