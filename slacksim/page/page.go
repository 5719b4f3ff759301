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

// Options say what the page shows besides the workspace. The zero value is a page
// without a panel and without help for commands.
type Options struct {
	// Commands are suggested when somebody types a slash. Nil: those of the app's
	// manifest, without examples.
	Commands []Command
	// Notes stand beside people's names where one chooses whom to be, by user id: what
	// they may do.
	Notes map[string]string
	// Welcome is mrkdwn at the beginning of every channel.
	Welcome string
	// Panel stands beside the chat; nil: there is none.
	Panel *Panel
}

// Command is a slash command as the composer explains it.
type Command struct {
	Name        string // with its slash
	Usage       string // what may follow
	Description string
	Examples    []string // whole commands to try, with their slash
}

// Page serves the web page of a workspace. Make one with New.
type Page struct {
	ws        *slacksim.Workspace
	opts      Options
	templates *template.Template
	handler   http.Handler

	mu   sync.Mutex
	read map[string]map[string]string // by person and channel: the newest message they were shown
}

// New makes the page of ws. Give it to Workspace.Listen as the handler for what is not
// Slack's own: its paths are / and everything under /-/.
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

// ServeHTTP answers requests from this machine and refuses all others.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// guard keeps other websites out: a name that somebody points at 127.0.0.1 is not a
// loopback name (DNS rebinding), a form or script of another origin may not act, nothing
// may put the page into a frame, and the page itself runs only its own script.
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

// loopback says whether a Host header names this machine.
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
		// A link to somebody or something that is no longer there leads to the start.
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
