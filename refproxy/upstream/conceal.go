package upstream

import (
	"bytes"
	"io"
)

// maxRefusal is how much of a refusal is passed on, in bytes.
const maxRefusal = 1 << 20

// minSecret is how long a key is at least that is looked for, in bytes: a shorter
// one keeps nobody out, and would be found in innocent words.
const minSecret = 8

// concealed is the body of a refusal without what was sent as a proof: an
// upstream, or something before it, may repeat the whole request in it, and the
// caller gets its words.
type concealed struct {
	io.ReadCloser
	secrets []string
	text    *bytes.Reader // nil before the first Read
	end     error         // what comes after text
}

func conceal(body io.ReadCloser, secrets ...string) io.ReadCloser {
	return &concealed{ReadCloser: body, secrets: secrets}
}

// Read implements [io.Reader]. The first call waits for the whole refusal.
func (c *concealed) Read(b []byte) (int, error) {
	if c.text == nil {
		text, err := io.ReadAll(io.LimitReader(c.ReadCloser, maxRefusal))
		for _, secret := range c.secrets {
			if len(secret) >= minSecret {
				text = bytes.ReplaceAll(text, []byte(secret), []byte("[hidden]"))
			}
		}
		c.text, c.end = bytes.NewReader(text), err
	}
	n, err := c.text.Read(b)
	if err == io.EOF && c.end != nil { // ReadAll takes EOF for no error
		err = c.end
	}
	return n, err
}
