package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// A demo with a history starts with a ledger that agrees with its CoCalc, purchase by purchase. A killed demo before it
// left a part of a ledger behind.
func TestSimulators_Past_AgreesWithCoCalc(t *testing.T) {
	bot := processtest.Build(t, "licensebot/cmd/bot")
	o := options{addr: "127.0.0.1:0", data: t.TempDir(), history: 14}
	if err := o.check(startCredit); err != nil {
		t.Fatal(err)
	}
	ledger := filepath.Join(o.data, ledgerFile)
	killed, err := storage.Open(ledger + ".new")
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	sims, err := startSimulators(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sims.close(); err != nil {
			t.Error(err)
		}
	}()
	settings := map[string]string{"DATABASE": ledger}
	for _, variable := range sims.variables() {
		name, value, _ := strings.Cut(variable, "=")
		settings[name] = value
	}
	verify := processtest.Start(t, bot, settings, "verify", "--online")
	if code := verify.Ends(processtest.Patience); code != 0 {
		t.Errorf("bot verify --online: got exit code %d, want 0:\n%s\n%s", code, &verify.Out, &verify.Err)
	}
	report, err := storage.Verify(t.Context(), ledger)
	if err != nil {
		t.Fatal(err)
	}
	sold := 0
	for _, p := range sims.account.Purchases() {
		if p.Service == "license" {
			sold++
		}
	}
	if want := o.history * ordersPerMonth; report.Orders != want || report.Purchases != sold || sold < want/2 {
		t.Errorf("got %d orders, %d purchases in the ledger and %d at CoCalc, want %d, and most of them bought at both",
			report.Orders, report.Purchases, sold, want)
	}
	// CoCalc's amounts have seven digits.
	if got := purchase.Cents(sims.account.Balance()); got < o.credit.Max-100 || got > o.credit.Max+100 {
		t.Errorf("credit: got %s, want about %s", got, o.credit.Max)
	}
	for _, s := range sims.account.Subscriptions() {
		if s.Status == "active" && s.PeriodEnd.Before(time.Now()) {
			t.Errorf("subscription %d: got active until %v, want it cancelled when its period ended", s.ID, s.PeriodEnd)
		}
	}
}

// The bot of such a demo asks the approvers about the orders that still wait, shows the history, and buys.
func TestDemo_History_GoesOn(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	r := startDemo(t, nil, "--data", data, "--history", "3")
	r.until("the approvers' card", func(string) bool {
		return strings.Contains(r.pageOf(slacksim.Bob, approvalsChannel), "requests a CoCalc license for")
	})
	r.do("say", map[string]any{"text": "/license history"})
	r.until("the history", func(page string) bool { return strings.Contains(page, "page 1 of ") })
	before := sold(r.page())
	r.click()
	r.until("the receipt", func(page string) bool { return receipts(page) > 0 && sold(page) > before })
	r.process.Kill()

	again := does(t, "--addr", "127.0.0.1:0", "--data", data, "--history", "3")
	if again.code != 1 || !strings.Contains(again.err, "leave out --history to continue it") {
		t.Errorf("--history in a demo that has begun: got exit code %d and %q, want 1 and what to do", again.code, again.err)
	}
	report, err := storage.Verify(context.Background(), filepath.Join(data, ledgerFile), func(r purchase.Reader) error {
		account, err := r.Account()
		if account.Pause != nil {
			t.Errorf("buying is paused: got %+v, want no pause", account.Pause)
		}
		return err
	})
	if err != nil || report.Orders != 3*ordersPerMonth+1 {
		t.Errorf("orders: got %d (error %v), want %d", report.Orders, err, 3*ordersPerMonth+1)
	}
}
