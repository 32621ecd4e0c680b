package codeassist

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// projectKeys are where an object may hold a project's id, in the order in which
// they are believed.
var projectKeys = []string{"projectId", "project_id", "id", "name", "project"}

// projectID finds a project's id in any of the shapes that Code Assist has
// answered with: an id, a resource name ("projects/ID/locations/..."), an object
// that holds either, or a list of these. It returns "" where there is none.
func projectID(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	return normalise(v)
}

func normalise(v any) string {
	switch v := v.(type) {
	case string:
		id := strings.TrimSpace(v)
		if rest, ok := strings.CutPrefix(id, "projects/"); ok {
			id, _, _ = strings.Cut(rest, "/")
		}
		return strings.TrimSpace(id)
	case map[string]any:
		for _, key := range projectKeys {
			if id := normalise(v[key]); id != "" {
				return id
			}
		}
	case []any:
		for _, e := range v {
			if id := normalise(e); id != "" {
				return id
			}
		}
	}
	return ""
}

// projectOf finds the project in an answer: where it belongs, else in the answer
// as a whole.
func projectOf(answer []byte) string {
	var proper struct {
		Project json.RawMessage `json:"cloudaicompanionProject"`
	}
	if json.Unmarshal(answer, &proper) == nil {
		if id := projectID(proper.Project); id != "" {
			return id
		}
	}
	return projectID(answer)
}

// A listedProject is one project of the Resource Manager's, in the words of its
// version 3 and of version 1.
type listedProject struct {
	ProjectID      string `json:"projectId"`
	DisplayName    string `json:"displayName"`
	Name           string `json:"name"`
	State          string `json:"state"`
	LifecycleState string `json:"lifecycleState"`
}

func (p listedProject) active() bool {
	for _, state := range []string{p.State, p.LifecycleState} {
		if state != "" && state != "ACTIVE" {
			return false
		}
	}
	return p.ProjectID != ""
}

func (p listedProject) isDefault() bool {
	return strings.Contains(strings.ToLower(p.ProjectID+" "+p.DisplayName+" "+p.Name), "default")
}

// pickProject returns the active project that calls itself the default one, or
// the first active one, or "".
func pickProject(all []listedProject) string {
	active := slices.DeleteFunc(slices.Clone(all), func(p listedProject) bool { return !p.active() })
	if i := slices.IndexFunc(active, listedProject.isDefault); i >= 0 {
		return active[i].ProjectID
	}
	if len(active) > 0 {
		return active[0].ProjectID
	}
	return ""
}

// searchProjects asks the Resource Manager, which is the last resort and needs the
// scope for it. Its error says what was tried.
func (a *Account) searchProjects(ctx context.Context) (string, error) {
	a.mu.Lock()
	scoped := slices.ContainsFunc(a.cred.scopes, func(s string) bool { return strings.Contains(s, "/auth/cloud-platform") })
	a.mu.Unlock()
	if !scoped {
		return "", nil
	}
	var tried []string
	for _, path := range []string{"/v3/projects:search", "/v1/projects"} {
		answer, err := a.call(ctx, http.MethodGet, a.cfg.ResourceManagerURL+path, "listing projects", nil)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		var page struct{ Projects []listedProject }
		if err := json.Unmarshal(answer, &page); err != nil {
			tried = append(tried, path+": "+err.Error())
			continue
		}
		if id := pickProject(page.Projects); id != "" {
			return id, nil
		}
		tried = append(tried, path+": no active project")
	}
	return "", fmt.Errorf("searching the Resource Manager, %d attempts: %s", len(tried), strings.Join(tried, "; "))
}
