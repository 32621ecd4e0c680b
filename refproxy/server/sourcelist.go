package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// ParseKeys reads a list of API keys, one a line, each with what there is to say of
// it behind it:
//
//	KEY [name=LABEL] [preview] [weight=N]
//
// Empty lines and those that begin with # are left out. No key is in an error: it
// names lines by their numbers.
func ParseKeys(text string) ([]Source, error) {
	var list []Source
	var problems []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		c, err := ParseAttributes(fields[0], fmt.Sprintf("key-%d", len(list)+1), fields[1:])
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d of the upstream's keys: %w", number, err))
			continue
		}
		c.Kind = "gemini"
		list = append(list, Source{Credential: c, Proof: upstream.Proof{Key: upstream.Key(fields[0])}})
	}
	return list, errors.Join(problems...)
}

// ParseAttributes reads what stands behind a credential: name=LABEL, preview,
// weight=N. Its id is made of the secret, so that it is the same after a restart,
// and says nothing of it.
func ParseAttributes(secret, label string, attributes []string) (credential.Credential, error) {
	c := credential.Credential{ID: SourceID(secret), Label: label, Weight: 1}
	for _, a := range attributes {
		name, value, given := strings.Cut(a, "=")
		switch {
		case name == "name" && value != "":
			c.Label = value
		case name == "preview" && !given:
			c.Preview = true
		case name == "weight":
			w, err := strconv.ParseFloat(value, 64)
			if err != nil || w != 0 && !(w >= 1e-3 && w <= 1000) {
				return c, errors.New("weight=N wants 0, which is drained, or a number from 0.001 to 1000")
			}
			c.Weight = w
		default:
			// What it is may be the rest of a secret that was broken in two.
			return c, errors.New("want name=LABEL, preview or weight=N behind a credential")
		}
	}
	return c, nil
}

// SourceID makes an id of a credential's secret.
func SourceID(secret string) string {
	sum := sha256.Sum256([]byte("firstbyte credential\x00" + secret))
	return "cred_" + hex.EncodeToString(sum[:6])
}
