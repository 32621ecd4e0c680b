package admin

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed pages assets
var files embed.FS

// A page is what the frame around every page needs.
type page struct {
	Title string
	Here  string // the view that the menu marks
	Menu  []view
	Form  string // the token of the session's forms; empty without a session
	Note  note
	Live  string // where live changes come from; empty if nothing changes
	Content
}

// Content is what a page shows.
type Content any

// A view is a page of the menu.
type view struct {
	Name, Title string
	content     func(*http.Request) (Content, error)
	// regions are the parts that change by themselves; nil if none do.
	regions func(Content) []region
}

// Path is where the view is.
func (v view) Path() string {
	if v.Name == "overview" {
		return "/admin/panel/"
	}
	return "/admin/panel/" + v.Name
}

// A region is a part of a page that is drawn anew by itself. It holds nothing
// that takes input, so that a person's focus and words are never lost.
type region struct {
	id, template string
	data         any
}

func (a *Admin) views() []view {
	return []view{
		{"overview", "Overview", a.overview, func(c Content) []region { return []region{{"now", "now", c}} }},
		{"flags", "Flags", a.flagCards, flagRegions},
		{"credentials", "Credentials", a.credentialCards, credentialRegions},
		{"requests", "Requests", a.recent, func(c Content) []region { return []region{{"recent", "recent", c}} }},
		{"log", "Log", a.tail, func(c Content) []region { return []region{{"tail", "tail", c}} }},
		{"audit", "Audit", a.audit, nil},
		{"password", "Password", func(*http.Request) (Content, error) { return leastPassword, nil }, nil},
	}
}

func (a *Admin) panelRoutes(mux *http.ServeMux) {
	for _, v := range a.views() {
		path := v.Path()
		if v.Name == "overview" {
			path += "{$}"
		}
		mux.Handle("GET "+path, a.page(a.show(v)))
		if v.regions != nil {
			mux.Handle("GET /admin/panel/live/"+v.Name, a.private(a.watch(v)))
		}
	}
	mux.Handle("GET /admin/panel/requests/{id}", a.page(a.showRequest))
	mux.Handle("GET /admin/panel/credentials/{id}/delete", a.page(a.askDelete))
	mux.Handle("POST /admin/panel/flags/{name}", a.form(a.changeFlag))
	mux.Handle("POST /admin/panel/flags/{name}/rollback", a.form(a.rollBackFlag))
	mux.Handle("POST /admin/panel/credentials", a.form(a.upload))
	mux.Handle("POST /admin/panel/credentials/{id}/{action}", a.form(a.actOn))
	mux.Handle("POST /admin/panel/password", a.form(a.changePassword))
	mux.Handle("POST /admin/panel/logout", a.form(a.leave))
	mux.HandleFunc("GET /admin/panel/login", a.showLogin)
	mux.HandleFunc("POST /admin/panel/login", a.tryLogin)
	mux.Handle("/admin/panel/", a.page(func(http.ResponseWriter, *http.Request) error { return errNoRoute }))
	assets := http.StripPrefix("/admin/panel/", http.FileServerFS(files))
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		mux.Handle("GET /admin/panel/assets/"+name, assets)
	}
	toPanel := http.RedirectHandler("/admin/panel/", http.StatusSeeOther)
	mux.Handle("GET /{$}", toPanel)
	mux.Handle("GET /admin/{$}", toPanel)
}

// page lets a handler of pages see requests of a session alone; others are led
// to the login.
func (a *Admin) page(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok, err := a.caller(r)
		if err == nil && (!ok || c.session == "") {
			http.Redirect(w, r, "/admin/panel/login", http.StatusSeeOther)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		if err == nil {
			err = next(w, r)
		}
		if err != nil {
			f := a.fault(r, err)
			a.render(w, r, f.status, "fault", page{Title: http.StatusText(f.status), Content: f.message})
		}
	})
}

// show answers with a view.
func (a *Admin) show(v view) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		content, err := v.content(r)
		if err != nil {
			return err
		}
		p := page{Title: v.Title, Here: v.Name, Content: content}
		if v.regions != nil {
			p.Live = "/admin/panel/live/" + v.Name
			if r.URL.RawQuery != "" {
				p.Live += "?" + r.URL.Query().Encode()
			}
		}
		a.render(w, r, http.StatusOK, v.Name, p)
		return nil
	}
}

// watch streams the regions of a view as they change.
func (a *Admin) watch(v view) handler {
	type changed struct {
		ID   string `json:"id"`
		HTML string `json:"html"`
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		return a.stream(w, r, func(context.Context) ([]sse, error) {
			content, err := v.content(r)
			if err != nil {
				return nil, err
			}
			var events []sse
			for _, part := range v.regions(content) {
				events = append(events, sse{part.id, "region", changed{part.id, string(draw(part.template, part.data))}})
			}
			return events, nil
		})
	}
}

// render writes a page within its frame.
func (a *Admin) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	c := from(r.Context())
	p.Menu, p.Form = a.views(), c.form
	if c.session != "" {
		p.Note = cmp.Or(p.Note, a.notes.take(c.session))
	}
	body := draw(name, p)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// draw executes a template. What is drawn is ours, so it cannot fail but by a
// fault of the program.
func draw(name string, data any) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// templates are read once and never changed.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"duration": duration, "latency": latency, "percent": percent, "setting": setting, "change": change,
	"rate": rate, "count": count[int], "count64": count[int64], "share": share, "score": score,
	"stamp": stamp, "clockTime": clockTime, "iso": iso, "none": func() string { return none },
	"left": func(t, now time.Time) string { return duration(t.Sub(now).Round(time.Second)) },
	"part": func(n, all int) float64 { return 100 * float64(n) / float64(max(all, 1)) },
	"action": func(form string, c credentialCard, action, word string) map[string]string {
		return map[string]string{"Form": form, "ID": c.ID, "Label": c.Label, "Action": action, "Word": word}
	},
}).ParseFS(files, "pages/*.html"))
