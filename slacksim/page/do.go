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

// deed is something the reader did, as the script reports it.
type deed struct {
	As     string   `json:"as"`
	At     string   `json:"at"`     // the channel
	TS     string   `json:"ts"`     // the message, if it was on one
	View   string   `json:"view"`   // the modal or Home tab, if it was in one
	Block  string   `json:"block"`  // block_id
	Action string   `json:"action"` // action_id
	Values []string `json:"values"`
	Text   string   `json:"text"`
	ID     string   `json:"id"` // of a switch or notice
	On     bool     `json:"on"`
}

// answer tells the script what came of it. What Slack says about a deed is in the
// workspace and reaches the page like any other change; Error is for the rest.
type answer struct {
	Error   string       `json:"error,omitempty"`
	Options []suggestion `json:"options,omitempty"`
}

type suggestion struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

// maxDeed bounds what is read of a request, in bytes: Slack's longest text and room.
const maxDeed = 256 << 10

func (p *Page) serveDo(w http.ResponseWriter, r *http.Request) {
	// Only a script can send this content type, and another site's script only if the
	// browser asked first, which nothing here answers.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "application/json expected", http.StatusUnsupportedMediaType)
		return
	}
	var d deed
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDeed)).Decode(&d); err != nil {
		http.Error(w, "not JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	verb, ok := verbs[r.PathValue("verb")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	out, err := verb(p, r, d)
	if err != nil {
		out.Error = sentence(err)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

// sentence says what went wrong, for what is not shown in the workspace itself.
func sentence(err error) string {
	var shown *slacksim.Failure
	switch {
	case errors.As(err, &shown):
		return ""
	case errors.Is(err, blockkit.ErrNotThere), errors.Is(err, slacksim.ErrGone), errors.Is(err, slacksim.ErrNoModal):
		return "This has changed in the meantime. Please look again."
	case errors.Is(err, slacksim.ErrNotMember):
		return "You're not in this channel."
	}
	return strings.TrimPrefix(err.Error(), "slacksim: ")
}

var verbs = map[string]func(*Page, *http.Request, deed) (answer, error){
	"say":     (*Page).say,
	"use":     (*Page).use,
	"keep":    (*Page).keep,
	"suggest": (*Page).suggest,
	"submit":  (*Page).submit,
	"close":   (*Page).close,
	"home":    (*Page).home,
	"dismiss": (*Page).dismiss,
	"switch":  (*Page).turn,
}

// say sends what was typed into the composer: a command if it begins with a slash.
func (p *Page) say(r *http.Request, d deed) (answer, error) {
	me := p.ws.Person(d.As)
	if strings.HasPrefix(d.Text, "/") {
		command, rest := d.Text, ""
		if i := strings.IndexAny(d.Text, " \t\n\u00a0"); i >= 0 {
			command, rest = d.Text[:i], strings.TrimLeft(d.Text[i:], " \t\n\u00a0")
		}
		return answer{}, me.Command(lasting(r), d.At, command, rest)
	}
	_, err := me.Say(d.At, d.Text)
	return answer{}, err
}

// surface finds what a deed was done on, as it is now.
func (p *Page) surface(d deed) (slacksim.Surface, error) {
	if d.TS != "" {
		for _, m := range p.ws.MessagesFor(d.As, d.At) {
			if m.TS == d.TS {
				return m, nil
			}
		}
		return nil, slacksim.ErrGone
	}
	for _, v := range p.ws.ModalsOf(d.As) {
		if v.ID == d.View {
			return v, nil
		}
	}
	if home, ok := p.ws.HomeOf(d.As); ok && home.ID == d.View {
		return home, nil
	}
	return nil, slacksim.ErrGone
}

func (p *Page) use(r *http.Request, d deed) (answer, error) {
	on, err := p.surface(d)
	if err != nil {
		return answer{}, err
	}
	return answer{}, p.ws.Person(d.As).Use(lasting(r), on, d.Block, d.Action, d.Values...)
}

func (p *Page) keep(_ *http.Request, d deed) (answer, error) {
	on, err := p.surface(d)
	if err != nil {
		return answer{}, err
	}
	return answer{}, p.ws.Person(d.As).Keep(on, d.Block, d.Action, d.Values...)
}

func (p *Page) suggest(r *http.Request, d deed) (answer, error) {
	on, err := p.surface(d)
	if err != nil {
		return answer{}, err
	}
	options, err := p.ws.Person(d.As).Suggest(lasting(r), on, d.Action, d.Text)
	var out answer
	for _, o := range options {
		out.Options = append(out.Options, suggestion{Value: o.Value, Text: unescape(o.Text)})
	}
	return out, err
}

// submit sends the modal on top; the fields were reported before.
func (p *Page) submit(r *http.Request, d deed) (answer, error) {
	if top, ok := p.ws.ModalOf(d.As); !ok || top.ID != d.View {
		return answer{}, slacksim.ErrGone
	}
	_, err := p.ws.Person(d.As).Submit(lasting(r))
	return answer{}, err
}

func (p *Page) close(_ *http.Request, d deed) (answer, error) {
	if top, ok := p.ws.ModalOf(d.As); !ok || top.ID != d.View {
		return answer{}, slacksim.ErrGone
	}
	if d.On { // the × closes all
		return answer{}, p.ws.Person(d.As).CloseModals()
	}
	return answer{}, p.ws.Person(d.As).CloseModal()
}

func (p *Page) home(_ *http.Request, d deed) (answer, error) {
	return answer{}, p.ws.Person(d.As).Home()
}

func (p *Page) dismiss(_ *http.Request, d deed) (answer, error) {
	p.ws.DismissNotice(d.As, d.ID)
	return answer{}, nil
}

func (p *Page) turn(_ *http.Request, d deed) (answer, error) {
	if p.opts.Panel != nil {
		for _, s := range p.opts.Panel.Switches {
			if s.ID == d.ID {
				return answer{}, s.Set(d.On)
			}
		}
	}
	return answer{}, fmt.Errorf("there is no switch %q", d.ID)
}

// lasting is the request's context without its end: who closes the page has still
// clicked, and the workspace bounds the wait for the app by itself.
func lasting(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
