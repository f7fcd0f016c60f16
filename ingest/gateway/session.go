package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"sluice/catalog"
)

// session is a user who is logged in: what the protocols have in common. Paths are as the client sees them, from the root of the
// home. Its methods may be called from several goroutines.
type session struct {
	g         *Gateway
	user      catalog.GatewayUser
	protocol  string
	log       *slog.Logger
	ctx       context.Context //nolint:containedctx // ends with the connection
	names     []string        // of the folders; none when the home is one folder
	desks     []*desk
	allowance *allowance

	quota  io.Reader  // nil without a limit of the account
	mu     sync.Mutex // guards reads of quota
	active sync.WaitGroup

	in, out prometheus.Counter
	last    atomic.Int64 // when something happened, in nanoseconds since 1970
	handles atomic.Int32 // files and listings that are open
}

// maxHandles bounds what a connection has open.
const maxHandles = 256

// touch notes that something happens.
func (s *session) touch() { s.last.Store(s.g.now().UnixNano()) }

// idle says whether nothing happened for too long.
func (s *session) idle() bool { return s.g.now().Sub(time.Unix(0, s.last.Load())) > s.g.cfg.Idle }

// gone says whether the user may not come in any more.
func (s *session) gone() bool {
	u, err := s.g.cfg.Users.GatewayLogin(s.ctx, s.user.Name)
	if err != nil {
		return errors.Is(err, catalog.ErrNotFound)
	}
	return u.ID != s.user.ID
}

// grab counts a handle, for drop later.
func (s *session) grab() error {
	if s.handles.Add(1) > maxHandles {
		s.handles.Add(-1)
		return fmt.Errorf("%w open files: a connection may have %d", ErrTooMany, maxHandles)
	}
	return nil
}

func (s *session) drop() { s.handles.Add(-1) }

// login begins a session of a user who proved to be one. leave must be called at its end.
func (g *Gateway) login(ctx context.Context, u catalog.GatewayUser, a attempt) (s *session, leave func(), err error) {
	refuse := func(outcome string, err error) (*session, func(), error) {
		logins.WithLabelValues(a.protocol, outcome).Inc()
		g.cfg.Log.Warn("gateway: login not possible", "protocol", a.protocol, "user", u.Name, "account", u.Account, "remote", a.addr.String(), "error", err)
		return nil, nil, err
	}
	key := fmt.Sprintf("%s %d", a.protocol, u.Account)
	if !g.count(key) {
		return refuse("limit", fmt.Errorf("%w connections: an account may have %d", ErrTooMany, g.cfg.MaxConnections))
	}
	s = &session{
		g: g, user: u, protocol: a.protocol, ctx: ctx, allowance: g.allowance(u),
		in: transferBytes.WithLabelValues(a.protocol, "in"), out: transferBytes.WithLabelValues(a.protocol, "out"),
		log: g.cfg.Log.With("protocol", a.protocol, "account", u.Account, "user", u.Name, "remote", a.addr.String()),
	}
	s.touch()
	folders, err := g.cfg.Folders(ctx, u)
	if err == nil {
		err = s.moveIn(folders)
	}
	if err != nil {
		g.uncount(key)
		return refuse("error", fmt.Errorf("the home cannot be opened: %w", err))
	}
	if g.cfg.Throttle != nil {
		if s.quota = g.cfg.Throttle(ctx, u.Account, endless{}); s.quota == (endless{}) {
			s.quota = nil // there is no limit
		}
	}
	if err := g.cfg.Users.SeenGatewayUser(ctx, u.ID, g.now()); err != nil {
		s.log.Warn("gateway: login not recorded", "error", err)
	}
	logins.WithLabelValues(a.protocol, "ok").Inc()
	s.log.Info("gateway: login")
	return s, func() { g.uncount(key); s.log.Info("gateway: logout") }, nil
}

func (g *Gateway) count(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.accounts[key] >= g.cfg.MaxConnections {
		return false
	}
	g.accounts[key]++
	return true
}

