package page

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"licensebot/slacksim"
)

// atHome stands for the app's Home tab in place of a channel id.
const atHome = "home"

// visitor is the person that the reader is, and the place that the page shows.
type visitor struct {
	Person  slacksim.User
	At      string // a channel's id, or atHome
	Channel slacksim.Channel
	App     slacksim.App
}

// InApp reports whether the place is the app's messages or its Home tab.
func (v visitor) InApp() bool { return v.At == atHome || v.Channel.DM != "" }

// visitor reads the person and the place from the address. The default is the first person and the person's first
// channel.
func (p *Page) visitor(r *http.Request) (visitor, bool) {
	return p.visit(r.FormValue("as"), r.FormValue("at"))
}

func (p *Page) visit(as, at string) (visitor, bool) {
	v := visitor{App: p.ws.App(), At: at}
	people := p.people()
	i := 0
	if as != "" {
		i = slices.IndexFunc(people, func(u slacksim.User) bool { return u.ID == as })
	}
	if i < 0 || i >= len(people) {
		return v, false
	}
	v.Person = people[i]
	if at == atHome {
		return v, true
	}
	channels := p.channels(v.Person.ID)
	i = 0
	if at != "" {
		i = slices.IndexFunc(channels, func(c slacksim.Channel) bool { return c.ID == at })
	}
	if i < 0 || i >= len(channels) {
		return v, false
	}
	v.Channel = channels[i]
	v.At = v.Channel.ID
	return v, true
}

// people returns the people that the reader can be.
func (p *Page) people() []slacksim.User {
	return slices.DeleteFunc(p.ws.Users(), func(u slacksim.User) bool { return u.Bot || u.Deleted || u.Stranger })
}

// channels returns the channels of a person, and after them the direct messages with the app.
func (p *Page) channels(person string) []slacksim.Channel {
	dm := p.ws.DM(person)
	list := slices.DeleteFunc(p.ws.Person(person).Channels(), func(c slacksim.Channel) bool {
		return c.DM != "" && c.ID != dm
	})
	slices.SortStableFunc(list, func(a, b slacksim.Channel) int { return cmp.Compare(len(a.DM), len(b.DM)) })
	return list
}

// face is the name and picture of a person beside a message.
type face struct {
	Name     string
	Initials string
	Tone     int
	App      bool
}

func faceOf(u slacksim.User) face {
	name := cmp.Or(u.RealName, u.Name, u.ID)
	initials := ""
	for _, word := range strings.Fields(name) {
		r, _ := utf8.DecodeRuneInString(word)
		initials += strings.ToUpper(string(r))
	}
	if len([]rune(initials)) > 2 || u.Bot {
		initials = string([]rune(initials)[:1])
	}
	tone := 0
	for _, r := range u.ID {
		tone = (tone*31 + int(r)) % 8
	}
	return face{Name: name, Initials: initials, Tone: tone, App: u.Bot}
}

// address returns the address of the page for a person and a place.
func address(person, at string) string {
	return "/?" + url.Values{"as": {person}, "at": {at}}.Encode()
}

// entry is a line of the sidebar.
type entry struct {
	Name, Note, URL string
	Here            bool
	Unread          int
	Private         bool
	Archived        bool
	Face            face
}

// sidebar is the list of places and people.
type sidebar struct {
	visitor
	Team     slacksim.Team
	Channels []entry
	Apps     []entry
	People   []entry
	Online   bool // whether the app is connected
}

func (p *Page) sidebar(v visitor) sidebar {
	s := sidebar{visitor: v, Team: p.ws.Team(), Online: p.ws.Sockets() > 0}
	bot, _ := p.ws.User(v.App.BotUserID)
	for _, c := range p.channels(v.Person.ID) {
		e := entry{
			Name: c.Name, URL: address(v.Person.ID, c.ID), Here: c.ID == v.At, Unread: p.unread(v.Person.ID, c.ID),
			Private: c.Private, Archived: c.Archived,
		}
		if c.DM == "" {
			s.Channels = append(s.Channels, e)
			continue
		}
		e.Name, e.Face, e.Here = cmp.Or(bot.RealName, v.App.Name), faceOf(bot), v.InApp()
		s.Apps = append(s.Apps, e)
	}
	for _, u := range p.people() {
		at := v.At
		switch {
		case v.Channel.DM != "":
			at = p.ws.DM(u.ID)
		case v.At != atHome && !v.Channel.Has(u.ID):
			at = ""
		}
		e := entry{
			Name: faceOf(u).Name, Note: p.opts.Notes[u.ID], URL: address(u.ID, at), Here: u.ID == v.Person.ID, Face: faceOf(u),
		}
		if !e.Here {
			for _, c := range p.channels(u.ID) {
				if c.DM != "" || !c.Has(v.Person.ID) { // other channels have their own number in the sidebar
					e.Unread += p.unread(u.ID, c.ID)
				}
			}
		}
		s.People = append(s.People, e)
	}
	return s
}

// unread counts the messages of others in a channel that were not yet shown to the person.
func (p *Page) unread(person, channel string) int {
	p.mu.Lock()
	seen := p.read[person][channel]
	p.mu.Unlock()
	n := 0
	for _, m := range p.ws.Person(person).Messages(channel) {
		if m.User != person && m.TS > seen {
			n++
		}
	}
	return n
}

// markRead notes that the channel was shown to the person up to this message.
func (p *Page) markRead(person, channel, ts string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read[person] == nil {
		p.read[person] = map[string]string{}
	}
	p.read[person][channel] = max(p.read[person][channel], ts)
}

// names finds the names of the workspace's people and channels, for mentions.
type names struct{ ws *slacksim.Workspace }

func (n names) UserName(id string) string {
	if u, ok := n.ws.User(id); ok && u.ID == id {
		return cmp.Or(u.RealName, u.Name)
	}
	return ""
}

func (n names) ChannelName(id string) string {
	if c, ok := n.ws.Channel(id); ok && c.ID == id {
		return c.Name
	}
	return ""
}

func (n names) GroupName(string) string { return "" }

func (p *Page) blockRenderer(v visitor, id string) *blockRenderer {
	return &blockRenderer{
		id: id, reader: v.Person.ID, names: names{p.ws},
		conversations: func(kind string) []conversation {
			var out []conversation
			if kind != "channels_select" {
				for _, u := range p.people() {
					out = append(out, conversation{Value: u.ID, Text: faceOf(u).Name})
				}
			}
			if kind != "users_select" {
				for _, c := range p.channels(v.Person.ID) {
					if c.DM == "" {
						out = append(out, conversation{Value: c.ID, Text: "#" + c.Name})
					}
				}
			}
			return out
		},
	}
}

// shell is the whole page as it is opened.
type shell struct {
	visitor
	Sidebar  sidebar
	Stage    stage
	Modals   []viewed
	Panel    *panelView
	Commands []Command
	Events   string
	Title    string
}

func (p *Page) shell(v visitor) shell {
	s := shell{visitor: v, Stage: p.stage(v), Commands: p.opts.Commands, Panel: p.panelNow()}
	s.Sidebar, s.Modals = p.sidebar(v), p.modals(v)
	s.Events = "/-/events" + strings.TrimPrefix(address(v.Person.ID, v.At), "/")
	s.Title = s.Stage.Title
	return s
}

func epoch(ts string) int64 {
	seconds, _, _ := strings.Cut(ts, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// safeData makes a data: address for content that a browser only shows or saves.
func safeData(mime, base64 string) template.URL {
	return template.URL("data:" + mime + ";base64," + base64)
}
