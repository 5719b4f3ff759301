package main

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"licensebot/cocalc/cocalctest"
	"licensebot/commands"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// Links lead to the team's own CoCalc: the button of a receipt, the example in the help, and the message to an admin
// about missing credit. The buyer reads only that the admins know.
func TestRun_Links_LeadToOwnServer(t *testing.T) {
	env := newEnv(t)
	bot := launch(t, env.settings(t, "ADMINS="+slacksim.Bob), "run")
	alice := env.slack.Person(slacksim.Alice)
	if err := env.slack.WaitForSocket(bot.Life); err != nil {
		t.Fatal(err)
	}
	ends := func(card slacksim.Message, button, text string) string {
		t.Helper()
		if err := alice.Click(t.Context(), card, button); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(bot.Life, processtest.Patience)
		defer cancel()
		now, err := alice.WaitForUpdate(ctx, card, func(m slacksim.Message) bool {
			return strings.Contains(m.ContentText(), text)
		})
		if err != nil {
			t.Fatalf("want the text %q, got %v", text, err)
		}
		return shownBlocks(t, now)
	}
	receipt := ends(env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75"), "Buy for $63.75", "Bought for")
	env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.NoCredit})
	refused := ends(env.command(t, "buy ram=16 cpu=2 title=second", "A CoCalc license for $63.75"), "Buy for $63.75",
		"enough credit ($63.75 short). Your admins have been told.")
	ctx, cancel := context.WithTimeout(bot.Life, processtest.Patience)
	defer cancel()
	credit, err := env.slack.Person(slacksim.Bob).WaitForText(ctx, env.slack.DM(slacksim.Bob), "Add credit at")
	if err != nil {
		t.Fatalf("want the admin to be asked for credit, got %v", err)
	}
	help := shownBlocks(t, env.command(t, "help show", "by its link"))
	for shown, link := range map[string]string{
		receipt:                "/settings/licenses?id=",
		shownBlocks(t, credit): "/settings/payments", help: "/settings/licenses?id=",
	} {
		if !strings.Contains(shown, env.shop+link) || strings.Contains(shown, commands.ExampleSite) {
			t.Errorf("want a link to %s%s, got\n%s", env.shop, link, shown)
		}
	}
	if strings.Contains(refused, "/settings/payments") {
		t.Errorf("got a link to the account's payments for a buyer, want none:\n%s", refused)
	}
	bot.Ends(processtest.Patience, syscall.SIGTERM)
}

// shownBlocks returns a message as it was sent, with its addresses unchanged.
func shownBlocks(t *testing.T, m slacksim.Message) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m.Blocks); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
