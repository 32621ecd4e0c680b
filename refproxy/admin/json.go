package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Limits on bodies: a credential may be a file, all else is a few fields.
const (
	maxBody       = 64 << 10
	maxCredential = 256 << 10
)

// A fault is what a caller is told of a failure.
type fault struct {
	status  int
	code    string
	message string
}

func (f fault) Error() string { return f.message }

var (
	errUnauthenticated = fault{http.StatusUnauthorized, "unauthenticated", "the admin key or a login is needed"}
	errNoRoute         = fault{http.StatusNotFound, "not_found", "there is no such route, or not by this method"}
	errUnavailable     = fault{http.StatusServiceUnavailable, "store", "the proxy's store does not answer; what was to be changed may be changed or not: read it again once it does"}
	errNotFound        = fault{http.StatusNotFound, "not_found", "there is none of this name"}
)

func invalid(format string, args ...any) fault {
	return fault{http.StatusBadRequest, "invalid", fmt.Sprintf(format, args...)}
}

// fault says what the caller is told of err. What is not meant for callers goes
// to the log.
func (a *Admin) fault(r *http.Request, err error) fault {
	if f, ok := errors.AsType[fault](err); ok {
		return f
	}
	if bad, ok := errors.AsType[Invalid](err); ok {
		return invalid("%s", string(bad))
	}
	switch {
	case errors.Is(err, ErrUnknown):
		return errNotFound
	case errors.Is(err, ErrStale):
		return fault{http.StatusConflict, "stale", "somebody has changed the flags meanwhile: read them again"}
	case errors.Is(err, ErrLocked):
		return fault{http.StatusLocked, "locked", "the environment sets this flag: unset its variable and restart the proxy"}
	}
	a.cfg.Logger.Error("admin request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	if errors.Is(err, ErrUnavailable) {
		return errUnavailable
	}
	return fault{http.StatusInternalServerError, "internal", "the proxy could not do this; its log says why"}
}

func writeError(w http.ResponseWriter, f fault) {
	type inner struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, f.status, struct {
		Error inner `json:"error"`
	}{inner{f.code, f.message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a value that we made ourselves
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// readJSON reads the body into v: one value, no field that v has not, no more
// than limit bytes.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fault{http.StatusUnsupportedMediaType, "invalid", "the body must be application/json"}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return fault{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is over %d bytes", limit)}
	}
	if err != nil {
		return invalid("%s", whatJSON(err))
	}
	return nil
}

// whatJSON says what is wrong with a body without a word of what it holds: it
// may be a secret.
func whatJSON(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(wrong.Value, " ") // the rest is the value
		return fmt.Sprintf("the field %q does not take a %s", wrong.Field, kind)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("the body is no JSON at byte %d", syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the body ends too soon"
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(name) <= 40 {
		return "there is no field " + name + " here"
	}
	return "the body must be one JSON object of the fields that are known here"
}
