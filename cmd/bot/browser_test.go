package main

import (
	"context"
	"testing"

	"github.com/rs/zerolog"
)

// demo is a running demo whose bot can be stopped and started again while Slack and CoCalc go on.
type demo struct {
	t    *testing.T
	sims *simulators
	opts demoOptions
	stop func()
}

func startDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{t: t, opts: demoOptions{addr: "127.0.0.1:0", data: t.TempDir()}}
	if err := d.opts.credit.Decode("1000"); err != nil {
		t.Fatal(err)
	}
	sims, err := startSimulators(d.opts)
	if err != nil {
		t.Fatal(err)
	}
	d.sims = sims
	t.Cleanup(func() {
		d.stop()
		sims.close()
	})
	environment(t, nil)
	d.start()
	return d
}

func (d *demo) start() {
	d.t.Helper()
	settings, err := d.sims.settings(d.opts)
	if err != nil {
		d.t.Fatal(err)
	}
	s, err := assemble(settings, zerolog.Nop())
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	d.stop = func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
		if err := s.close(); err != nil {
			d.t.Error(err)
		}
		d.stop = func() {}
	}
	<-s.socket.Ready()
}

// TestBrowser is the README's tour, in a real Chromium: the command, the card, the receipt, the form, the list, and the
// history after the bot was started anew.
func TestBrowser(t *testing.T) {
	d := startDemo(t)
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
	tab.Fill("Memory for each project, GB", "8")
	tab.WaitText("$48.75 a month")
	d.picture(tab, "form.png")
	tab.Fill("Title", "Linear algebra")
	tab.Click("Show the card")
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
	tab.WaitText("You are not on the list of people who may buy licenses here")

	tab.As("Alice Amsel")
	tab.Turn("Lost answer")
	tab.Send("/license buy ram=4 cpu=1")
	tab.Click("Buy for $26.25")
	tab.Click("Buy for $26.25")
	tab.WaitText("Bought for $26.25")
	if got := len(d.sims.account.Licenses()); got != 3 {
		t.Errorf("CoCalc sold %d licenses, want 3", got)
	}
	d.pictureOnPhone(tab, "phone.png")
}
