package page

import "html/template"

// Panel stands beside the chat. It shows facts about something outside of the workspace, and switches for it.
type Panel struct {
	Title string
	// Intro is mrkdwn below the title.
	Intro string
	// Sections returns the present facts. It is called every second for each open page, also concurrently, so it must be
	// fast. Nil: there are no facts.
	Sections func() []Section
	// SwitchesTitle stands above Switches.
	SwitchesTitle string
	Switches      []Switch
}

// Section is a list of facts under a title.
type Section struct {
	Title string
	Rows  []Row
	Empty string // shown when there are no rows
}

// Row is one fact.
type Row struct {
	Label string
	Value string
	Note  string // in small type below the label
	URL   string // makes Label a link; other addresses than http, https, mailto and tel are ignored
}

// Switch is a switch of a panel. On and Set are required.
type Switch struct {
	ID          string // unique among the panel's switches
	Title       string
	Description string
	// Once marks a switch that turns itself off after its first effect. The page shows the difference.
	Once bool
	// On reports whether the switch is on. It is called every second for each open page, also concurrently.
	On func() bool
	// Set turns the switch on or off. The reader sees its error.
	Set func(on bool) error
}

// panelView is the present content of a Panel.
type panelView struct {
	*Panel
	Intro template.HTML
	Facts []Section
}

func (p *Page) panelNow() *panelView {
	if p.opts.Panel == nil {
		return nil
	}
	v := &panelView{Panel: p.opts.Panel, Intro: Mrkdwn(p.opts.Panel.Intro, names{p.ws})}
	if v.Sections != nil {
		for _, s := range v.Sections() {
			rows := make([]Row, len(s.Rows))
			for i, r := range s.Rows {
				if !linkable(r.URL) {
					r.URL = ""
				}
				rows[i] = r
			}
			s.Rows = rows
			v.Facts = append(v.Facts, s)
		}
	}
	return v
}
