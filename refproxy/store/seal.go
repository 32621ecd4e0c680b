package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// A Key seals secrets. However it is printed, it does not show.
type Key struct {
	hidden
	aead cipher.AEAD
	// id names the key without telling anything of it.
	id string
}

// hidden is what a type embeds that must not show.
type hidden struct{}

// Format writes the same whatever is asked.
func (hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is what a log shows.
func (hidden) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is what JSON shows.
func (hidden) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ParseKey reads a key of 32 bytes in hex or base64, with or without white space
// around it, as a file or the environment holds it. The error does not repeat it.
func ParseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	raw, err := hex.DecodeString(text)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if err == nil && len(raw) == 32 {
			break
		}
		raw, err = encoding.DecodeString(text)
	}
	if err != nil || len(raw) != 32 {
		return nil, errors.New("a key is 32 random bytes in hex or base64, such as openssl rand -base64 32 prints")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte("firstbyte store: name of the key"))
	return &Key{aead: aead, id: hex.EncodeToString(mac.Sum(nil)[:4])}, nil
}

// A Secret is text that must not show, however it is printed.
type Secret struct {
	hidden
	text string
}

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// seal returns the secret of the row (kind, id), unreadable: VERSION.KEY.TEXT.
func (k *Key) seal(s Secret, kind Kind, id string) (string, error) {
	if k == nil {
		return "", ErrNoKey
	}
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	sealed := k.aead.Seal(nonce, nonce, []byte(s.text), place(kind, id))
	return "1." + k.id + "." + base64.RawStdEncoding.EncodeToString(sealed), nil
}

// open is the inverse of seal.
func (k *Key) open(sealed string, kind Kind, id string) (Secret, error) {
	if k == nil {
		return Secret{}, ErrNoKey
	}
	version, rest, _ := strings.Cut(sealed, ".")
	key, text, _ := strings.Cut(rest, ".")
	if version != "1" {
		return Secret{}, fmt.Errorf("the secret of %s is sealed in a way that this program does not know", id)
	}
	if err := k.is(key); err != nil {
		return Secret{}, err
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if n := k.aead.NonceSize(); err == nil && len(raw) > n {
		var clear []byte
		if clear, err = k.aead.Open(nil, raw[:n], raw[n:], place(kind, id)); err == nil {
			return NewSecret(string(clear)), nil
		}
	}
	return Secret{}, fmt.Errorf("the secret of %s is damaged, or was sealed for another row", id)
}

// place is what a sealed secret is bound to.
func place(kind Kind, id string) []byte { return []byte(string(kind) + "\x00" + id) }

// is returns ErrKey unless id names k.
func (k *Key) is(id string) error {
	if k.id != id {
		return fmt.Errorf("%w: the store's secrets are sealed with key %s, the given one is %s; nothing was changed", ErrKey, id, k.id)
	}
	return nil
}
