package page_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
)

// shop is a small app on slack-go that sells coffee, with one command.
type shop struct {
	ws     *slacksim.Workspace
	url    string
	api    *slack.Client
	socket *socketmode.Client

	mu   sync.Mutex
	seen []string      // what the app got, in order
	more chan struct{} // closed and replaced when that grows
	on   bool          // of the panel's switch
}

// open serves a workspace with its page and lets the shop connect to it.
func open(t *testing.T, opts page.Options) *shop {
	t.Helper()
	// More time than Slack gives, since a busy machine must not fail a test.
	return openWith(t, slacksim.Options{AckTimeout: 15 * time.Second}, opts)
}

func openWith(t *testing.T, sim slacksim.Options, opts page.Options) *shop {
	t.Helper()
	sim.Team = slacksim.Team{ID: "T0ACME", Domain: "acme", Name: "Acme Research"}
	sim.App = slacksim.App{
		ID: "A0SHOP", Name: "coffeebot", BotUserID: "U0BOT", BotID: "B0BOT", BotToken: "xoxb-1", AppToken: "xapp-1",
		Commands: []slacksim.SlashCommand{
			{Name: "/order", UsageHint: "card | form | blocks | slow", Description: "Order coffee"},
		},
	}
	ws := slacksim.New(sim)
	s := &shop{ws: ws, more: make(chan struct{})}
	if opts.Panel == nil {
		opts.Panel = &page.Panel{
			Title: "Coffee machine", Intro: "What the machine *really* does.",
			Sections: func() []page.Section {
				return []page.Section{
					{
						Title: "Stock",
						Rows: []page.Row{
							{Label: "Beans", Value: "3 kg", Note: "roasted yesterday"},
							{Label: "Manual", Value: "open", URL: "https://coffee.example/"},
						},
					},
					{Title: "Queue", Empty: "No orders yet."},
				}
			},
			SwitchesTitle: "What may go wrong",
			Switches: []page.Switch{{
				ID: "jam", Title: "Grinder jams", Description: "Takes the order and never answers.",
				On: func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.on },
				Set: func(on bool) error {
					s.mu.Lock()
					s.on = on
					s.mu.Unlock()
					s.note("jam %v", on)
					return nil
				},
			}, {
				ID: "fire", Title: "On fire", On: func() bool { return false },
				Set: func(bool) error { return fmt.Errorf("the fire brigade forbids it") },
			}},
		}
	}
	srv, err := ws.Listen("127.0.0.1:0", page.New(ws, opts))
	if err != nil {
		t.Fatal(err)
	}
	s.url = srv.URL
	transport := &http.Transport{}
	s.api = slack.New(
		"xoxb-1", slack.OptionAppLevelToken("xapp-1"), slack.OptionAPIURL(srv.APIURL),
		slack.OptionHTTPClient(&http.Client{Transport: transport}),
	)
	s.socket = socketmode.New(s.api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Add(2)
	go func() { defer running.Done(); _ = s.socket.RunContext(ctx) }() // ends with ctx
	go func() { defer running.Done(); s.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		srv.Close()
		running.Wait()
		transport.CloseIdleConnections()
	})
	wait, done := context.WithTimeout(t.Context(), 20*time.Second)
	defer done()
	if err := ws.WaitForSocket(wait); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, fmt.Sprintf(format, args...))
	close(s.more)
	s.more = make(chan struct{})
}

// await waits until the app got something.
func (s *shop) await(t *testing.T, want string) {
	t.Helper()
	late := time.After(2 * time.Minute)
	for {
		s.mu.Lock()
		more := s.more
		s.mu.Unlock()
		if strings.Contains(s.received(), want) {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("requests to the app: got %q, want %q", s.received(), want)
		}
	}
}

// received returns what the app got so far.
func (s *shop) received() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.seen, "\n")
}

func (s *shop) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.socket.Events:
			switch e.Type {
			case socketmode.EventTypeSlashCommand:
				s.command(e)
			case socketmode.EventTypeInteractive:
				s.interaction(e)
			case socketmode.EventTypeEventsAPI:
				s.ack(e)
				s.home()
			default: // of the connection
			}
		}
	}
}

