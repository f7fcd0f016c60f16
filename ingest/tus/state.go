package tus

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// Carrier is how upload tokens that began here name it; carrierJoin those that are made of others.
const (
	Carrier     = "tus"
	carrierJoin = "tus-join"
)

// state is what a token keeps of its tus upload.
type state struct {
	// Meta is what the sender said at the creation, without its session.
	Meta map[string]string `json:"meta,omitempty"`
	// Entry is the entry that was made for the upload, "" for one that was there.
	Entry catalog.EntryID `json:"entry,omitempty"`
	// SHA256 is the content's, hexadecimal, where it is known before the file is stored.
	SHA256 string `json:"sha256,omitempty"`
	// Folder and Path are the file of a drop folder that the upload becomes, instead of an entry.
	Folder catalog.DropFolderID `json:"folder,omitempty"`
	Path   string               `json:"path,omitempty"`
	// Empty says that the length is known, and 0.
	Empty bool `json:"empty,omitempty"`
	// Partial says that the file is a part of another, of which Parts are all.
	Partial bool              `json:"partial,omitempty"`
	Parts   []upload.JoinPart `json:"parts,omitempty"`
}

// stateOf reads it; a token of another carrier has none.
func stateOf(t catalog.UploadToken) state {
	var st state
	if t.Carrier == Carrier || t.Carrier == carrierJoin || t.Carrier == carrierFolder {
		_ = json.Unmarshal(t.State, &st) // written by add
	}
	return st
}

func (s *Server) add(ctx context.Context, t catalog.UploadToken, st state) (catalog.UploadToken, error) {
	var err error
	if t.State, err = json.Marshal(st); err != nil {
		return t, err
	}
	return s.cfg.Engine.Add(ctx, t)
}

// remember puts the state of an upload into its token.
func (s *Server) remember(ctx context.Context, t catalog.UploadToken, st state) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	_, err = s.cfg.Catalog.UpdateUploadToken(ctx, t.Account, t.ID, func(n *catalog.UploadToken) error {
		n.State = b
		return nil
	})
	return err
}

// fileName is what the sender calls its file, without the folders that it may lie in.
func fileName(meta map[string]string) string {
	name := strings.TrimRight(cmp.Or(meta["filename"], meta["name"]), "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}
