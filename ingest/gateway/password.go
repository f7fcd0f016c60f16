package gateway

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a password's hash: argon2id of RFC 9106, in the size for a server that must answer many.
const (
	hashMemory  = 19 << 10 // KiB
	hashTime    = 2
	hashThreads = 1
	hashBytes   = 32
	saltBytes   = 16
	maxPassword = 1024
	// maxHashMemory and maxHashTime bound what a stored hash may ask for.
	maxHashMemory = 1 << 20 // KiB
	maxHashTime   = 16
)

// minPassword is the fewest characters of a password.
const minPassword = 8

// HashPassword returns the argon2id hash of a password in PHC's form. It refuses passwords that are too short or too long.
func HashPassword(password string) (string, error) {
	if n := len([]rune(password)); n < minPassword || len(password) > maxPassword {
		return "", fmt.Errorf("a password has %d to %d characters", minPassword, maxPassword)
	}
	return argon(password, hashTime, hashMemory), nil
}

// argon spends so many rounds over so many KiB.
func argon(password string, rounds, memory uint32) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, rounds, memory, hashThreads, hashBytes)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, rounds, hashThreads, enc.EncodeToString(salt), enc.EncodeToString(key))
}

// noHash costs as much to check as a real one: whether a user exists cannot be told from the time of an answer.
var noHash = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads,
	strings.Repeat("A", 22), strings.Repeat("A", 43))

// verifyPassword says whether the password is the one of the hash.
func verifyPassword(hash, password string) (bool, error) {
	var version, memory, rounds, threads int
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return false, errors.New("password hash: not argon2id")
	}
	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, errors.New("password hash: unknown version")
	}
	_, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &rounds, &threads)
	if err != nil || memory < 8 || memory > maxHashMemory || rounds < 1 || rounds > maxHashTime || threads < 1 || threads > 16 {
		return false, errors.New("password hash: bad parameters")
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil {
		return false, fmt.Errorf("password hash: salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false, errors.New("password hash: bad key")
	}
	if len(password) > maxPassword {
		return false, nil
	}
	got := argon2.IDKey([]byte(password), salt, uint32(rounds), uint32(memory), uint8(threads), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
