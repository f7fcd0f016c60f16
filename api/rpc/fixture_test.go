package rpc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// The wire of the tests: things in boxes.

type Base struct {
	rpc.Object
	ID        *string   `k:"id,ro" f:"eq,in,notin"`
	Name      *string   `k:"name,max=12,min=2" f:"eq,like,mlikeor,order"`
	CreatedAt *rpc.Time `k:"createdAt,ro" f:"gte,lte,order"`
	State     *State    `k:"state,ro" f:"eq,not,in"`
}

type Thing struct {
	Base
	Kind     *Kind            `k:"kind,io" f:"eq,in,order"`
	Format   *Kind            `k:"format,text"`
	Weight   *float64         `k:"weight,max=100" f:"gte"`
	Size     *rpc.Bytes       `k:"size,ro"`
	Heavy    *rpc.NullBool    `k:"heavy" f:"eq,empty"`
	On       *bool            `k:"on"`
	From     *rpc.Time        `k:"from" f:"gteornull"`
	Count    *int             `k:"count"`
	Tags     []string         `k:"tags" f:"matchor"`
	Parts    []*Part          `k:"parts"`
	Extra    map[string]*Part `k:"extra"`
	Shape    Shape            `k:"shape"`
	Password *string          `k:"password,wo"`
}

type Part struct {
	rpc.Object
	Label *string `k:"label"`
	Inner *Part   `k:"inner"`
}

type Shape interface {
	rpc.Class
	Corners() int
}

type BaseShape struct{ rpc.Object }

func (*BaseShape) Corners() int { return 0 }

type Square struct {
	BaseShape
	Side *int `k:"side"`
}

func (*Square) Corners() int { return 4 }

type State int

func (State) Enum() *rpc.Enum { return stateEnum }

var stateEnum = rpc.NewEnum("KalturaState", "NEW=0 DONE=2 BAD=-1")

type Kind string

func (Kind) Enum() *rpc.Enum { return kindEnum }

var kindEnum = rpc.NewEnum("KalturaKind", "ONE=1 PLUGIN=box.Round")

func thing() *Thing {
	return &Thing{
		Base: Base{ID: new("t1"), Name: new(`a "b" <c> & é`), CreatedAt: new(rpc.Time(1700000000)), State: new(State(2))},
		Kind: new(Kind("1")), Format: new(Kind("1")), Weight: new(1.5), Size: new(rpc.Bytes(1 << 40)), Heavy: new(rpc.True), On: new(false),
		Tags: []string{"x", "y"}, Parts: []*Part{{Label: new("p"), Inner: &Part{}}}, Extra: map[string]*Part{"k": {Label: new("v")}}, Shape: &Square{Side: new(3)},
		Password: new("hidden"),
	}
}

type service struct{ got []any }

