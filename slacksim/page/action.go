package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"licensebot/slacksim"
	"licensebot/slacksim/blockkit"
)

// action is an action of the reader, as the script reports it.
type action struct {
	As     string   `json:"as"`
	At     string   `json:"at"`     // the channel
	TS     string   `json:"ts"`     // the message, for an action in a message
	View   string   `json:"view"`   // the modal or Home tab, for an action in one
	Block  string   `json:"block"`  // block_id
	Action string   `json:"action"` // action_id
	Values []string `json:"values"`
	Text   string   `json:"text"`
	ID     string   `json:"id"` // of a switch or notice
	On     bool     `json:"on"`
}

// answer is the answer to the script. Failures that Slack shows are notices in the workspace, and reach the page as all
// changes do; Error is for other errors.
type answer struct {
	Error   string       `json:"error,omitempty"`
	Options []suggestion `json:"options,omitempty"`
}

type suggestion struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

// maxActionBytes is the largest body of an action, in bytes: more than Slack's longest text needs.
const maxActionBytes = 256 << 10

func (p *Page) serveDo(w http.ResponseWriter, r *http.Request) {
	// Only a script can send this content type, and a script of another site only after a preflight request, which this
	// server doesn't answer.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "application/json expected", http.StatusUnsupportedMediaType)
		return
	}
	var d action
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxActionBytes)).Decode(&d); err != nil {
		http.Error(w, "not JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	verb, ok := actions[r.PathValue("verb")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	out, err := verb(p, r, d)
	if err != nil {
		out.Error = sentence(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // fails only if the client has gone
}

// sentence returns what the reader sees of an error: nothing if the workspace shows it.
func sentence(err error) string {
	var shown *slacksim.Failure
	switch {
	case errors.As(err, &shown):
		return ""
	case errors.Is(err, blockkit.ErrNotFound), errors.Is(err, slacksim.ErrGone), errors.Is(err, slacksim.ErrNoModal):
		return "This has changed in the meantime. Please look again."
	case errors.Is(err, slacksim.ErrNotMember):
		return "You're not in this channel."
	}
	return strings.TrimPrefix(err.Error(), "slacksim: ")
}

var actions = map[string]func(*Page, *http.Request, action) (answer, error){
	"say":     (*Page).say,
	"use":     (*Page).use,
	"keep":    (*Page).keep,
	"suggest": (*Page).suggest,
	"submit":  (*Page).submit,
	"close":   (*Page).close,
	"home":    (*Page).home,
	"dismiss": (*Page).dismiss,
	"switch":  (*Page).setSwitch,
}

// say sends the text of the message box: a command if it begins with a slash.
func (p *Page) say(r *http.Request, d action) (answer, error) {
	me := p.ws.Person(d.As)
	if strings.HasPrefix(d.Text, "/") {
		command, rest := d.Text, ""
		if i := strings.IndexAny(d.Text, " \t\n\u00a0"); i >= 0 {
			command, rest = d.Text[:i], strings.TrimLeft(d.Text[i:], " \t\n\u00a0")
		}
		return answer{}, me.Command(detached(r), d.At, command, rest)
	}
	_, err := me.Say(d.At, d.Text)
	return answer{}, err
}

// surface finds the message or view of an action in its present state.
func (p *Page) surface(d action) (slacksim.Surface, error) {
	if d.TS != "" {
		for _, m := range p.ws.Person(d.As).Messages(d.At) {
			if m.TS == d.TS {
				return m, nil
			}
		}
		return nil, slacksim.ErrGone
	}
	for _, v := range p.ws.Person(d.As).Modals() {
		if v.ID == d.View {
			return v, nil
		}
	}
	if home, ok := p.ws.Person(d.As).HomeTab(); ok && home.ID == d.View {
		return home, nil
	}
	return nil, slacksim.ErrGone
}

func (p *Page) use(r *http.Request, d action) (answer, error) {
	on, err := p.surface(d)
	if err != nil {
		return answer{}, err
	}
	return answer{}, p.ws.Person(d.As).Use(detached(r), on, d.Block, d.Action, d.Values...)
}

func (p *Page) keep(_ *http.Request, d action) (answer, error) {
	on, err := p.surface(d)
	if err != nil {
		return answer{}, err
	}
	return answer{}, p.ws.Person(d.As).SetValues(on, d.Block, d.Action, d.Values...)
}

func (p *Page) suggest(r *http.Request, d action) (answer, error) {
	on, err := p.surface(d)
	if err != nil {
		return answer{}, err
	}
	options, err := p.ws.Person(d.As).Suggest(detached(r), on, d.Action, d.Text)
	var out answer
	for _, o := range options {
		out.Options = append(out.Options, suggestion{Value: o.Value, Text: unescape(o.Text)})
	}
	return out, err
}

// submit submits the topmost modal. The script has reported the fields before.
func (p *Page) submit(r *http.Request, d action) (answer, error) {
	if top, ok := p.ws.Person(d.As).Modal(); !ok || top.ID != d.View {
		return answer{}, slacksim.ErrGone
	}
	_, err := p.ws.Person(d.As).Submit(detached(r))
	return answer{}, err
}

func (p *Page) close(_ *http.Request, d action) (answer, error) {
	if top, ok := p.ws.Person(d.As).Modal(); !ok || top.ID != d.View {
		return answer{}, slacksim.ErrGone
	}
	if d.On { // the × closes all modals
		return answer{}, p.ws.Person(d.As).CloseModals()
	}
	return answer{}, p.ws.Person(d.As).CloseModal()
}

func (p *Page) home(_ *http.Request, d action) (answer, error) {
	return answer{}, p.ws.Person(d.As).Home()
}

func (p *Page) dismiss(_ *http.Request, d action) (answer, error) {
	p.ws.Person(d.As).DismissNotice(d.ID)
	return answer{}, nil
}

func (p *Page) setSwitch(_ *http.Request, d action) (answer, error) {
	if p.opts.Panel != nil {
		for _, s := range p.opts.Panel.Switches {
			if s.ID == d.ID {
				return answer{}, s.Set(d.On)
			}
		}
	}
	return answer{}, fmt.Errorf("there is no switch %q", d.ID)
}

// detached returns the context of a request without its end: an action goes on after the page is closed. The workspace
// limits the wait for the app.
func detached(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
