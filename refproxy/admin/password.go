package admin

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// iterations is what OWASP asks of PBKDF2 with HMAC-SHA-256 (password storage
// cheat sheet). It is kept with each hash, so that it can grow.
const iterations = 600_000

const scheme = "pbkdf2-sha256"

// Bootstrap makes the panel's password where there is none yet and returns it,
// to be printed once: only its hash is kept. It returns an empty one where a
// password exists, so of replicas that start at once one alone prints.
func Bootstrap(ctx context.Context, accounts Accounts) (password string, err error) {
	if hash, err := accounts.Password(ctx); err != nil || hash != "" {
		return "", err
	}
	password = rand.Text() // 128 bits
	hash, err := hashPassword(password, iterations)
	if err != nil {
		return "", err
	}
	created, err := accounts.CreatePassword(ctx, hash)
	if err != nil || !created {
		return "", err
	}
	return password, nil
}

// ResetPassword replaces the panel's password by a new one, which it returns to be
// printed once, and ends all sessions. It needs no login: it is for who can write
// to the store by other means. The error is ErrUnknown where no panel was ever
// started.
func ResetPassword(ctx context.Context, accounts Accounts) (password string, err error) {
	password = rand.Text() // 128 bits
	hash, err := hashPassword(password, iterations)
	if err != nil {
		return "", err
	}
	if err := accounts.ReplacePassword(ctx, "", hash); err != nil {
		return "", err
	}
	return password, nil
}

// hashPassword returns "pbkdf2-sha256$ITERATIONS$SALT$KEY" with a salt of its
// own.
func hashPassword(password string, iterations int) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("%s$%d$%s$%s", scheme, iterations, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

var errHash = errors.New("the kept hash of the password cannot be read")

// samePassword reports whether password has the hash.
func samePassword(password, hash string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 4 || parts[0] != scheme {
		return false, errHash
	}
	n, err1 := strconv.Atoi(parts[1])
	salt, err2 := base64.RawStdEncoding.DecodeString(parts[2])
	want, err3 := base64.RawStdEncoding.DecodeString(parts[3])
	if errors.Join(err1, err2, err3) != nil || n < 1 || len(salt) == 0 || len(want) != sha256.Size {
		return false, errHash
	}
	got, err := pbkdf2.Key(sha256.New, password, salt, n, len(want))
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}
