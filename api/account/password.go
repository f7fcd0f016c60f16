package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a password's hash (argon2id): 19 MiB, two passes, one lane.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonLanes   = 1
	argonKey     = 32
	argonSalt    = 16
	maxHashing   = 4 // at once, so that a flood of logins cannot take all memory
	maxPassword  = 1000
	minPassword  = 8
	argonPattern = "$argon2id$v=%d$m=%d,t=%d,p=%d$%s"
)

// hashing has a place for each hash that is being made.
var hashing = make(chan struct{}, maxHashing)

func argon(ctx context.Context, password string, salt []byte, time, memory uint32, lanes uint8, size uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, time, memory, lanes, size), nil
}

// errPassword says that a password may not be chosen.
var errPassword = errors.New("a password has 8 to 1000 bytes")

// hashPassword returns what is stored of a password, in the format that argon2's own tools use.
func hashPassword(ctx context.Context, password string) (string, error) {
	if len(password) < minPassword || len(password) > maxPassword {
		return "", errPassword
	}
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	key, err := argon(ctx, password, salt, argonTime, argonMemory, argonLanes, argonKey)
	if err != nil {
		return "", err
	}
	text := base64.RawStdEncoding
	return fmt.Sprintf(argonPattern, argon2.Version, argonMemory, argonTime, argonLanes, text.EncodeToString(salt)+"$"+text.EncodeToString(key)), nil
}

// nobody is the hash that is compared with when there is none, so that an unknown user takes as long as a known one.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// checkPassword says whether a password is the one that was hashed.
func checkPassword(ctx context.Context, hash, password string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	if hash == "" {
		hash = nobody
	}
	var version int
	var memory, time uint32
	var lanes uint8
	var rest string
	if _, err := fmt.Sscanf(hash, argonPattern, &version, &memory, &time, &lanes, &rest); err != nil || version != argon2.Version {
		return false, errors.New("a stored password is not a hash of argon2id")
	}
	saltText, keyText, _ := strings.Cut(rest, "$")
	salt, errSalt := base64.RawStdEncoding.DecodeString(saltText)
	want, errKey := base64.RawStdEncoding.DecodeString(keyText)
	if err := errors.Join(errSalt, errKey); err != nil || len(want) < argonKey {
		return false, errors.New("a stored password is damaged")
	}
	got, err := argon(ctx, password, salt, time, memory, lanes, uint32(len(want)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