func (s *service) register(r *rpc.Registry) {
	rpc.Base[Shape](r, &BaseShape{})
	r.Abstract(&BaseShape{})
	r.Classes(&Square{}, &Thing{})
	rpc.Searched[Base](r)
	rpc.FilterExtras[Base](r, "freeText")
	sys := r.Service("system", "The system.")
	rpc.Action(sys, "ping", "Answers.", func(*rpc.Call, rpc.None) (bool, error) { return true, nil }, rpc.For(rpc.Public))
	rpc.Action(sys, "word", "A text.", func(*rpc.Call, rpc.None) (string, error) { return "w<&>", nil }, rpc.For(rpc.Public))
	rpc.Action(sys, "panic", "Panics.", func(*rpc.Call, rpc.None) (string, error) { panic("oops") }, rpc.For(rpc.Public))
	t := r.Service("box_thing", "Things.")
	rpc.Action(t, "get", "Returns a thing.", func(_ *rpc.Call, in struct {
		ID      string `k:"id" ref:"thing"`
		Version int    `k:"version" default:"-1"`
	}) (*Thing, error) {
		s.got = append(s.got, in.ID, in.Version)
		if in.ID == "nope" || in.ID == "" {
			return nil, rpc.E("THING_NOT_FOUND", "ID", in.ID)
		}
		v := thing()
		v.ID = &in.ID
		return v, nil
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "add", "Adds a thing.", func(_ *rpc.Call, in struct {
		Thing *Thing `k:"thing" for:"add" required:"true"`
	}) (*Thing, error) {
		s.got = append(s.got, in.Thing)
		return in.Thing, nil
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "update", "Changes a thing.", func(_ *rpc.Call, in struct {
		ID    string `k:"id" ref:"thing"`
		Thing *Thing `k:"thing" for:"update" required:"true"`
	}) (*Thing, error) {
		was := thing()
		rpc.Merge(was, in.Thing)
		return was, nil
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "list", "Lists things.", func(_ *rpc.Call, in struct {
		Filter *rpc.FilterOf[Base] `k:"filter"`
		Pager  *rpc.Pager          `k:"pager"`
	}) (*rpc.List[*Thing], error) {
		s.got = append(s.got, in.Filter, in.Pager)
		return &rpc.List[*Thing]{Objects: []*Thing{{Base: Base{ID: new("a")}}, {Base: Base{ID: new("b")}}}, TotalCount: 7}, nil
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "shape", "Takes a shape.", func(_ *rpc.Call, in struct {
		Shape Shape `k:"shape" required:"true"`
	}) (int, error) {
		return in.Shape.Corners(), nil
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "upload", "Takes a file.", func(_ *rpc.Call, in struct {
		ID   string      `k:"id" ref:"thing"`
		Data *rpc.Upload `k:"fileData" required:"true"`
	}) (string, error) {
		f, err := in.Data.Open()
		if err != nil {
			return "", err
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		return in.ID + ":" + in.Data.Name + ":" + string(b[:min(len(b), 20)]), err
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "serve", "Serves a file.", func(_ *rpc.Call, in struct {
		ID string `k:"id" ref:"thing"`
	}) (*rpc.File, error) {
		if in.ID == "nope" {
			return nil, rpc.E("THING_NOT_FOUND", "ID", in.ID)
		}
		return &rpc.File{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "file of "+in.ID)
		})}, nil
	}, rpc.For(rpc.Anonymous))
	rpc.Action(t, "delete", "Removes a thing.", func(_ *rpc.Call, _ struct {
		ID string `k:"id" ref:"thing"`
	}) (rpc.Void, error) {
		return rpc.Void{}, nil
	})
	rpc.Action(t, "purge", "Removes all.", func(*rpc.Call, rpc.None) (rpc.Void, error) { return rpc.Void{}, nil }, rpc.For(rpc.AdminSession))
	rpc.Action(t, "look", "For widgets.", func(c *rpc.Call, _ rpc.None) (string, error) { return c.User(), nil }, rpc.For(rpc.WidgetSession))
	rpc.Action(t, "whose", "Tells whom it acts for.", func(c *rpc.Call, _ rpc.None) (string, error) {
		return fmt.Sprintf("%d/%d/%d", c.AccountID(), c.Session.Account, c.Session.Master), nil
	})
	rpc.Action(t, "broken", "Fails.", func(*rpc.Call, rpc.None) (string, error) { return "", io.ErrUnexpectedEOF }, rpc.For(rpc.Public))
}

// sessions knows tokens by name.
type sessions struct{ counted int }

func (s *sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	switch token {
	case "admin":
		return &ks.Session{Token: token, ID: "1", Account: 102, User: "root", Type: ks.AdminType}, nil
	case "user":
		return &ks.Session{Token: token, ID: "2", Account: 102, User: "joe"}, nil
	case "widget":
		return &ks.Session{Token: token, ID: "3", Account: 102, User: "0", Privileges: []ks.Privilege{{Name: "widget", Value: "1"}}}, nil
	case "role":
		return &ks.Session{Token: token, ID: "4", Account: 102, User: "r", Privileges: []ks.Privilege{{Name: "setrole", Value: "7"}, {Name: "actionslimit", Value: "3"}}}, nil
	case "blocked":
		return &ks.Session{Token: token, ID: "5", Account: 103, Type: ks.AdminType}, nil
	case "expired":
		return nil, rpc.E("INVALID_KS", "KSID", "EXPIRED", "ERR_CODE", "-5", "ERR_DESC", "EXPIRED")
	}
	return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
}

func (s *sessions) Count(context.Context, *ks.Session) error { s.counted++; return nil }

func (s *sessions) Permits(_ context.Context, ses *ks.Session, _, action string) (bool, error) {
	return ses.User != "r" || action == "purge", nil
}

type accounts struct{}

func (accounts) Account(_ context.Context, id catalog.AccountID) (catalog.Account, error) {
	switch id {
	case 102:
		return catalog.Account{ID: 102, Status: 1, Details: catalog.AccountDetails{ActsFor: []catalog.AccountID{103, 104}}}, nil
	case 104:
		return catalog.Account{ID: 104, Status: 1, Details: catalog.AccountDetails{SecureOnly: true}}, nil
	case 103:
		return catalog.Account{ID: 103, Status: 2}, nil
	}
	return catalog.Account{}, catalog.ErrNotFound
}

const testNow = 1_800_000_000

type fixture struct {
	*httptest.Server
	service  *service
	sessions *sessions
	log      *bytes.Buffer
}

func start(t testing.TB, change ...func(*rpc.Config)) *fixture {
	t.Helper()
	f := &fixture{service: &service{}, sessions: &sessions{}, log: &bytes.Buffer{}}
	reg := rpc.NewRegistry()
	f.service.register(reg)
	cfg := rpc.Config{
		Registry: reg, Sessions: f.sessions, Accounts: accounts{}, TempDir: t.TempDir(),
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    func() time.Time { return time.Unix(testNow, 0) },
	}
	for _, c := range change {
		c(&cfg)
	}
	srv, err := rpc.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.Server = httptest.NewServer(srv)
	t.Cleanup(f.Close)
	return f
}

// post sends a body and returns status and answer.
func (f *fixture) post(t testing.TB, path, contentType, body string) (*http.Response, string) {
	t.Helper()
	return f.do(t, "POST", path, contentType, body)
}

func (f *fixture) do(t testing.TB, method, path, contentType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}
