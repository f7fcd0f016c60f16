package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/hsu"
	"sluice/ingest/quota"
	"sluice/internal/fault"
)

// spec is what a session was opened for, as its transfer keeps it.
type spec struct {
	hsu.Open
	Admin bool `json:"admin,omitempty"`
	// Node is the machine that opened it.
	Node string `json:"node,omitempty"`
}

// open answers a request for a session.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	opened, err := s.opened(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, opened)
}

func (s *Server) opened(w http.ResponseWriter, r *http.Request) (hsu.Opened, error) {
	ks, _ := strings.CutPrefix(r.Header.Get("Authorization"), "KS ")
	who, err := s.cfg.Authorize(r, ks)
	if err != nil {
		return hsu.Opened{}, err
	}
	var o hsu.Open
	if err := decode(w, r, &o); err != nil {
		return hsu.Opened{}, err
	}
	ctx := r.Context()
	if err := s.check(ctx, who, &o); err != nil {
		return hsu.Opened{}, err
	}
	text, err := json.Marshal(spec{o, who.Admin, s.node})
	if err != nil {
		return hsu.Opened{}, err
	}
	token := rand.Text()
	t, err := s.cfg.Catalog.AddTransfer(ctx, catalog.Transfer{Account: who.Account, User: who.User, Secret: secretOf(token), Spec: text}, s.cfg.MaxOpen)
	if err != nil {
		return hsu.Opened{}, err
	}
	fault.Point("hsu.opened")
	x, err := s.session(ctx, t)
	if err != nil {
		return hsu.Opened{}, err
	}
	defer x.release()
	limit := x.share().Report()
	return hsu.Opened{
		ID: string(t.ID), Token: token, BlockSize: hsu.BlockSize, MaxStreams: s.cfg.MaxStreams, Policy: x.policy,
		Cap: limit.Cap * 8, Rate: limit.Rate * 8, Expires: s.expires(),
	}, nil
}

func (s *Server) expires() time.Time {
	return time.Now().Add(s.cfg.Lifetime).UTC().Truncate(time.Second)
}

// check says what of a request for a session cannot be.
func (s *Server) check(ctx context.Context, who Identity, o *hsu.Open) error {
	if o.Policy == "" {
		o.Policy = hsu.Fair
	}
	switch {
	case !slices.Contains([]hsu.Policy{hsu.Fair, hsu.High, hsu.Low, hsu.Fixed}, o.Policy):
		return invalid("policy %q is none of fair, high, low and fixed", o.Policy)
	case o.Rate < 0 || o.Size < 0:
		return invalid("rate and size cannot be negative")
	case o.Policy == hsu.Fixed && o.Rate == 0:
		return invalid("policy fixed needs a rate")
	case o.Folder != 0 && o.Entry != "":
		return invalid("files go to a folder or to an entry, not to both")
	case o.Folder == 0 && o.Prefix != "":
		return invalid("a prefix is for a folder")
	case o.Folder != 0 && o.Metadata != nil:
		return invalid("files in a drop folder get their metadata by the folder's handler")
	}
	if m := o.Metadata; m != nil && !who.Admin && (m.UserID != "" && m.UserID != who.User || m.AdminTags != nil) {
		return fmt.Errorf("%w: only administrators choose another owner or set admin tags", ErrForbidden)
	}
	if o.Prefix != "" {
		if err := checkPath(o.Prefix); err != nil {
			return err
		}
	}
	if o.Size > 0 {
		room, err := s.cfg.Limits.Reserve(ctx, who.Account, o.Size)
		room.Release()
		if err != nil {
			return err
		}
	}
	if o.Entry != "" {
		return s.checkEntry(ctx, who, o)
	}
	if m := o.Metadata; m != nil && m.ConversionProfile > 0 {
		_, err := s.cfg.Catalog.ConversionProfile(ctx, who.Account, m.ConversionProfile)
		return err
	}
	return nil
}

func (s *Server) checkEntry(ctx context.Context, who Identity, o *hsu.Open) error {
	e, err := s.cfg.Catalog.Entry(ctx, who.Account, catalog.EntryID(o.Entry))
	if err != nil {
		return err
	}
	mine := strings.EqualFold(e.Owner, who.User) || slices.Contains(e.Editors, who.User)
	switch {
	case !who.Admin && !mine:
		return fmt.Errorf("entry %s: %w", e.ID, ErrForbidden)
	case e.Status != catalog.EntryNoContent && !o.Replace:
		return invalid("entry %s has content; ask for replacement to put another in its place", e.ID)
	}
	return nil
}

// checkPath says whether a path of slashes may be one below a folder.
func checkPath(p string) error {
	if len(p) > hsu.MaxPath || path.Clean(p) != p || path.IsAbs(p) {
		return invalid("%q is no path below what is sent", p)
	}
	for name := range strings.SplitSeq(p, "/") {
		if err := ingest.CheckName(name); err != nil {
			return err
		}
	}
	return nil
}

// weights of policies on the account's link.
var weights = map[hsu.Policy]int64{hsu.Fair: quota.Fair, hsu.High: quota.High, hsu.Low: quota.Low, hsu.Fixed: 1 << 16}
