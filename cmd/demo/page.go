package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/slacksim/page"
)

// The commands that a newcomer types first, in this order: a license that is bought at once, one that needs approval,
// and a pause of all buying.
const (
	tryBuying  = "/license buy ram=16 cpu=2"
	tryAsking  = "/license buy ram=16 cpu=2 run_limit=40"
	tryPausing = "/license pause month-end close"
)

// welcomeText stands in every channel in which nothing was said yet.
const welcomeText = "*Five things to try.* Nothing here is real: no money moves.\n" +
	"• *Buy.* As Alice, type `" + tryBuying + "` and click *Buy for $63.75*.\n" +
	"• *Approve.* As Alice, type `" + tryAsking + "`, click *Request approval* and give a reason. " +
	"As Bob, click *Approve* in <#" + approvalsChannel + ">.\n" +
	"• *Deny.* Request approval once more. As Bob, click *Deny* and give a reason; Alice gets a message with it.\n" +
	"• *Pause.* As Carol, type `" + tryPausing + "`, and try to buy as Alice. `/license resume` ends the pause.\n" +
	"• *Break CoCalc.* Turn on a switch under *What may go wrong*, and buy as Alice.\n" +
	"Switch between the people below the list of channels. Olga is a guest, who can do none of this."

// unsoldWelcome stands there instead while CoCalc sells no licenses. Only a server that has moved can be turned back:
// its key is one of a CoCalc that sells licenses.
func unsoldWelcome(preset string) string {
	text := "*A CoCalc that sells no licenses.* Nothing here is real: no money moves.\n" +
		"• *Try to buy.* As Alice, type `" + tryBuying + "`, or open the *Home* tab of licensebot. " +
		"You read why there's nothing to buy.\n" +
		"• *Look back.* `/license history` and `/license budget` show what the ledger has. " +
		"`/license list` says why it can't.\n" +
		"• *Be an admin.* As Carol, type `/license quote ram=16 cpu=2`, and read what licensebot wrote to her.\n"
	if preset == cocalctest.Preset(cocalctest.Moved) {
		text += "• *Turn it back.* Turn off *Moved* under *What may go wrong*. Within ten minutes, Alice can buy.\n"
	}
	return text + "Switch between the people below the list of channels. Without `--cocalc`, the demo sells licenses."
}

// welcomeTo is the welcome to a demo with this CoCalc.
func welcomeTo(preset string) string {
	if preset == "" {
		return welcomeText
	}
	return unsoldWelcome(preset)
}

// panelIntro describes the panel beside the chat.
func panelIntro(preset string) string {
	const intro = "What the simulated CoCalc account has. The bot reaches it only through CoCalc's API."
	switch preset {
	case cocalctest.Preset(cocalctest.Successor):
		return "What the simulated CoCalc account has. This CoCalc sells only memberships, " +
			"and shows the bot's API key none of this."
	case cocalctest.Preset(cocalctest.Moved):
		return "What the simulated CoCalc account has. This CoCalc redirects every request to another host, " +
			"and the bot doesn't follow."
	}
	return intro
}

// slashCommand is the slash command as the demo's workspace knows it.
var slashCommand = slacksim.SlashCommand{
	Name: "/license", Description: "Buy and manage CoCalc licenses", UsageHint: "buy ram=16 cpu=2", ShouldEscape: true,
}

// page is the web page of the demo: the chat, and beside it CoCalc's side with switches for its faults.
func (s *simulators) page(preset string) http.Handler {
	return page.New(s.workspace, page.Options{
		Commands: []page.Command{{
			Name: slashCommand.Name, Usage: slashCommand.UsageHint, Description: slashCommand.Description,
			Examples: []string{
				tryBuying, tryAsking + ` reason="winter school"`,
				"/license buy ram=8 cpu=1 user=academic run_limit=30 days=90 title=\"Statistics 101\"",
				"/license quote ram=4 cpu=1 period=yearly", "/license list", "/license history",
				"/license budget", tryPausing, "/license resume the books are closed", "/license help",
			},
		}},
		Notes:   notes(),
		Welcome: welcomeTo(preset),
		Panel: &page.Panel{
			Title:         "CoCalc's side",
			Intro:         panelIntro(preset),
			Sections:      s.sections,
			SwitchesTitle: "What may go wrong",
			Switches:      s.switches(),
		},
	})
}

