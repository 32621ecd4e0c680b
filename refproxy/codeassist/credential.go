package codeassist

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// defaultTokenURI is Google's token endpoint.
const defaultTokenURI = "https://oauth2.googleapis.com/token"

// credential is what a credential file holds. The fields that are not ours stay
// in it as they are.
type credential struct {
	clientID, clientSecret, refreshToken string
	token                                string
	expiry                               time.Time // of token; zero: it is not to be trusted
	project                              string
	scopes                               []string
	tokenURI                             string

	raw map[string]json.RawMessage
}

// String hides the credential.
func (credential) String() string { return "hidden" }

// GoString hides the credential.
func (credential) GoString() string { return "hidden" }

// read reads the credential. Its errors name file and remedy, and quote nothing
// else of it.
func (c Config) read() (credential, error) {
	if c.JSON != nil {
		if c.File != "" {
			return credential{}, errors.New("credentials of Code Assist: want a file or its content, not both")
		}
		return parseCredential(c.JSON)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return credential{}, fmt.Errorf("credentials of Code Assist: %w", err)
	}
	cred, err := parseCredential(data)
	if err != nil {
		return credential{}, fmt.Errorf("credentials %s: %w", c.File, err)
	}
	return cred, nil
}

// identity is made of what a login begins with.
func (c credential) identity() string {
	sum := sha256.Sum256([]byte(c.clientID + "\x00" + cmp.Or(c.refreshToken, c.token)))
	return hex.EncodeToString(sum[:])
}

func parseCredential(data []byte) (credential, error) {
	var c credential
	var wire struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		RefreshToken string `json:"refresh_token"`
		Token        string `json:"token"`
		AccessToken  string `json:"access_token"`
		Expiry       string `json:"expiry"`
		ProjectID    string `json:"project_id"`
		Scopes       any    `json:"scopes"`
		TokenURI     string `json:"token_uri"`
	}
	if json.Unmarshal(data, &c.raw) != nil || json.Unmarshal(data, &wire) != nil {
		return credential{}, errors.New("want a JSON object with client_id, client_secret and refresh_token")
	}
	if wire.ClientID == "" || wire.ClientSecret == "" {
		return credential{}, errors.New("client_id and client_secret are missing: put in those of an OAuth client of your own (Google Cloud console, APIs & Services, Credentials, OAuth client of the type Desktop app); none is built in")
	}
	c.clientID, c.clientSecret, c.refreshToken = wire.ClientID, wire.ClientSecret, wire.RefreshToken
	c.token, c.expiry = cmp.Or(wire.Token, wire.AccessToken), parseExpiry(wire.Expiry)
	c.project, c.scopes = strings.TrimSpace(wire.ProjectID), parseScopes(wire.Scopes)
	c.tokenURI = cmp.Or(wire.TokenURI, defaultTokenURI)
	if c.refreshToken == "" && (c.token == "" || c.expiry.IsZero()) {
		return credential{}, errors.New("refresh_token is missing: log in again with offline access")
	}
	return c, checkTokenURI(c.tokenURI)
}

// checkTokenURI refuses to send secrets in the clear to another machine.
func checkTokenURI(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return errors.New("token_uri is no URL")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("token_uri: want https")
}

// parseExpiry reads RFC 3339; a time without a zone is UTC. What it cannot read
// is the zero time, and makes the token count as expired.
func parseExpiry(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// parseScopes reads a list, or one string with blanks.
func parseScopes(v any) []string {
	switch v := v.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		var out []string
		for _, s := range v {
			if s, ok := s.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// redact takes c's secrets out of a text that came from elsewhere.
func (c credential) redact(s string) string {
	for _, secret := range []string{c.clientSecret, c.refreshToken, c.token} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "hidden")
		}
	}
	return s
}

// save keeps c where it came from: in its file, whole or not at all, readable by
// its owner alone, or where the configuration says.
func (c Config) save(cred credential) error {
	data, err := cred.encode()
	switch {
	case err != nil:
		return fmt.Errorf("save credentials: %w", err)
	case c.JSON == nil:
		return replace(c.File, data)
	case c.Save != nil:
		return c.Save(data)
	}
	return nil
}

// encode is the inverse of parseCredential.
func (c credential) encode() ([]byte, error) {
	out := make(map[string]any, len(c.raw)+3)
	for name, raw := range c.raw {
		out[name] = raw
	}
	if _, old := out["access_token"]; old {
		out["access_token"] = c.token
	} else {
		out["token"] = c.token
	}
	out["refresh_token"], out["expiry"] = c.refreshToken, c.expiry.UTC().Format(time.RFC3339)
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}

// replace gives file a new content in one step, with mode 0600. Package outfile
// makes files that everyone may read, which this is not. Through a symbolic link it
// writes the file that the link names.
func replace(file string, data []byte) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".firstbyte-*") // its mode is 0600
	if err != nil {
		return fmt.Errorf("save credentials: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("save credentials: %w", err)
	}
	return nil
}
