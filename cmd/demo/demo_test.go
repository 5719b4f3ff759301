package main

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"licensebot/bot"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// The demo sets people's rights. A limit from the environment counts in the demo too, so that people can try it.
func TestSimulators_Settings(t *testing.T) {
	for _, c := range []struct {
		name        string
		environment map[string]string
		limit       string
	}{
		{"nothing is set", nil, "$2,000.00"},
		{
			"a limit is set, and the people of another workspace",
			map[string]string{
				"AUTO_APPROVE_LIMIT": "50", "BUYERS": "U0REAL", "APPROVERS": "S0REAL", "APPROVALS_CHANNEL": "C0REAL",
			},
			"$50.00",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			processtest.Environment(t, c.environment)
			d := newDemo(t)
			p := d.settings.Policy()
			if got := p.AutoApprove.String(); got != c.limit {
				t.Errorf("the limit without approval: got %s, want %s", got, c.limit)
			}
			if !p.Buyers[slacksim.Alice] || p.Approvers[slacksim.Alice] || !p.Approvers[slacksim.Bob] ||
				!p.Admins[slacksim.Carol] || p.Buyers[slacksim.Carol] ||
				p.Buyers[olga] || p.Approvers[olga] || p.Admins[olga] || p.Buyers["U0REAL"] || len(p.Groups()) > 0 {
				t.Errorf("got buyers %v, approvers %v, admins %v, want the demo's people", p.Buyers, p.Approvers, p.Admins)
			}
			channel, ok := d.sims.workspace.Channel(d.settings.ApprovalsChannel)
			if !ok || !channel.Has(d.sims.workspace.App().BotUserID) {
				t.Errorf("got the approvals channel %q, want one that the bot is in", d.settings.ApprovalsChannel)
			}
			for id := range p.Approvers {
				if !slices.Contains(channel.Members, id) {
					t.Errorf("members of the approvals channel: got %v, want %s among them", channel.Members, id)
				}
			}
		})
	}
}

// The demo keeps its ledger, and a ledger belongs to one CoCalc account. With another account, the next demo's bot
// would buy nothing.
func TestSimulators_Account_SameInEveryDemo(t *testing.T) {
	processtest.Environment(t, nil)
	if one, next := newDemo(t).sims.account.ID(), newDemo(t).sims.account.ID(); one != next {
		t.Errorf("got the account %s and then %s, want the same", one, next)
	}
}

// The demo's Slack describes the command with the manifest's words, as the real Slack does.
func TestSlashCommand_IsTheManifests(t *testing.T) {
	data, err := bot.Manifest("licensebot")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Features struct {
			Commands []struct {
				Name         string `json:"command"`
				Description  string `json:"description"`
				UsageHint    string `json:"usage_hint"`
				ShouldEscape bool   `json:"should_escape"`
			} `json:"slash_commands"`
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil || len(manifest.Features.Commands) != 1 {
		t.Fatalf("manifest: got %s (error %v), want one command", data, err)
	}
	if c := manifest.Features.Commands[0]; slacksim.SlashCommand(c) != slashCommand {
		t.Errorf("got the command %+v of the manifest, want %+v", c, slashCommand)
	}
	processtest.Environment(t, nil)
	d := newDemo(t)
	resp, err := http.Get(d.sims.slack.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	want := `<span class="usage">` + slashCommand.UsageHint + `</span>`
	if err != nil || !strings.Contains(string(text), want) {
		t.Errorf("menu of commands: got %s (error %v), want %s in it", text, err, want)
	}
}

// A demo whose CoCalc sells no licenses suggests nothing that is impossible there, neither on the page nor in the
// terminal.
func TestSimulators_Welcome_SuitsItsCoCalc(t *testing.T) {
	processtest.Environment(t, nil)
	for preset, c := range map[string]struct{ says, hides []string }{
		"": {
			[]string{"Five things to try.", `click "Buy for $63.75"`, "only through CoCalc's API"},
			[]string{"sells no licenses"},
		},
		"successor": {
			[]string{"A CoCalc that sells no licenses.", "sells only memberships"},
			[]string{"Buy for", "Request approval", "Five things", "Turn off"},
		},
		"moved": {
			[]string{"A CoCalc that sells no licenses.", "redirects every request", "Turn off"},
			[]string{"Buy for", "Request approval", "Five things"},
		},
	} {
		d := newDemoOf(t, preset)
		resp, err := http.Get(d.sims.slack.URL)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var terminal strings.Builder
		d.sims.welcome(&terminal, options{cocalc: preset, data: "/data"})
		text := html.UnescapeString(string(page)) + terminal.String()
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("--cocalc %q: got\n%s\nwant %q in it", preset, text, want)
			}
		}
		for _, no := range c.hides {
			if strings.Contains(text, no) {
				t.Errorf("--cocalc %q: got\n%s\nwant no %q in it", preset, text, no)
			}
		}
		shown := terminal.String()
		if !strings.Contains(shown, "--fresh starts over") || !strings.Contains(shown, d.sims.slack.URL) {
			t.Errorf("--cocalc %q: the terminal: got\n%s\nwant --fresh and %s in it", preset, shown, d.sims.slack.URL)
		}
	}
}
