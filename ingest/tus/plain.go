package tus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// Ways of files that come in one request.
const (
	wayForm = "form"
	wayPut  = "put"
)

// Received is the answer to a file that came in one request.
type Received struct {
	Entry  catalog.EntryID       `json:"entry,omitempty"`
	Token  catalog.UploadTokenID `json:"uploadToken,omitempty"`
	Folder string                `json:"folder,omitempty"`
	Path   string                `json:"path,omitempty"`
	Size   int64                 `json:"size"`
	SHA256 string                `json:"sha256"`
	// Again says that the file was here before, and that nothing was made.
	Again bool `json:"again,omitempty"`
}

// file is a file on its way in with one request.
type file struct {
	way  string
	meta map[string]string
	// size is -1 when only the end of body tells.
	size int64
	body io.Reader
	// digests are what the sender says of it; asked again at its end, as a form may say them only then.
	digests func() ([]digest, error)
}

// take stores a file and makes its entry. Nothing is left of one that is cut or not what its sender meant.
func (s *Server) take(ctx context.Context, q *request, f file) (Received, error) {
	r, err := s.takeFile(ctx, q, f)
	files.WithLabelValues(f.way, outcome(r, err)).Inc()
	return r, err
}

func outcome(r Received, err error) string {
	switch {
	case err == nil && r.Again:
		return "again"
	case err == nil:
		return "stored"
	case errors.Is(err, errCut), errors.Is(err, context.Canceled):
		return "cut"
	case refusalOf(err) != nil:
		return "refused"
	}
	return "error"
}

func (s *Server) takeFile(ctx context.Context, q *request, f file) (Received, error) {
	info := handler.FileInfo{Size: max(f.size, 0), SizeIsDeferred: f.size < 0, MetaData: f.meta}
	purpose, err := s.target(ctx, q.sender, info)
	if err != nil {
		return Received{}, err
	}
	if s.cfg.Reserve != nil {
		room, err := s.cfg.Reserve(ctx, q.sender.Account, f.size)
		if err != nil {
			return Received{}, err
		}
		defer room.Release()
		f.body = room.Reader(ctx, f.body)
	}
	st := state{Meta: f.meta}
	delete(st.Meta, "ks")
	t, err := s.add(ctx, catalog.UploadToken{
		Account: q.sender.Account, User: q.sender.User, FileName: fileName(f.meta), FileSize: info.Size, Carrier: Carrier,
	}, st)
	if err != nil {
		return Received{}, err
	}
	r, err := s.pour(ctx, t, f)
	if err == nil {
		st.SHA256 = r.SHA256
		err = s.remember(ctx, t, st)
	}
	if err == nil {
		t, err = s.cfg.Catalog.UploadToken(ctx, t.Account, t.ID)
	}
	if err == nil {
		r, err = s.make(ctx, t, purpose, r, f.meta)
	}
	if err != nil || r.Again {
		// What is left over goes, also when the sender is gone.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
		defer cancel()
		err = errors.Join(err, s.cfg.Engine.Delete(end, t.Account, t.ID))
	}
	return r, err
}

// errCut says that a body ended before its end.
var errCut = errors.New("the connection ended before the file did")

// checked is a body that is hashed as it passes.
type checked struct {
	io.Reader
	body  *failing
	file  file
	sum   hash.Hash
	extra map[string]hash.Hash
}

// checked wraps the body of a file, at its account's rate.
func (s *Server) checked(ctx context.Context, account catalog.AccountID, f file) (*checked, error) {
	c := &checked{body: &failing{r: f.body}, file: f, sum: sha256.New(), extra: map[string]hash.Hash{}}
	c.Reader = io.TeeReader(c.body, c.sum)
	known, err := f.digests()
	if err != nil {
		return nil, err
	}
	for _, d := range known {
		if h := d.hash(); h != nil && c.extra[d.name] == nil {
			c.extra[d.name] = h
			c.Reader = io.TeeReader(c.Reader, h)
		}
	}
	if s.cfg.Rate != nil {
		c.Reader = s.cfg.Rate(ctx, account, c.Reader)
	}
	return c, nil
}

// verdict says, at the end of the body, whether it is what its sender meant, and what it is.
func (c *checked) verdict() (Received, error) {
	if c.body.err != nil || c.file.size >= 0 && c.body.n != c.file.size {
		return Received{}, fmt.Errorf("%w: after %d bytes", errCut, c.body.n)
	}
	r := Received{Size: c.body.n, SHA256: hex.EncodeToString(c.sum.Sum(nil))}
	all, err := c.file.digests()
	if err != nil {
		return r, err
	}
	return r, check(all, r.SHA256, c.extra)
}

