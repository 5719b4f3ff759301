package page

import (
	"cmp"
	"encoding/base64"
	"html/template"
	"slices"
	"strconv"

	"licensebot/slacksim"
)

// shownMessages is how many messages of a channel are shown: the newest ones.
const shownMessages = 150

// stage is the middle of the page: a channel or the app's Home tab.
type stage struct {
	visitor
	Title    string
	Topic    string
	Members  int
	Messages []message
	Earlier  int // messages that are not shown
	Welcome  template.HTML
	Home     *viewed
	AppTabs  []entry
	CanWrite bool
}

// message is a message, or a notice from Slack itself in the channel.
type message struct {
	ID, Channel, TS string
	Revision        string
	Face            face
	Slackbot        bool
	OnlyYou         bool
	Compact         bool // follows a message of the same person closely: without name and picture
	Edited          bool
	Epoch           int64
	Text            template.HTML
	Blocks          []block
	Files           []file
	Notices         []notice
	Dismiss         string // id of the notice that this is
}

// notice is a sentence from Slack itself, below the message or view to which it belongs.
type notice struct{ ID, Text string }

type file struct {
	Name, Size string
	Picture    bool
	URL        template.URL
}

func (p *Page) stage(v visitor) stage {
	s := stage{visitor: v, CanWrite: v.At != atHome && !v.Channel.Archived}
	bot, _ := p.ws.User(v.App.BotUserID)
	app := cmp.Or(bot.RealName, v.App.Name)
	if v.InApp() {
		dm := p.ws.DM(v.Person.ID)
		s.Title = app
		s.AppTabs = []entry{
			{Name: "Home", URL: address(v.Person.ID, atHome), Here: v.At == atHome},
			{Name: "Messages", URL: address(v.Person.ID, dm), Here: v.At == dm, Unread: p.unread(v.Person.ID, dm)},
		}
	} else {
		s.Title, s.Topic, s.Members = "#"+v.Channel.Name, v.Channel.Topic, len(v.Channel.Members)
	}
	if v.At == atHome {
		if home, ok := p.ws.Person(v.Person.ID).HomeTab(); ok {
			s.Home = p.viewed(v, home)
		}
		return s
	}
	s.Messages, s.Earlier = p.messages(v)
	if s.Earlier == 0 && p.opts.Welcome != "" {
		s.Welcome = Mrkdwn(p.opts.Welcome, names{p.ws})
	}
	return s
}

func (p *Page) messages(v visitor) (list []message, earlier int) {
	all := p.ws.Person(v.Person.ID).Messages(v.Channel.ID)
	if len(all) > 0 {
		p.markRead(v.Person.ID, v.Channel.ID, all[len(all)-1].TS)
	}
	if n := len(all) - shownMessages; n > 0 {
		all, earlier = all[n:], n
	}
	notices := p.ws.Person(v.Person.ID).Notices()
	for _, m := range all {
		list = append(list, p.message(v, m, notices))
	}
	for _, n := range notices {
		if n.Channel != v.Channel.ID || n.MessageTS != "" {
			continue
		}
		list = append(list, message{
			ID: domID(n.ID), Face: face{Name: "Slackbot", Initials: "S", Tone: 7, App: true}, Slackbot: true, OnlyYou: true,
			Epoch: n.At.Unix(), TS: tsOf(n), Text: plainText(n.Text, false), Dismiss: n.ID,
		})
	}
	slices.SortStableFunc(list, func(a, b message) int { return cmp.Compare(a.TS, b.TS) })
	for i := range list {
		if i == 0 {
			continue
		}
		now, before := &list[i], list[i-1]
		// Messages with blocks look alike: without names, two would look like one.
		now.Compact = now.Face == before.Face && !before.OnlyYou && !now.OnlyYou && now.Epoch-before.Epoch < 5*60 &&
			len(now.Blocks) == 0
	}
	return list, earlier
}

// tsOf returns the time of a notice in the form of a message's timestamp.
func tsOf(n slacksim.Notice) string {
	us := strconv.FormatInt(n.At.UnixMicro(), 10)
	if len(us) <= 6 {
		return us
	}
	return us[:len(us)-6] + "." + us[len(us)-6:]
}

func (p *Page) message(v visitor, m slacksim.Message, notices []slacksim.Notice) message {
	u, ok := p.ws.User(m.User)
	if !ok {
		u = slacksim.User{ID: m.User, RealName: m.User, Bot: m.BotID != ""}
	}
	out := message{
		ID: domID(m.Channel, m.TS), Channel: m.Channel, TS: m.TS, Revision: strconv.Itoa(m.Revision), Face: faceOf(u),
		OnlyYou: m.Ephemeral(), Epoch: epoch(m.TS), Edited: m.Edited && len(m.Blocks) == 0,
	}
	s := p.blockRenderer(v, m.Channel+m.TS)
	if out.Blocks = s.blocks(m.Blocks); len(out.Blocks) == 0 {
		out.Text = Mrkdwn(m.Text, names{p.ws})
	}
	for _, f := range m.Files {
		out.Files = append(out.Files, fileOf(f))
	}
	for _, n := range notices {
		if n.Channel == m.Channel && n.MessageTS == m.TS {
			out.Notices = append(out.Notices, notice{ID: n.ID, Text: n.Text})
		}
	}
	return out
}

// fileOf shows an uploaded picture, and offers all other files for download. It shows only types that can't run code.
func fileOf(f slacksim.File) file {
	out := file{Name: cmp.Or(f.Title, f.Name), Size: strconv.Itoa((len(f.Content)+1023)/1024) + " kB"}
	mime := "application/octet-stream"
	switch f.MimeType {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		mime, out.Picture = f.MimeType, true
	}
	if len(f.Content) <= 2<<20 {
		out.URL = safeData(mime, base64.StdEncoding.EncodeToString(f.Content))
	}
	return out
}

// viewed is a modal or the Home tab.
type viewed struct {
	slacksim.View
	DOM     string
	Blocks  []block
	Notices []notice
	Depth   int // number of modals below it
	Top     bool
}

func (p *Page) viewed(v visitor, view slacksim.View) *viewed {
	s := p.blockRenderer(v, view.ID)
	s.inputs, s.errors = view.Inputs, view.Errors
	out := &viewed{View: view, DOM: domID(view.ID), Blocks: s.blocks(view.Blocks)}
	for _, n := range p.ws.Person(v.Person.ID).Notices() {
		// The failure of a submission is already in view.Failure.
		if n.ViewID == view.ID && n.ActionID != "" {
			out.Notices = append(out.Notices, notice{ID: n.ID, Text: n.Text})
		}
	}
	return out
}

func (p *Page) modals(v visitor) []viewed {
	stack := p.ws.Person(v.Person.ID).Modals()
	var out []viewed
	for i, m := range stack {
		one := p.viewed(v, m)
		one.Depth, one.Top = i, i == len(stack)-1
		out = append(out, *one)
	}
	return out
}
