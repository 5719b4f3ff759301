package page

import (
	"embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"

	"licensebot/slacksim"
)

//go:embed assets
var assets embed.FS

//go:embed templates
var templateFiles embed.FS

// Options is what the page shows besides the workspace. The zero value is a page of the workspace alone.
type Options struct {
	// Commands are suggested when the reader types a slash. Nil: those of the app's manifest, without examples.
	Commands []Command
	// Notes stand below people's names in the list of people, by user id, such as "may approve".
	Notes map[string]string
	// Welcome is mrkdwn at the beginning of every channel. Empty: there is none.
	Welcome string
	// Panel stands beside the chat. Nil: there is none.
	Panel *Panel
}

// Command is a slash command as the page suggests it.
type Command struct {
	Name        string // with its slash
	Usage       string // the arguments, such as "[number] drinks"
	Description string
	Examples    []string // whole commands with their slash
}

// Page is the web page of a workspace, an http.Handler. Make it with New.
type Page struct {
	ws        *slacksim.Workspace
	opts      Options
	templates *template.Template
	handler   http.Handler

	mu   sync.Mutex
	read map[string]map[string]string // by person and channel: the newest message that was shown
}

// New makes the page of ws, for Workspace.Listen. Its paths are / and everything below /-/.
func New(ws *slacksim.Workspace, opts Options) *Page {
	if opts.Commands == nil {
		for _, c := range ws.App().Commands {
			opts.Commands = append(opts.Commands, Command{Name: c.Name, Usage: c.UsageHint, Description: c.Description})
		}
	}
	p := &Page{ws: ws, opts: opts, read: map[string]map[string]string{}}
	p.templates = template.Must(template.New("").ParseFS(templateFiles, "templates/*.html"))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.servePage)
	mux.HandleFunc("GET /-/events", p.serveEvents)
	mux.HandleFunc("GET /-/{file}", p.serveAsset)
	mux.HandleFunc("POST /-/do/{verb}", p.serveDo)
	p.handler = guard(mux)
	return p
}

// ServeHTTP answers requests for loopback addresses, such as http://127.0.0.1:3000, and refuses all others with 403.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// guard keeps other websites out. It refuses names that lead to 127.0.0.1 (DNS rebinding) and requests of other
// origins; no page can put this one into a frame, and this one runs only its own script.
func guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	checked := sameOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			http.Error(w, "this page answers on loopback addresses only, such as http://127.0.0.1", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		checked.ServeHTTP(w, r)
	})
}

// loopback reports whether a Host header is a loopback address.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

func (p *Page) serveAsset(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/"+r.PathValue("file"))
}

func (p *Page) servePage(w http.ResponseWriter, r *http.Request) {
	v, ok := p.visitor(r)
	if !ok {
		// A link to a person or channel that is not there leads to the start.
		if r.URL.RawQuery == "" {
			http.Error(w, "this workspace has no people", http.StatusNotFound)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	out, err := p.render("page", p.shell(v))
	if err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	p.ws.KeepNow()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, out)
}

func (p *Page) render(name string, data any) (string, error) {
	var out strings.Builder
	if err := p.templates.ExecuteTemplate(&out, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return out.String(), nil
}
