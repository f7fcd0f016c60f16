package ks

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/catalog"
)

// Errors of Parse.
var (
	// ErrMalformed says that a text is no token.
	ErrMalformed = errors.New("malformed session token")
	// ErrSignature says that no secret of the account made the token.
	ErrSignature = errors.New("session token is not signed with a secret of its account")
)

// maxToken bounds the tokens that are looked at, in bytes: no honest one comes near.
const maxToken = 16 << 10

// Secrets returns the secrets that tokens of an account may be signed with.
type Secrets func(account catalog.AccountID) ([]string, error)

// Parse reads a token of either version and verifies its signature; it does not look at its expiry. Errors are
// ErrMalformed, ErrSignature, or that of secrets.
func Parse(token string, secrets Secrets) (*Session, error) {
	raw, err := decodeBase64(token)
	if err != nil {
		return nil, err
	}
	var s *Session
	if rest, ok := strings.CutPrefix(raw, "v2|"); ok {
		s, err = parseV2(rest, secrets)
	} else {
		s, err = parseV1(raw, secrets)
	}
	if err != nil {
		return nil, err
	}
	s.Token = token
	return s, nil
}

var alphabet = strings.NewReplacer("-", "+", "_", "/")

func decodeBase64(token string) (string, error) {
	if len(token) > maxToken {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxToken)
	}
	if strings.ContainsAny(token, "\r\n") { // the decoder would skip them
		return "", fmt.Errorf("%w: not base64", ErrMalformed)
	}
	b, err := base64.RawStdEncoding.DecodeString(alphabet.Replace(strings.TrimRight(token, "=")))
	if err != nil {
		return "", fmt.Errorf("%w: not base64", ErrMalformed)
	}
	return string(b), nil
}

func parseV1(raw string, secrets Secrets) (*Session, error) {
	signature, info, ok := strings.Cut(raw, "|")
	if !ok || len(signature) != 2*sha1.Size {
		return nil, fmt.Errorf("%w: no signature", ErrMalformed)
	}
	s, err := parseInfo(info)
	if err != nil {
		return nil, err
	}
	list, err := secrets(s.Account)
	if err != nil {
		return nil, err
	}
	for _, secret := range list {
		if subtle.ConstantTimeCompare([]byte(sha1Hex(secret+info)), []byte(signature)) == 1 {
			s.ID = signature
			return s, nil
		}
	}
	return nil, ErrSignature
}

// Fields of version 1, in order; the last two only in tokens of a server.
const (
	fieldAccount = iota
	_            // the account again
	fieldExpiry
	fieldType
	_ // random
	fieldUser
	fieldPrivileges
	fieldMaster
	fieldData
	fieldCount
)

func parseInfo(info string) (*Session, error) {
	fields := strings.SplitN(info, ";", fieldCount)
	if len(fields) <= fieldExpiry {
		return nil, fmt.Errorf("%w: %d fields", ErrMalformed, len(fields))
	}
	fields = append(fields, make([]string, fieldCount-len(fields))...)
	s := &Session{User: fields[fieldUser], Privileges: ParsePrivileges(fields[fieldPrivileges]), Data: fields[fieldData]}
	if err := s.setNumbers(fields[fieldAccount], fields[fieldExpiry], fields[fieldType], fields[fieldMaster]); err != nil {
		return nil, err
	}
	return s, nil
}

// setNumbers reads the numeric fields; type and master may be empty.
func (s *Session) setNumbers(account, expiry, kind, master string) error {
	id, err := strconv.ParseInt(account, 10, 64)
	if err != nil || id <= 0 {
		return fmt.Errorf("%w: account %.20q", ErrMalformed, account)
	}
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: expiry %.20q", ErrMalformed, expiry)
	}
	if kind != "" {
		if s.Type, err = strconv.Atoi(kind); err != nil {
			return fmt.Errorf("%w: type %.20q", ErrMalformed, kind)
		}
	}
	if master != "" {
		m, err := strconv.ParseInt(master, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: master account %.20q", ErrMalformed, master)
		}
		s.Master = catalog.AccountID(m)
	}
	s.Account, s.Expires = catalog.AccountID(id), time.Unix(seconds, 0)
	return nil
}

func parseV2(rest string, secrets Secrets) (*Session, error) {
	account, sealed, ok := strings.Cut(rest, "|")
	id, err := strconv.ParseInt(account, 10, 64)
	if !ok || err != nil || id <= 0 {
		return nil, fmt.Errorf("%w: account %.20q", ErrMalformed, account)
	}
	if len(sealed) < sha1.Size+randomBytes || len(sealed)%blockBytes != 0 {
		return nil, fmt.Errorf("%w: %d bytes of ciphertext", ErrMalformed, len(sealed))
	}
	list, err := secrets(catalog.AccountID(id))
	if err != nil {
		return nil, err
	}
	for _, secret := range list {
		plain := decrypt([]byte(sealed), secret)
		hash, signed := plain[:sha1.Size], trimZeros(plain[sha1.Size:])
		if want := sha1.Sum(signed); subtle.ConstantTimeCompare(want[:], hash) != 1 || len(signed) < randomBytes {
			continue
		}
		s, err := parseQuery(account, string(signed[randomBytes:]))
		if err != nil {
			return nil, err
		}
		s.ID = hex.EncodeToString(hash)
		return s, nil
	}
	return nil, ErrSignature
}

// trimZeros removes the padding, and nothing of the random block in front.
func trimZeros(b []byte) []byte {
	n := len(b)
	for n > randomBytes && b[n-1] == 0 {
		n--
	}
	return b[:n]
}

// parseQuery reads the fields of version 2, in the order of the token. Of a name that occurs twice the last wins.
func parseQuery(account, query string) (*Session, error) {
	s := &Session{}
	var expiry, kind, master string
	at := map[string]int{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if err := errors.Join(errName, errValue); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		switch name {
		case "":
		case "_e":
			expiry = value
		case "_t":
			kind = value
		case "_u":
			s.User = value
		case "_m":
			master = value
		case "_d":
			s.Data = value
		default:
			if i, ok := at[name]; ok {
				s.Privileges[i].Value = value
				continue
			}
			at[name] = len(s.Privileges)
			s.Privileges = append(s.Privileges, Privilege{name, value})
		}
	}
	return s, s.setNumbers(account, expiry, kind, master)
}