func plain(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject("plain_text", text, false, false)
}

func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject("mrkdwn", text, false, false)
}

func (s *shop) command(e socketmode.Event) {
	c := e.Data.(slack.SlashCommand)
	s.note("command %s by %s", c.Text, c.UserID)
	if c.Text == "slow" {
		return
	}
	s.ack(e)
	switch c.Text {
	case "card":
		s.say(c, "card", card()...)
	case "blocks":
		for _, blocks := range gallery() {
			if _, _, err := s.api.PostMessage(
				c.ChannelID, slack.MsgOptionText("blocks", false), slack.MsgOptionBlocks(blocks...),
			); err != nil {
				s.note("post: %v", err)
			}
		}
	case "form":
		if _, err := s.api.OpenView(c.TriggerID, form("$4.00")); err != nil {
			s.note("open: %v", err)
		}
	case "sleepy":
		s.say(c, "sleepy", slack.NewActionBlock("", slack.NewButtonBlockElement("nothing", "", plain("Do nothing"))))
	}
}

// say answers a command with a message that only its person sees.
func (s *shop) say(c slack.SlashCommand, text string, blocks ...slack.Block) {
	_, err := s.api.PostEphemeral(
		c.ChannelID, c.UserID, slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...),
	)
	s.check(err)
}

func (s *shop) ack(e socketmode.Event, payload ...any) { s.check(s.socket.Ack(*e.Request, payload...)) }

// check notes an error, which no test expects among what the app got.
func (s *shop) check(err error) {
	if err != nil {
		s.note("error: %v", err)
	}
}

func card() []slack.Block {
	buy := slack.NewButtonBlockElement("buy", "3", plain("Buy for $12.00")).WithStyle(slack.StylePrimary)
	buy.Confirm = slack.NewConfirmationBlockObject(
		plain("Buy 3 coffees?"), mrkdwn("You pay *$12.00* now."), plain("Yes, buy"), plain("Not now"),
	)
	return []slack.Block{
		slack.NewHeaderBlock(plain("3 coffees")),
		slack.NewSectionBlock(
			mrkdwn("With *oat milk*, for <@U0BOB>."),
			[]*slack.TextBlockObject{
				mrkdwn("*Price*\n$12.00"), mrkdwn("*Ready*\n<!date^1700000000^{date_short} at {time}|soon>"),
			},
			nil,
		),
		slack.NewContextBlock("", mrkdwn("Budget left: $88.00 · order `01J`")),
		slack.NewActionBlock(
			"actions", buy, slack.NewButtonBlockElement("edit:3", "", plain("Edit")),
			slack.NewButtonBlockElement("cancel", "", plain("Cancel")).WithStyle(slack.StyleDanger),
		),
	}
}

func form(price string) slack.ModalViewRequest {
	name := slack.NewPlainTextInputBlockElement(plain("On the cup"), "name")
	cups := slack.NewNumberInputBlockElement(plain("1 to 9"), "cups", false)
	cups.InitialValue = "3"
	cups.DispatchActionConfig = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_character_entered"}}
	milk := slack.NewOptionsSelectBlockElement("static_select", plain("Which milk"), "milk",
		slack.NewOptionBlockObject("oat", plain("Oat"), nil), slack.NewOptionBlockObject("cow", plain("Cow"), nil))
	day := slack.NewDatePickerBlockElement("day")
	day.InitialDate = "2027-01-31"
	size := slack.NewRadioButtonsBlockElement(
		"size", slack.NewOptionBlockObject("s", plain("Small"), nil),
		slack.NewOptionBlockObject("l", plain("Large"), plain("half a liter")),
	)
	extra := slack.NewCheckboxGroupsBlockElement(
		"extra", slack.NewOptionBlockObject("sugar", plain("Sugar"), nil),
		slack.NewOptionBlockObject("foam", mrkdwn("*Foam*"), nil),
	)
	view := slack.ModalViewRequest{
		Type: "modal", CallbackID: "order", Title: plain("Order coffee"), Submit: plain("Order"), Close: plain("Never mind"),
		NotifyOnClose: true,
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewSectionBlock(mrkdwn("It costs *"+price+"*."), nil, nil, slack.SectionBlockOptionBlockID("price")),
			slack.NewInputBlock("name", plain("Name"), plain("We call it out."), name),
			slack.NewInputBlock("cups", plain("Cups"), nil, cups).WithDispatchAction(true),
			slack.NewInputBlock("milk", plain("Milk"), nil, milk).WithOptional(true),
			slack.NewInputBlock("day", plain("Day"), nil, day),
			slack.NewInputBlock("size", plain("Size"), nil, size).WithOptional(true),
			slack.NewInputBlock("extra", plain("Extras"), nil, extra).WithOptional(true),
			slack.NewActionBlock("more", slack.NewButtonBlockElement("beans", "", plain("About our beans"))),
		}},
	}
	return view
}