func (g *Gateway) uncount(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.accounts[key]--; g.accounts[key] <= 0 {
		delete(g.accounts, key)
	}
}

// moveIn opens the home's folders. One that cannot be opened is left out, unless it is the only one.
func (s *session) moveIn(folders []Folder) error {
	if len(folders) == 0 {
		return errors.New("the user has no drop folder")
	}
	var last error
	taken := map[string]bool{}
	for _, f := range folders {
		d, err := s.g.desk(f)
		if err != nil {
			s.log.Error("gateway: folder not opened", "folder", f.ID, "error", err)
			last = fmt.Errorf("folder %q is not there", f.Name)
			continue
		}
		name := directoryName(f)
		if taken[name] {
			name = fmt.Sprintf("%s (%d)", name, f.ID)
		}
		taken[name] = true
		s.desks, s.names = append(s.desks, d), append(s.names, name)
	}
	if len(s.desks) == 0 {
		return last
	}
	if len(folders) == 1 {
		s.names = nil
	}
	return nil
}

// directoryName is a folder's name as one of a directory.
func directoryName(f Folder) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || forbidden(r) || r == 0xfffd {
			return '_'
		}
		return r
	}, f.Name)
	if len(name) > maxNameBytes || checkRel(name) != nil {
		return fmt.Sprintf("folder-%d", f.ID)
	}
	return name
}

// at resolves a path of the client. The desk is nil for the root of a home with several folders.
func (s *session) at(p string) (*desk, string, error) {
	if strings.IndexByte(p, 0) >= 0 || len(p) > maxPathBytes {
		return nil, "", nameError("", "is no path")
	}
	rel := strings.TrimPrefix(path.Clean("/"+p), "/")
	if s.names == nil {
		if rel == "" {
			rel = "."
		}
		return s.desks[0], rel, nil
	}
	if rel == "" {
		return nil, "", nil
	}
	top, below, _ := strings.Cut(rel, "/")
	for i, n := range s.names {
		if n == top {
			if below == "" {
				below = "."
			}
			return s.desks[i], below, nil
		}
	}
	return nil, "", fs.ErrNotExist
}

// may resolves a path for something that a right is needed for, and that is never done to a folder of the home itself.
func (s *session) may(op, p string, r catalog.GatewayRight) (*desk, string, error) {
	d, rel, err := s.at(p)
	if err == nil && (!s.user.May(r) || d == nil || rel == ".") {
		err = fs.ErrPermission
	}
	return d, rel, pathError(op, p, err)
}

func (s *session) stat(p string) (fs.FileInfo, error) {
	d, rel, err := s.at(p)
	if err != nil {
		return nil, pathError("stat", p, err)
	}
	if d == nil {
		return info{name: "/", mode: fs.ModeDir | 0o550, time: s.g.now()}, nil
	}
	i, err := d.stat(rel)
	if err != nil {
		return nil, pathError("stat", p, err)
	}
	return named{i, path.Base("/" + p)}, nil
}

// entries gives a listing bit by bit: next returns io.EOF at its end.
type entries interface {
	next(n int) ([]fs.FileInfo, error)
	io.Closer
}

func (s *session) list(p string) (entries, error) {
	d, rel, err := s.at(p)
	if err != nil {
		return nil, pathError("list", p, err)
	}
	if d == nil {
		home := &fixed{}
		for i, n := range s.names {
			if info, err := s.desks[i].stat("."); err == nil {
				home.list = append(home.list, named{info, n})
			}
		}
		return home, nil
	}
	l, err := d.list(rel)
	if err != nil {
		return nil, pathError("list", p, err)
	}
	return l, nil
}

// fixed is a listing that is known.
type fixed struct {
	mu   sync.Mutex
	list []fs.FileInfo
}

func (f *fixed) next(n int) ([]fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return nil, io.EOF
	}
	out := f.list[:min(n, len(f.list))]
	f.list = f.list[len(out):]
	return out, nil
}

