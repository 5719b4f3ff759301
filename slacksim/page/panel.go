package page

import "html/template"

// Panel is what stands beside the chat: facts about something outside the workspace, and
// switches for it. What they mean is the caller's business.
type Panel struct {
	Title string
	// Intro is mrkdwn under the title.
	Intro string
	// Sections are the facts as they are now. It is asked about every second while
	// somebody looks, so it must be quick. Nil: none.
	Sections func() []Section
	// SwitchesTitle stands above the switches.
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
	Note  string // smaller, under the label
	URL   string // where Label leads; only web addresses become links
}

// Switch is something that is on or off.
type Switch struct {
	ID          string // unique among the panel's switches
	Title       string
	Description string
	// Once is set if the switch turns itself off after one fault; others stay on. The page says which.
	Once bool
	// On and Set are both needed. A switch may turn itself off, such as one for the next
	// answer only: the page looks every second.
	On func() bool
	// Set turns it on or off. Its error is shown to the reader.
	Set func(on bool) error
}

// panelView is a Panel as it is now.
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
	if v.Panel.Sections != nil {
		for _, s := range v.Panel.Sections() {
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
