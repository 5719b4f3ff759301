package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// panelInterval is the time between two readings of the panel's facts, which change without notice.
const panelInterval = time.Second

// part is a piece of the page that is replaced as a whole.
type part struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// parts renders the parts of the page that can change while it is open.
func (p *Page) parts(v visitor) ([]part, error) {
	var out []part
	for _, each := range []struct {
		id   string
		data func() any
	}{
		// The stage comes first: it marks messages as read, which the sidebar counts.
		{"stage", func() any { return p.stage(v) }},
		{"sidebar", func() any { return p.sidebar(v) }},
		{"modals", func() any { return p.modals(v) }},
		{"panel", func() any { return p.panelNow() }},
	} {
		html, err := p.render(each.id, each.data())
		if err != nil {
			return nil, err
		}
		out = append(out, part{ID: each.id, HTML: html})
	}
	return out, nil
}

// serveEvents sends every part that has changed until the reader leaves. A new connection first gets all parts, so that
// it doesn't miss changes between two connections.
func (p *Page) serveEvents(w http.ResponseWriter, r *http.Request) {
	v, ok := p.visitor(r)
	if !ok {
		http.Error(w, "no such person or place", http.StatusNotFound)
		return
	}
	changes, stop := p.ws.Subscribe()
	defer stop()
	var tick <-chan time.Time
	if p.opts.Panel != nil {
		ticker := time.NewTicker(panelInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	// The browser connects again soon after the server has restarted.
	if _, err := fmt.Fprint(w, "retry: 500\n\n"); err != nil {
		return
	}
	sent := map[string]string{}
	for {
		select {
		case _, open := <-changes:
			if !open {
				return
			}
		case <-tick:
		case <-r.Context().Done():
			return
		}
		now, there := p.visit(v.Person.ID, v.At)
		if !there { // the person or channel is gone; the script loads the page again
			return
		}
		parts, err := p.parts(now)
		if err != nil {
			return
		}
		p.ws.KeepNow()
		for _, one := range parts {
			if last, ok := sent[one.ID]; ok && last == one.HTML {
				continue
			}
			data, err := json.Marshal(one)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
				return
			}
			sent[one.ID] = one.HTML
		}
		if flush.Flush() != nil {
			return
		}
	}
}