// sections shows balance, cart and licenses as CoCalc has them, once they are stored for the next demo.
func (s *simulators) sections() []page.Section {
	defer s.cocalc.KeepNow()
	credit := cocalc.Cents(s.account.Balance())
	account := page.Section{Title: "Account", Rows: []page.Row{{Label: "Credit", Value: credit.String()}}}
	cart := page.Section{Title: "Cart", Empty: "The cart is empty."}
	for _, item := range s.account.Cart() {
		if !item.Removed.IsZero() || !item.PurchasedAt.IsZero() {
			continue
		}
		state := "checked"
		if !item.Checked {
			state = "not checked"
		}
		cart.Rows = append(cart.Rows, page.Row{
			Label: orUntitled(item.Title), Value: state, Note: fmt.Sprintf("item %d", item.ID),
		})
	}
	licenses := page.Section{Title: "Licenses", Empty: "No licenses yet."}
	all := s.account.Licenses() // newest first
	for _, l := range all[:min(len(all), mostSold)] {
		_, tag, _ := strings.Cut(l.Description, "order ")
		licenses.Rows = append(licenses.Rows, page.Row{
			Label: orUntitled(l.Title), Value: purchase.ShortID(l.ID), Note: strings.TrimSpace("order " + tag),
		})
	}
	if more := len(all) - mostSold; more > 0 {
		licenses.Rows = append(licenses.Rows, page.Row{Label: "Older ones", Value: strconv.Itoa(more)})
	}
	return []page.Section{account, cart, licenses, s.strikes()}
}

// The page lists the newest, so that the switches below stay near.
const (
	mostSold    = 5
	mostStrikes = 8
)

// strikes shows which fault happened to which order, newest first. Repeated faults of one request share a row, and so
// do all requests to a server of another kind.
func (s *simulators) strikes() page.Section {
	out := page.Section{Title: "What went wrong", Empty: "Nothing yet. Turn on a switch below."}
	all := s.cocalc.Strikes()
	for _, preset := range presets {
		n, last := 0, time.Time{}
		var others []cocalctest.Strike
		for _, strike := range all {
			if strike.Fault == preset {
				n, last = n+1, strike.Time
			} else {
				others = append(others, strike)
			}
		}
		if all = others; n > 0 {
			out.Rows = append(out.Rows, page.Row{
				Label: faultTitle(preset), Value: "last at " + last.Local().Format("15:04:05"),
				Note: fmt.Sprintf("requests: %d", n),
			})
		}
	}
	for i := len(all) - 1; i >= 0 && len(out.Rows) < mostStrikes; i-- {
		last, times := all[i], 1
		label, note := faultTitle(last.Fault), struck(last)
		for i > 0 && faultTitle(all[i-1].Fault) == label && struck(all[i-1]) == note {
			i, times = i-1, times+1
		}
		value := last.Time.Local().Format("15:04:05")
		if times > 1 {
			value = fmt.Sprintf("%d times, last at %s", times, value)
		}
		out.Rows = append(out.Rows, page.Row{Label: label, Value: value, Note: note})
	}
	return out
}

// struck names the orders that a fault happened to, or the request that it happened to.
func struck(s cocalctest.Strike) string {
	var orders []string
	for _, description := range s.About {
		if _, tag, ok := strings.Cut(description, "order "); ok {
			orders = append(orders, tag)
		}
	}
	if len(orders) > 0 {
		return "order " + strings.Join(orders, ", ")
	}
	return "no order: " + s.Endpoint
}

// faultTitle returns the name of a fault as its switch shows it.
func faultTitle(name string) string {
	return strings.ReplaceAll(strings.ToUpper(name[:1])+name[1:], "-", " ")
}

func orUntitled(title string) string {
	if title == "" {
		return "Untitled"
	}
	return title
}

// switches turn CoCalc's faults on and off.
func (s *simulators) switches() []page.Switch {
	var all []page.Switch
	for _, f := range cocalctest.Faults() {
		all = append(all, page.Switch{
			ID: f.Name, Title: faultTitle(f.Name), Description: f.Description, Once: f.Fault.Times == 1,
			On: func() bool {
				for _, name := range s.cocalc.SwitchedOn() {
					if name == f.Name {
						return true
					}
				}
				return false
			},
			Set: func(on bool) error {
				if !on {
					s.cocalc.SwitchOff(f.Name)
					return nil
				}
				return s.cocalc.SwitchOn(f.Name)
			},
		})
	}
	return all
}
