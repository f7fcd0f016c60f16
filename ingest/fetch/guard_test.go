package fetch

import (
	"errors"
	"strings"
	"testing"
)

// TestOnlyThePublicInternetIsReached tries addresses in all their forms.
func TestOnlyThePublicInternetIsReached(t *testing.T) {
	open, err := NewGuard(nil)
	if err != nil {
		t.Fatal(err)
	}
	for address, ok := range map[string]bool{
		"93.184.216.34:80": true, "93.184.216.34:443": true, "[2606:2800:220:1::1]:443": true, "8.8.8.8:21": true, "1.1.1.1:22": true,
		"93.184.216.34:8080": false, "93.184.216.34:25": false, "93.184.216.34:6379": false,
		"127.0.0.1:80": false, "127.8.9.10:80": false, "[::1]:80": false, "0.0.0.0:80": false, "0.1.2.3:80": false, "[::]:80": false,
		"10.0.0.1:80": false, "172.16.0.1:80": false, "172.31.255.255:80": false, "192.168.1.1:80": false, "[fc00::1]:80": false,
		"[fd00:ec2::254]:80": false, "169.254.169.254:80": false, "[fe80::1%eth0]:80": false, "[fec0::1]:80": false,
		"168.63.129.16:80": false, "100.64.0.1:80": false, "100.127.255.255:80": false, "198.18.0.1:80": false, "192.0.0.192:80": false,
		"192.0.2.1:80": false, "198.51.100.1:80": false, "203.0.113.1:80": false, "192.88.99.1:80": false,
		"224.0.0.1:80": false, "239.255.255.250:80": false, "240.0.0.1:80": false, "255.255.255.255:80": false, "[ff02::1]:80": false,
		"[::ffff:127.0.0.1]:80": false, "[::ffff:10.0.0.1]:80": false, "[::ffff:93.184.216.34]:80": true, "[::127.0.0.1]:80": false,
		"[64:ff9b::7f00:1]:80": false, "[64:ff9b:1::1]:80": false, "[2002:7f00:1::]:80": false, "[2001:0:1::1]:80": false,
		"[2001:db8::1]:80": false, "[100::1]:80": false, "localhost:80": false, "": false,
	} {
		err := open.check(address)
		if (err == nil) != ok {
			t.Errorf("%s: %v, want ok %v", address, err, ok)
		}
		var refused *RefusedError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %v is no RefusedError", address, err)
		}
	}
}

func TestWhatIsAllowedIsReached(t *testing.T) {
	g, err := NewGuard([]string{"10.1.0.0/16", "192.168.7.7", "::1", " Origin.LAN ", "cache.lan:8080"})
	if err != nil {
		t.Fatal(err)
	}
	for address, ok := range map[string]bool{
		"10.1.2.3:9000": true, "10.2.0.1:80": false, "192.168.7.7:8080": true, "192.168.7.8:80": false, "[::1]:3000": true, "127.0.0.1:80": false,
		"[::ffff:10.1.2.3]:80": true,
	} {
		if err := g.check(address); (err == nil) != ok {
			t.Errorf("%s: %v, want ok %v", address, err, ok)
		}
	}
	for _, c := range []struct {
		host, addr string
		ok         bool
	}{
		{"origin.lan", "origin.lan:1234", true}, {"cache.lan", "cache.lan:8080", true}, {"cache.lan", "cache.lan:80", false},
		{"xorigin.lan", "xorigin.lan:80", false},
	} {
		if got := g.trusts(c.host, c.addr); got != c.ok {
			t.Errorf("%s: trusted %v, want %v", c.addr, got, c.ok)
		}
	}
	for _, bad := range []string{"", "http://host/", "user@host", "*", "host:port", "10.0.0.0/99"} {
		if _, err := NewGuard([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestURLsAreShownWithoutSecrets(t *testing.T) {
	for raw, want := range map[string]string{
		"https://user:pass@host/a/b.mp4?sig=secret#x": "https://host/a/b.mp4", "http://host": "http://host", "::": "(not a URL)",
	} {
		if got := Redact(raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	for _, bad := range []string{"", "gopher://host/x", "file:///etc/passwd", "sftp://host/", "ftp://host", "s3:///b/k", "file:///etc/passwd", "gopher://host/", "http:///x", "//host/x", "http://ho st/", "http://h/" + strings.Repeat("x", 9000)} {
		var e *Error
		if err := Check(bad, nil); !errors.As(err, &e) || e.Code != BadURL {
			t.Errorf("%.30s: %v", bad, err)
		}
	}
}
