package access

import (
	"errors"
	"net/netip"
	"strings"
)

// maxPattern bounds the regular expressions of rules, which every request is matched with.
const maxPattern = 1024

// CheckRange says why v is no address, span or block of addresses.
func CheckRange(v string) error {
	if first, last, span := strings.Cut(v, "-"); span {
		_, err1 := netip.ParseAddr(strings.TrimSpace(first))
		_, err2 := netip.ParseAddr(strings.TrimSpace(last))
		return errors.Join(err1, err2)
	}
	if strings.Contains(v, "/") {
		if _, ok := block(v); !ok {
			return errors.New("not a block of addresses")
		}
		return nil
	}
	_, err := netip.ParseAddr(v)
	return err
}

// CheckPattern says why v is no regular expression.
func CheckPattern(v string) error {
	if len(v) > maxPattern {
		return errors.New("the regular expression is too long")
	}
	_, err := compile(v)
	return err
}

// CheckCircle says why v is not "latitude,longitude,kilometres".
func CheckCircle(v string) error {
	_, err := circle(v)
	return err
}