// pour writes the file and completes its token.
func (s *Server) pour(ctx context.Context, t catalog.UploadToken, f file) (Received, error) {
	body, err := s.checked(ctx, t.Account, f)
	if err != nil {
		return Received{}, err
	}
	var r Received
	verify := func() (err error) {
		r, err = body.verdict()
		return err
	}
	if _, _, err := s.cfg.Engine.Receive(ctx, t.Account, t.ID, upload.Stream{Size: f.size, Body: body, Verify: verify}); err != nil {
		return r, err
	}
	r.Token = t.ID
	_, err = s.cfg.Engine.Complete(ctx, t.Account, t.ID, r.Size)
	return r, err
}

// make gives the complete file to its entry, unless the same was delivered before.
func (s *Server) make(ctx context.Context, t catalog.UploadToken, purpose maker, r Received, meta map[string]string) (Received, error) {
	if meta["entryId"] == "" {
		id, err := s.delivered(ctx, t.Account, meta, r.Size, r.SHA256)
		if err != nil {
			return r, err
		}
		if id != "" {
			r.Entry, r.Token, r.Again = id, "", true
			return r, nil
		}
	}
	if purpose == nil {
		return r, nil
	}
	var err error
	r.Entry, err = purpose(ctx, t)
	if exists := (*existsError)(nil); errors.As(err, &exists) {
		r.Entry, r.Token, r.Again = exists.entry, "", true
		return r, nil
	}
	return r, err
}

// delivered finds an entry of the same reference id whose original has the very bytes of a delivery, or waits for them. Whoever
// asks for another entry gets one.
func (s *Server) delivered(ctx context.Context, account catalog.AccountID, meta map[string]string, size int64, sum string) (catalog.EntryID, error) {
	reference := meta["referenceId"]
	if reference == "" || sum == "" || meta["onDuplicate"] == "always" {
		return "", nil
	}
	var q catalog.Query
	q.Conds = []catalog.Cond{{Field: "referenceId", Op: catalog.OpEq, Values: []any{reference}}}
	q.Limit = 20
	entries, _, err := s.cfg.Catalog.QueryEntries(ctx, account, q)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.Status < 0 { // it failed
			continue
		}
		assets, err := s.cfg.Catalog.Assets(ctx, e.ID, catalog.AssetFlavor)
		if err != nil {
			return "", err
		}
		same := func(a catalog.Asset) bool {
			return a.Original && a.Version == e.Version && a.Size == size && strings.EqualFold(a.SHA256, sum)
		}
		if slices.ContainsFunc(assets, same) {
			return e.ID, nil
		}
		tokens, err := s.cfg.Catalog.AttachedUploadTokens(ctx, account, string(e.ID))
		if err != nil {
			return "", err
		}
		coming := func(t catalog.UploadToken) bool {
			return t.Status != catalog.UploadDeleted && t.Status != catalog.UploadTimeout && t.Extents.Total() == size && strings.EqualFold(stateOf(t).SHA256, sum)
		}
		if slices.ContainsFunc(tokens, coming) {
			return e.ID, nil
		}
	}
	return "", nil
}

// failing remembers how a body ended.
type failing struct {
	r   io.Reader
	n   int64
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	f.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// plain makes a handler of a function that takes a file in one request.
func (s *Server) plain(way string, take func(q *request, w http.ResponseWriter, r *http.Request) (Received, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.allow(w, r)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		q := &request{server: s, http: r}
		got, err := take(q, w, r)
		if err != nil {
			if refusal := refusalOf(err); refusal != nil {
				err = refusal
			} else if errors.Is(err, errCut) || r.Context().Err() != nil {
				err = &Refusal{http.StatusBadRequest, "ERR_CUT", errCut.Error()}
			}
			// What is left of the body is not read: the connection ends.
			w.Header().Set("Connection", "close")
			s.refuse(w, r, err)
			return
		}
		status := http.StatusCreated
		if got.Again {
			status = http.StatusOK
		}
		if got.Entry != "" {
			w.Header().Set(headerEntry, string(got.Entry))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(got) // a client that went away misses its answer
	})
}

// allow lets pages of the origins that may send files read the answer.
func (s *Server) allow(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.cfg.Origins, "*") && !slices.Contains(s.cfg.Origins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", headerEntry)
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "POST, PUT, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Kaltura-Ks, Digest, Repr-Digest, If-None-Match")
		h.Set("Access-Control-Max-Age", "86400")
	}
}

// silence ends a body that stands still: each read may take so long.
func silence(w http.ResponseWriter, body io.Reader) io.Reader {
	return &patient{body, http.NewResponseController(w)}
}

type patient struct {
	r  io.Reader
	rc *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(networkTimeout)) // a connection without deadlines waits
	return p.r.Read(b)
}
