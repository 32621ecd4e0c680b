package admin

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// form lets a handler see forms that this session's pages hold, alone. What
// goes wrong is told on the page that the form stands on.
func (a *Admin) form(next handler) http.Handler {
	return a.page(func(w http.ResponseWriter, r *http.Request) error {
		if err := readForm(w, r); err != nil {
			return err
		}
		c := from(r.Context())
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("form")), []byte(c.form)) != 1 {
			return fault{http.StatusForbidden, "form", "This form is not from a page of this login. Go back, load the page again and repeat."}
		}
		err := next(w, r)
		if err == nil {
			return nil
		}
		f := a.fault(r, err)
		if f.status >= http.StatusInternalServerError || errors.Is(err, errNoRoute) {
			return f
		}
		a.notes.put(c.session, note{"Not done: " + f.message + ".", true})
		back(w, r)
		return nil
	})
}

// readForm reads a form within limits; files stay in memory, since they may be
// secrets.
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxCredential)
	err := r.ParseForm() // first: its error is lost in the other's
	if err == nil {
		err = r.ParseMultipartForm(maxCredential)
	}
	if errors.Is(err, http.ErrNotMultipart) {
		err = nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return fault{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("The form is over %d bytes.", maxCredential)}
	}
	if err != nil {
		return invalid("The form cannot be read.")
	}
	return nil
}

// back leads to the view that the form stands on.
func back(w http.ResponseWriter, r *http.Request) {
	view, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/admin/panel/"), "/")
	http.Redirect(w, r, "/admin/panel/"+view, http.StatusSeeOther)
}

// done is back with something to say.
func (a *Admin) done(w http.ResponseWriter, r *http.Request, format string, args ...any) {
	a.notes.put(from(r.Context()).session, note{Text: fmt.Sprintf(format, args...)})
	back(w, r)
}

func (a *Admin) changeFlag(w http.ResponseWriter, r *http.Request) error {
	percentage, err1 := strconv.ParseFloat(r.PostFormValue("percent"), 64)
	expected, err2 := strconv.ParseUint(r.PostFormValue("expected"), 10, 64)
	if errors.Join(err1, err2) != nil {
		return invalid("a percentage is a number from 0 to 100")
	}
	f, err := a.setFlag(r.Context(), FlagChange{
		Name: r.PathValue("name"), Setting: Setting{percentage, r.PostFormValue("unit")}, Expected: expected,
		Who: from(r.Context()).who, Evidence: strings.TrimSpace(r.PostFormValue("evidence")),
	})
	if err != nil {
		return err
	}
	a.done(w, r, "%s is now on for %s\u00a0%% of %ss.", f.Name, setting(f.Percent), f.Unit)
	return nil
}

func (a *Admin) rollBackFlag(w http.ResponseWriter, r *http.Request) error {
	f, err := a.rollBack(r.Context(), r.PathValue("name"), from(r.Context()).who, "rolled back by hand")
	if err != nil {
		return err
	}
	a.done(w, r, "%s is rolled back: on for %s\u00a0%% of %ss.", f.Name, setting(f.Percent), f.Unit)
	return nil
}

func (a *Admin) upload(w http.ResponseWriter, r *http.Request) error {
	weight, err := strconv.ParseFloat(r.PostFormValue("weight"), 64)
	if err != nil {
		return invalid("a weight is a number")
	}
	secret, err := secretOf(r)
	if err != nil {
		return err
	}
	c := NewCredential{
		Label: strings.TrimSpace(r.PostFormValue("label")), Kind: r.PostFormValue("kind"),
		Preview: r.PostFormValue("preview") != "", Weight: weight, Secret: secret,
	}
	id, err := a.add(r, c)
	if err != nil {
		return err
	}
	a.done(w, r, "%s is in use as %s.", c.Label, id)
	return nil
}

// secretOf reads the credential itself, from the file or from the field.
func secretOf(r *http.Request) (Secret, error) {
	text := strings.TrimSpace(r.PostFormValue("secret"))
	file, _, err := r.FormFile("file")
	if err != nil {
		return Secret{text}, nil // none was given
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(file)
	if err != nil {
		return Secret{}, fmt.Errorf("read the file: %w", err)
	}
	if text != "" && len(content) > 0 {
		return Secret{}, invalid("give the credential as a file or as text, not both")
	}
	return Secret{text + strings.TrimSpace(string(content))}, nil
}

func (a *Admin) actOn(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("action") == "delete" {
		if err := a.remove(r); err != nil {
			return err
		}
		a.done(w, r, "%s is deleted.", r.PathValue("id"))
		return nil
	}
	report, err := a.act(r)
	if err != nil {
		return err
	}
	a.done(w, r, "%s: %s", r.PathValue("id"), report)
	return nil
}

// askDelete asks before a credential is gone for good.
func (a *Admin) askDelete(w http.ResponseWriter, r *http.Request) error {
	c, err := a.credential(r)
	if err != nil {
		return err
	}
	a.render(w, r, http.StatusOK, "delete", page{Title: "Delete " + c.Label + "?", Here: "credentials", Content: c})
	return nil
}