func (f *fixed) Close() error { return nil }

func (s *session) openRead(p string) (*os.File, error) {
	d, rel, err := s.may("open", p, catalog.GatewayRead)
	if err != nil {
		return nil, err
	}
	f, err := d.openRead(rel)
	if err != nil {
		return nil, pathError("open", p, err)
	}
	s.log.Info("gateway: download", "folder", d.folder.ID, "path", rel)
	return f, nil
}

func (s *session) openWrite(p string, m openMode) (*writer, error) {
	d, rel, err := s.may("open", p, catalog.GatewayWrite)
	if err != nil {
		return nil, err
	}
	w, err := d.openWriter(s.ctx, s, rel, m)
	if err != nil {
		s.refused("upload", d, rel, err)
		return nil, pathError("open", p, err)
	}
	s.log.Info("gateway: upload begins", "folder", d.folder.ID, "path", rel, "at", w.p.size.Load())
	return w, nil
}

func (s *session) refused(what string, d *desk, rel string, err error) {
	s.log.Info("gateway: refused", "action", what, "folder", d.folder.ID, "path", rel, "error", err)
}

func (s *session) mkdir(p string) error {
	d, rel, err := s.may("mkdir", p, catalog.GatewayWrite)
	if err != nil {
		return err
	}
	return s.did("make folder", "mkdir", p, d, rel, d.mkdir(rel))
}

func (s *session) rmdir(p string) error {
	d, rel, err := s.may("rmdir", p, catalog.GatewayDelete)
	if err != nil {
		return err
	}
	return s.did("remove folder", "rmdir", p, d, rel, d.rmdir(rel))
}

func (s *session) remove(p string) error {
	d, rel, err := s.may("remove", p, catalog.GatewayDelete)
	if err != nil {
		return err
	}
	return s.did("remove", "remove", p, d, rel, d.remove(s.ctx, rel))
}

// rename moves what is at a path. Over says whether a file that has the new name is replaced.
func (s *session) rename(from, to string, over bool) error {
	d, rel, err := s.may("rename", from, catalog.GatewayWrite)
	if err != nil {
		return err
	}
	td, trel, err := s.may("rename", to, catalog.GatewayWrite)
	if err == nil && td != d {
		err = pathError("rename", to, fmt.Errorf("%w between folders", ErrUnsupported))
	}
	if err != nil {
		return err
	}
	return s.did("rename to "+trel, "rename", from, d, rel, d.rename(s.ctx, s, rel, trel, over))
}

func (s *session) setTime(p string, t time.Time) error {
	d, rel, err := s.may("set time", p, catalog.GatewayWrite)
	if err != nil {
		return err
	}
	return pathError("set time", p, d.setTime(rel, t))
}

// truncate cuts a file that is under way; a whole one has its size for good.
func (s *session) truncate(p string, size int64) error {
	d, rel, err := s.may("truncate", p, catalog.GatewayWrite)
	if err != nil {
		return err
	}
	return pathError("truncate", p, d.truncate(s, rel, size))
}

func (s *session) did(what, op, p string, d *desk, rel string, err error) error {
	if err != nil {
		s.refused(what, d, rel, err)
		return pathError(op, p, err)
	}
	s.log.Info("gateway: "+what, "folder", d.folder.ID, "path", rel)
	return nil
}

// space tells how much room there is at a path.
func (s *session) space(p string) (unix.Statfs_t, error) {
	var st unix.Statfs_t
	d, _, err := s.at(p)
	if err != nil {
		return st, pathError("space", p, err)
	}
	if d == nil {
		d = s.desks[0]
	}
	f, err := d.root.Open(".")
	if err != nil {
		return st, pathError("space", p, err)
	}
	defer f.Close()
	return st, pathError("space", p, unix.Fstatfs(int(f.Fd()), &st))
}

// received and sent count bytes of files.
func (s *session) received(n int) { s.in.Add(float64(n)) }
func (s *session) sent(n int)     { s.out.Add(float64(n)) }
