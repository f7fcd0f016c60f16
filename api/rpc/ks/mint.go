package ks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sizes of version 2, in bytes.
const (
	randomBytes = 16
	blockBytes  = aes.BlockSize
)

// ErrUnmintable says that a field cannot be written into a token.
var ErrUnmintable = errors.New("cannot be written into a session token")

// assetExpiryStep is what the expiry of a token for one asset is rounded up to, so that the URLs that carry it repeat and
// can be cached.
const assetExpiryStep = 300

// Mint makes a token of the given version, 1 or 2, and sets Token, ID and Expires of s. Tokens with the privilege
// downloadasset repeat: the same session gives the same token for five minutes.
func Mint(s *Session, version int, secret string) error {
	if s.Account <= 0 || secret == "" {
		return fmt.Errorf("mint session: %w: account %d, or an empty secret", ErrUnmintable, s.Account)
	}
	_, repeat := s.Value("downloadasset")
	if repeat {
		s.Expires = time.Unix((s.Expires.Unix()+assetExpiryStep-1)/assetExpiryStep*assetExpiryStep, 0)
	}
	s.Expires = s.Expires.Truncate(time.Second)
	switch version {
	case 1:
		return mintV1(s, secret, random(s, secret, repeat))
	case 2:
		return mintV2(s, secret, random(s, secret, repeat))
	}
	return fmt.Errorf("mint session: %w: version %d", ErrUnmintable, version)
}

func random(s *Session, secret string, repeat bool) [randomBytes]byte {
	var r [randomBytes]byte
	if repeat {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(s.fields("")))
		copy(r[:], mac.Sum(nil))
		return r
	}
	_, _ = rand.Read(r[:]) // never fails
	return r
}

func mintV1(s *Session, secret string, r [randomBytes]byte) error {
	privileges := FormatPrivileges(s.Privileges)
	if strings.Contains(s.User+privileges+s.Data, ";") {
		return fmt.Errorf("mint session: %w: version 1 cannot hold a semicolon in user or privileges", ErrUnmintable)
	}
	info := s.fields(new(big.Int).SetBytes(r[:8]).String())
	signature := sha1Hex(secret + info)
	s.ID = signature
	s.Token = base64.StdEncoding.EncodeToString([]byte(signature + "|" + info))
	return nil
}

// fields are those of version 1, joined.
func (s *Session) fields(random string) string {
	account := strconv.FormatInt(int64(s.Account), 10)
	return strings.Join([]string{
		account, account, strconv.FormatInt(s.Expires.Unix(), 10), strconv.Itoa(s.Type), random, s.User,
		FormatPrivileges(s.Privileges), s.master(), s.Data,
	}, ";")
}

func (s *Session) master() string {
	if s.Master == 0 {
		return ""
	}
	return strconv.FormatInt(int64(s.Master), 10)
}

func mintV2(s *Session, secret string, r [randomBytes]byte) error {
	var q strings.Builder
	pair := func(name, value string) {
		if q.Len() > 0 {
			q.WriteByte('&')
		}
		q.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(value))
	}
	for _, p := range merge(s.Privileges) {
		switch {
		case p.all():
			pair("all", "*")
		case strings.HasPrefix(p.Name, "_"):
			return fmt.Errorf("mint session: %w: privilege %q begins with an underscore", ErrUnmintable, p.Name)
		default:
			pair(p.Name, p.Value)
		}
	}
	pair("_e", strconv.FormatInt(s.Expires.Unix(), 10))
	pair("_t", strconv.Itoa(s.Type))
	pair("_u", s.User)
	if s.Master != 0 {
		pair("_m", s.master())
	}
	if s.Data != "" {
		pair("_d", s.Data)
	}
	signed := slices.Concat(r[:], []byte(q.String()))
	hash := sha1.Sum(signed)
	plain := slices.Concat(hash[:], signed)
	plain = append(plain, make([]byte, (blockBytes-len(plain)%blockBytes)%blockBytes)...)
	cbc(plain, secret, cipher.NewCBCEncrypter)
	s.ID = hex.EncodeToString(hash[:])
	raw := "v2|" + strconv.FormatInt(int64(s.Account), 10) + "|" + string(plain)
	s.Token = base64.URLEncoding.EncodeToString([]byte(raw))
	return nil
}

func decrypt(sealed []byte, secret string) []byte {
	cbc(sealed, secret, cipher.NewCBCDecrypter)
	return sealed
}

// cbc runs AES-128-CBC with a zero IV over b, in place, under the key that belongs to the secret.
func cbc(b []byte, secret string, mode func(cipher.Block, []byte) cipher.BlockMode) {
	key := sha1.Sum([]byte(secret))
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err) // the key has a valid size
	}
	mode(block, make([]byte, blockBytes)).CryptBlocks(b, b)
}

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