func (s *shop) interaction(e socketmode.Event) {
	in := e.Data.(slack.InteractionCallback)
	switch in.Type {
	case slack.InteractionTypeViewSubmission:
		v := in.View.State.Values
		s.note("submitted name=%s cups=%s milk=%s day=%s size=%s extra=%v", v["name"]["name"].Value, v["cups"]["cups"].Value,
			v["milk"]["milk"].SelectedOption.Value, v["day"]["day"].SelectedDate, v["size"]["size"].SelectedOption.Value,
			len(v["extra"]["extra"].SelectedOptions))
		if v["name"]["name"].Value == "no one" {
			s.ack(e, slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "A person must drink it."}))
			return
		}
		s.ack(e)
		_, _, err := s.api.PostMessage(slacksim.General, slack.MsgOptionText("Coffee for "+v["name"]["name"].Value, false))
		s.check(err)
	case slack.InteractionTypeBlockSuggestion:
		s.ack(
			e,
			slack.OptionsResponse{Options: []*slack.OptionBlockObject{option("p1", in.Value+" 1"), option("p2", in.Value+" 2")}},
		)
	case slack.InteractionTypeViewClosed:
		s.note("closed cleared=%v", in.IsCleared)
		s.ack(e)
	case slack.InteractionTypeBlockActions:
		if in.ActionCallback.BlockActions[0].ActionID == "nothing" {
			return
		}
		s.ack(e)
		for _, a := range in.ActionCallback.BlockActions {
			var several []string
			for _, o := range a.SelectedOptions {
				several = append(several, o.Value)
			}
			s.note(
				"action %s value=%s option=%s options=%s by %s", a.ActionID, a.Value, a.SelectedOption.Value,
				strings.Join(several, ","), in.User.ID,
			)
			switch a.ActionID {
			case "buy":
				s.respond(
					in, []slack.Block{slack.NewSectionBlock(mrkdwn(":white_check_mark: *Bought 3 coffees* for $12.00."), nil, nil)},
				)
			case "cancel":
				s.respond(in, []slack.Block{slack.NewSectionBlock(mrkdwn("Order cancelled. Nothing was charged."), nil, nil)})
			case "cups":
				_, err := s.api.UpdateView(form("$"+a.Value+".50"), "", "", in.View.ID)
				s.check(err)
			case "beans":
				_, err := s.api.PushView(in.TriggerID, slack.ModalViewRequest{
					Type: "modal", Title: plain("Our beans"), Close: plain("Back"), NotifyOnClose: true,
					Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(mrkdwn("From far away."), nil, nil)}},
				})
				s.check(err)
			}
		}
	default:
		s.note("interaction %s", in.Type)
	}
}

func (s *shop) respond(in slack.InteractionCallback, blocks []slack.Block) {
	if _, _, err := s.api.PostMessage(
		in.Channel.ID, slack.MsgOptionReplaceOriginal(in.ResponseURL), slack.MsgOptionBlocks(blocks...),
	); err != nil {
		s.note("respond: %v", err)
	}
}

func (s *shop) home() {
	for _, u := range []string{slacksim.Alice, slacksim.Bob, slacksim.Carol} {
		_, err := s.api.PublishView(u, slack.HomeTabViewRequest{Type: "home", Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewHeaderBlock(plain("Your coffees")), slack.NewSectionBlock(mrkdwn("None yet, <@"+u+">."), nil, nil),
		}}}, "")
		s.check(err)
	}
}
