package main

import (
	"context"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"licensebot/internal/app"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/slacksim/page/pagetest"
)

// TestDemo_Browser plays the demo in a real Chromium, two plays at a time.
func TestDemo_Browser(t *testing.T) {
	processtest.Environment(t, nil)
	for name, play := range map[string]func(*testing.T, *demo){
		"tour": tour, "approval": approval, "denial": denial, "pause": pause, "buttons": buttons,
	} {
		performed(t, name, newDemo(t), play)
	}
	performed(t, "unsold", newDemoOf(t, "successor"), unsold)
}

// performed runs a play in parallel with the others. The demo was made before: it reads the environment, which parallel
// tests cannot change.
func performed(t *testing.T, name string, d *demo, play func(*testing.T, *demo)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		d.t = t
		d.start()
		t.Cleanup(func() { d.stop() })
		play(t, d)
	})
}

// demo is a demo whose bot can be stopped and started again while Slack and CoCalc go on.
type demo struct {
	t        *testing.T
	sims     *simulators
	settings config.Settings
	stop     func()
}

// newDemo starts Slack and CoCalc. Its bot is not started yet.
func newDemo(t *testing.T) *demo {
	t.Helper()
	return newDemoOf(t, "")
}

// newDemoOf starts them with a preset of CoCalc.
func newDemoOf(t *testing.T, preset string) *demo {
	t.Helper()
	opts := options{addr: "127.0.0.1:0", data: t.TempDir(), patient: true, cocalc: preset}
	if err := opts.check(startCredit); err != nil {
		t.Fatal(err)
	}
	sims, err := startSimulators(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sims.close(); err != nil {
			t.Error(err)
		}
	})
	settings, err := sims.settings(opts)
	if err != nil {
		t.Fatal(err)
	}
	return &demo{t: t, sims: sims, settings: settings}
}

func (d *demo) start() {
	d.t.Helper()
	wiring, err := d.settings.AppConfig(zerolog.Nop())
	if err != nil {
		d.t.Fatal(err)
	}
	s, err := app.New(wiring)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	d.stop = func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
		if err := s.Close(); err != nil {
			d.t.Error(err)
		}
		d.stop = func() {}
	}
	<-s.Socket.Ready()
}

// tour is the first play, and more: the command, the card, the receipt, the form, the list, and the history after a
// restart of the bot.
func tour(t *testing.T, d *demo) {
	tab := d.open("")
	tab.Send("/license buy ram=16 cpu=2 title=\"Statistics 101\"")
	tab.WaitText("A CoCalc license for $63.75 a month")
	d.picture(tab, "card.png")
	tab.Click("Buy for $63.75")
	tab.WaitText("Buy this license?")
	d.picture(tab, "confirm.png")
	tab.Click("Buy for $63.75") // in the dialog on top
	tab.WaitText("Bought for $63.75")
	d.picture(tab, "receipt.png")

	tab.Send("/license buy ram=16 cpu=2")
	tab.WaitText("A CoCalc license for $63.75 a month")
	tab.Click("Edit")
	tab.Fill("Memory per project", "8")
	tab.WaitText("$48.75 a month")
	d.picture(tab, "form.png")
	tab.Fill("Title", "Linear algebra")
	tab.Click("Review order")
	tab.WaitText("A CoCalc license for $48.75 a month")
	tab.Click("Buy for $48.75")
	tab.Click("Buy for $48.75")
	tab.WaitText("Bought for $48.75")

	tab.Send("/license list")
	tab.WaitText("2 active licenses")
	tab.WaitText("Statistics 101")
	tab.WaitText("Linear algebra")
	d.picture(tab, "list.png")

	d.stop()
	d.start()
	tab.Send("/license history")
	tab.WaitText("$112.50 spent, 2 licenses")
	d.picture(tab, "history.png")

	tab.As("Carol Conti")
	tab.Send("/license buy ram=16 cpu=2")
	tab.WaitText("You aren't on the list of people who can buy licenses")

	tab.As("Alice Amsel")
	tab.WaitText("Nothing yet. Turn on a switch below.")
	once := pagetest.Eval[[]string](tab, "[...document.querySelectorAll('.switch')].filter(s => "+
		"s.querySelector('em').innerText === 'once').map(s => s.querySelector('strong').innerText)")
	if len(once) != 10 || once[0] != "Lost answer" || slices.Contains(once, "Outage") {
		t.Errorf("switches that turn themselves off: got %q, want 10, Lost answer first, without Outage", once)
	}
	tab.Turn("Lost answer")
	tab.Send("/license buy ram=4 cpu=1")
	tab.Click("Buy for $26.25")
	tab.Click("Buy for $26.25")
	tab.WaitText("Bought for $26.25")
	tab.Until("the fault and its order", `[...document.querySelectorAll('.facts')].some(f => /What went `+
		`wrong/.test(f.innerText) && /Lost answer\s*order 01[0-9A-Z]{24}/.test(f.innerText))`)
	if got := len(d.sims.account.Licenses()); got != 3 {
		t.Errorf("licenses sold by CoCalc: got %d, want 3", got)
	}
	d.pictureOnPhone(tab, "phone.png")
}
