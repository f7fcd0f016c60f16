package gateway

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestPasswordsAreHashed(t *testing.T) {
	a, err := HashPassword("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	b, err := HashPassword("open sesame")
	if err != nil || a == b {
		t.Errorf("the same hash twice, %v", err)
	}
	for password, want := range map[string]bool{"open sesame": true, "open sesam": false, "": false, strings.Repeat("x", 5000): false} {
		if got, err := verifyPassword(a, password); err != nil || got != want {
			t.Errorf("%.20q: %v, %v", password, got, err)
		}
	}
	if ok, err := verifyPassword(noHash, ""); ok || err != nil {
		t.Errorf("the hash of nobody: %v, %v", ok, err)
	}
	for _, bad := range []string{
		"", "x", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA", strings.Replace(a, "m=19456", "m=99999999", 1), strings.Replace(a, "t=2", "t=0", 1),
		strings.Replace(a, "v=19", "v=1", 1), a[:len(a)-40], a[:30],
	} {
		if ok, err := verifyPassword(bad, "open sesame"); ok || err == nil {
			t.Errorf("hash %q is taken", bad)
		}
	}
	for _, short := range []string{"", "1234567", strings.Repeat("x", 2000)} {
		if _, err := HashPassword(short); err == nil {
			t.Errorf("%d characters are taken", len(short))
		}
	}
}

func TestTheBrakeForgets(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBrake(func() time.Time { return now })
	for range maxFailures - 1 {
		b.failed("a")
	}
	if b.blocked("a") {
		t.Error("too early")
	}
	b.failed("a")
	if !b.blocked("a") || b.blocked("b") {
		t.Error("a is not blocked, or b is")
	}
	now = now.Add(brakeTime - time.Second)
	b.failed("a") // does not lengthen it
	now = now.Add(time.Second)
	if b.blocked("a") {
		t.Error("it lasts too long")
	}
	if userKey("Anna") != userKey("aNNA") || len(userKey(strings.Repeat("a", 5000))) > 100 {
		t.Error("a name written otherwise is another one")
	}
	for i := range 3 * maxBraked {
		b.failed(string(rune(i)))
	}
	if len(b.keys) > maxBraked {
		t.Errorf("%d keys are remembered", len(b.keys))
	}
}

// TestAnAllowanceBoundsAllConnectionsOfAUser sends over two connections at once, in a time of the test's own.
func TestAnAllowanceBoundsAllConnectionsOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newAllowance()
		p.set(1000)
		start := time.Now()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				for range 50 {
					if err := p.wait(t.Context(), 100); err != nil {
						t.Error(err)
					}
				}
			})
		}
		both.Wait()
		if took := time.Since(start); took < 10*time.Second-burst || took > 10*time.Second {
			t.Errorf("10,000 bytes at 1000 a second take %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.wait(ctx, 1000); !errors.Is(err, context.Canceled) {
			t.Errorf("after the connection ended: %v", err)
		}
		if err := (*allowance)(nil).wait(t.Context(), 1<<30); err != nil {
			t.Error(err)
		}
	})
}

func TestAddressesStandForWhomTheyBelongTo(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[::ffff:192.0.2.1]:5": "192.0.2.1",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := addressKey(a); got != want {
			t.Errorf("%s stands for %s, want %s", addr, got, want)
		}
	}
}

func TestNamesThatAreKept(t *testing.T) {
	for _, name := range []string{"a", "a b.mov", `\ " : ' ? > < & * |`, "é", "e\u0301", "😀", strings.Repeat("x", 255), "d/e/f", ".hidden", "a.part", "…"} {
		if err := checkRel(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "a/../b", "/a", "a/", "a//b", "a\x00", "a\nb", "a\x7f", "\u202ea", "a\u2066", "\xff", strings.Repeat("x", 256), ".sluice-parts",
		"a/.sluice-x/b", strings.Repeat("a/", 32) + "b", strings.Repeat(strings.Repeat("x", 250)+"/", 17) + "b",
	} {
		if err := checkRel(name); !errors.Is(err, ErrName) {
			t.Errorf("%.40q: %v", name, err)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{`sha256sum 'a b'`, `a\ b "c'd" ''`, `'`, `$(x)`, "é\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		list, err := words(line)
		if err != nil {
			return
		}
		for _, w := range list {
			quoted := "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
			again, err := words(quoted)
			if utf8.ValidString(w) && (err != nil || len(again) != 1 || again[0] != w) {
				t.Errorf("%q quoted is %q, %v", w, again, err)
			}
		}
	})
}
