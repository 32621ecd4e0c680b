package admin

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// How much of a list is told where the caller does not say, and at most.
const (
	auditShown    = 200
	requestsShown = 100
	mostShown     = 1000
)

func (a *Admin) apiRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /admin/flags":                      a.getFlags,
		"GET /admin/flags/{name}":               a.getFlag,
		"PUT /admin/flags/{name}":               a.putFlag,
		"GET /admin/audit":                      a.getAudit,
		"POST /admin/verdicts":                  a.postVerdict,
		"GET /admin/requests":                   a.getRequests,
		"GET /admin/requests/{id}":              a.getRequest,
		"GET /admin/credentials":                a.getCredentials,
		"POST /admin/credentials":               a.postCredential,
		"GET /admin/credentials/{id}":           a.getCredential,
		"DELETE /admin/credentials/{id}":        a.deleteCredential,
		"POST /admin/credentials/{id}/{action}": a.postAction,
		"GET /admin/live":                       a.getLive,
	} {
		mux.Handle(pattern, a.private(h))
	}
}

// limitOf reads how many entries are asked for.
func limitOf(r *http.Request, usual int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostShown {
		return 0, invalid("limit is a number from 1 to %d", mostShown)
	}
	return n, nil
}

func (a *Admin) getRequests(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, requestsShown)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string][]live.Request{"requests": append([]live.Request{}, a.cfg.Traffic.Recent(limit)...)})
	return nil
}

func (a *Admin) getRequest(w http.ResponseWriter, r *http.Request) error {
	request, ok := a.cfg.Traffic.Request(r.PathValue("id"))
	if !ok {
		return ErrUnknown
	}
	writeJSON(w, http.StatusOK, request)
	return nil
}

func (a *Admin) getCredentials(w http.ResponseWriter, r *http.Request) error {
	all, err := a.cfg.Credentials.Credentials(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string][]Credential{"credentials": append([]Credential{}, all...)})
	return nil
}

func (a *Admin) getCredential(w http.ResponseWriter, r *http.Request) error {
	c, err := a.credential(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, c)
	return nil
}

// credential returns the one that the path names.
func (a *Admin) credential(r *http.Request) (Credential, error) {
	all, err := a.cfg.Credentials.Credentials(r.Context())
	if err != nil {
		return Credential{}, err
	}
	i := slices.IndexFunc(all, func(c Credential) bool { return c.ID == r.PathValue("id") })
	if i < 0 {
		return Credential{}, ErrUnknown
	}
	return all[i], nil
}

func (a *Admin) postCredential(w http.ResponseWriter, r *http.Request) error {
	c := NewCredential{Weight: 1}
	if err := readJSON(w, r, maxCredential, &c); err != nil {
		return err
	}
	id, err := a.add(r, c)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/admin/credentials/"+id)
	writeJSON(w, http.StatusCreated, map[string]string{"id": id})
	return nil
}

// Weights of a credential that is used: one so small that a score divided by it
// is no number is none.
const leastWeight, mostWeight = 1e-3, 1000

// add takes a new credential into use.
func (a *Admin) add(r *http.Request, c NewCredential) (string, error) {
	switch {
	case !slices.Contains(a.cfg.Kinds, c.Kind):
		return "", invalid("a kind is one of %q", a.cfg.Kinds)
	case c.Label == "" || len(c.Label) > 100 || !isLine(c.Label):
		return "", invalid("a label of 1 to 100 bytes in one line is needed: it is what people see of the credential")
	case c.Weight != 0 && !(c.Weight >= leastWeight && c.Weight <= mostWeight):
		return "", invalid("a weight is 0 (not used) or lies between %v and %v", leastWeight, mostWeight)
	case c.Secret.Reveal() == "":
		return "", invalid("the credential itself is missing")
	}
	id, err := a.cfg.Credentials.Add(r.Context(), c)
	if err == nil {
		a.cfg.Logger.Info("credential added", "credential", id, "label", c.Label, "kind", c.Kind, "who", from(r.Context()).who)
	}
	return id, err
}

func (a *Admin) deleteCredential(w http.ResponseWriter, r *http.Request) error {
	if err := a.remove(r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *Admin) remove(r *http.Request) error {
	id := r.PathValue("id")
	if err := a.cfg.Credentials.Remove(r.Context(), id); err != nil {
		return err
	}
	a.cfg.Logger.Info("credential removed", "credential", id, "who", from(r.Context()).who)
	return nil
}

func (a *Admin) postAction(w http.ResponseWriter, r *http.Request) error {
	report, err := a.act(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"report": report})
	return nil
}

// act does what the path names.
func (a *Admin) act(r *http.Request) (report string, err error) {
	id, action := r.PathValue("id"), Action(r.PathValue("action"))
	if !slices.Contains(actions, action) {
		return "", errNoRoute
	}
	report, err = a.cfg.Credentials.Do(r.Context(), id, action)
	if err == nil {
		a.cfg.Logger.Info("credential acted on", "credential", id, "action", string(action), "report", report, "who", from(r.Context()).who)
	}
	return report, err
}
