package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/storage"
)

// refusedBy is what somebody reads who meets a limit: the desk itself answers.
type refusedBy struct {
	setting string // and its value
	when    string
	meet    func(t *testing.T, p *counter) error
}

// counter is a desk with a policy, at which the sentences of docs/policy.md are said.
type counter struct {
	desk    *purchase.Desk
	changed chan purchase.OrderID
	orders  int
}

// newID numbers the orders, so that the page is the same every time.
func (p *counter) newID() purchase.OrderID {
	p.orders++
	return purchase.OrderID(fmt.Sprintf("01KAR%021d", p.orders))
}

var (
	alice = purchase.Person{ID: "U0ALICE", Name: "alice"}
	carol = purchase.Person{ID: "U0CAROL", Name: "carol"}
	here  = purchase.Place{Channel: "C0GENERAL", Name: "general"}
)

// asks proposes a license of $63.75 a month, or a changed one.
func (p *counter) asks(t *testing.T, who purchase.Person, change ...func(*purchase.Ask)) (purchase.Order, error) {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	ask := purchase.Ask{Requester: who, Place: here, Spec: spec, Reason: "the course begins"}
	for _, c := range change {
		c(&ask)
	}
	proposal, err := p.desk.Propose(t.Context(), ask)
	return proposal.Order, err
}

// buys says yes to an order that was just asked for.
func (p *counter) buys(t *testing.T, who purchase.Person, change ...func(*purchase.Ask)) (purchase.Order, error) {
	o, err := p.asks(t, who, change...)
	if err != nil {
		return o, err
	}
	return p.desk.Confirm(t.Context(), o.ID, purchase.Click{Who: who, At: here})
}

// twice buys two licenses, of which the second is one too many.
func twice(t *testing.T, p *counter) error {
	if _, err := p.buys(t, alice); err != nil {
		return err
	}
	_, err := p.buys(t, alice)
	return err
}

func asking(who purchase.Person, change ...func(*purchase.Ask)) func(*testing.T, *counter) error {
	return func(t *testing.T, p *counter) error { _, err := p.asks(t, who, change...); return err }
}

// refusals are what is said for each setting that limits somebody.
var refusals = []refusedBy{
	{"BUYERS=", "nobody is listed", asking(carol)},
	{"BUYERS=U0ALICE,U0BOB", "somebody who is not listed asks", asking(carol)},
	{"BUYERS=*", "a guest asks, whatever the list says", asking(purchase.Person{ID: "U0DORA", Standing: purchase.Guest})},
	{"BUYERS=*", "somebody of another workspace asks", asking(purchase.Person{ID: "U0EVA", Standing: purchase.Foreign})},
	{"APPROVERS=U0BOB", "somebody who is not listed wants to agree", func(t *testing.T, p *counter) error {
		o, err := p.buys(t, alice)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.desk.Approve(t.Context(), o.ID, purchase.Click{Who: carol, At: purchase.Place{Channel: "C0APPROVALS"}})
		return err
	}},
	{"APPROVERS=U0ALICE,U0BOB", "an approver wants to agree to their own order", func(t *testing.T, p *counter) error {
		o, err := p.buys(t, alice)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.desk.Approve(t.Context(), o.ID, purchase.Click{Who: alice, At: purchase.Place{Channel: "C0APPROVALS"}})
		return err
	}},
	{"AUTO_APPROVE_LIMIT=50", "a dearer order says not what it is for", func(t *testing.T, p *counter) error {
		_, err := p.buys(t, alice, func(a *purchase.Ask) { a.Reason = "" })
		return err
	}},
	{"ADMINS=U0BOB", "somebody who is not listed wants to pause buying", func(t *testing.T, p *counter) error {
		return p.desk.Pause(t.Context(), purchase.Click{Who: carol, At: here}, "we count the money")
	}},
	{"CHANNELS=C0LICENSES", "somebody asks in another channel", asking(alice)},
	{"ORDER_LIMIT=50", "an order costs more", asking(alice)},
	{"MONTHLY_BUDGET=100", "the month has too little left", twice},
	{"PERSON_BUDGET=100", "the person has too little left", twice},
	{"PERSON_ORDERS=1", "it would be one license too many of the day", twice},
	{"MAX_RAM=8", "more RAM is asked for", asking(alice)},
	{"MAX_CPU=1", "more cores are asked for", asking(alice)},
	{"MAX_DISK=10", "a larger disk is asked for", asking(alice, func(a *purchase.Ask) { a.Spec.Disk = 20 })},
	{"MAX_RUN_LIMIT=30", "more projects are to run at the same time", asking(alice, func(a *purchase.Ask) { a.Spec.RunLimit = 100 })},
	{"MAX_DAYS=100", "a longer term is asked for", asking(alice, func(a *purchase.Ask) {
		a.Spec.Period, a.Spec.End = cocalc.PeriodRange, time.Date(2027, time.November, 1, 0, 0, 0, 0, time.UTC)
	})},
	{"PERIODS=range", "a license that renews is asked for", asking(alice)},
	{"LEAST_CREDIT=950", "too little would stay on the account of $1,000.00", func(t *testing.T, p *counter) error {
		o, err := p.buys(t, alice)
		if err != nil {
			t.Fatal(err)
		}
		o = p.ends(t, o.ID)
		if o.Failure == nil {
			t.Fatalf("the order is %s", o.State)
		}
		return errors.New(o.Failure.Sentence)
	}},
}

// ends works until an order has ended.
func (p *counter) ends(t *testing.T, id purchase.OrderID) purchase.Order {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.desk.Run(ctx) }()
	for {
		select {
		case <-p.changed:
		case <-ctx.Done():
			t.Fatal("the order does not end")
		}
		o, err := p.desk.Order(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if o.State.Final() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			return o
		}
	}
}

// docs/policy.md has every setting that limits somebody with its default, and the sentence that is read by whoever is
// refused, said by the desk itself. go test ./cmd/bot -run PolicyDocument -update writes it.
func TestThePolicyDocumentIsOfToday(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(policyIntro)
	for _, field := range settingFields() {
		name := field.Tag.Get("envconfig")
		if field.Index[0] != policyIndex() {
			continue
		}
		def := field.Tag.Get("default")
		if def == "" {
			def = "empty"
		}
		fmt.Fprintf(&doc, "\n## %s\n\nDefault: `%s`. %s.\n", name, def, capital(field.Tag.Get("desc")))
		for _, r := range refusals {
			setting, value, _ := strings.Cut(r.setting, "=")
			if setting != name {
				continue
			}
			fmt.Fprintf(&doc, "\n`%s=%s`, and %s:\n\n> %s\n", name, value, r.when, said(t, r))
		}
	}
	path := filepath.Join("..", "..", "docs", "policy.md")
	text := doc.String()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is out of date; -update writes it anew (-want +got):\n%s", path, diff)
	}
}

func policyIndex() int {
	for _, f := range settingFields() {
		if f.Name == "Buyers" {
			return f.Index[0]
		}
	}
	return -1
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// said has a desk with this setting alone refuse what it limits, on a day in November 2026.
func said(t *testing.T, r refusedBy) string {
	t.Helper()
	name, value, _ := strings.Cut(r.setting, "=")
	settings := map[string]string{"BUYERS": "*", name: value}
	if name == "AUTO_APPROVE_LIMIT" {
		settings["APPROVERS"] = "U0BOB"
	}
	if settings["APPROVERS"] != "" {
		settings["APPROVALS_CHANNEL"] = "C0APPROVALS"
	}
	environment(t, settings)
	c, err := readConfig()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	shop := cocalctest.New(cocalctest.Config{Seed: 7})
	defer shop.Close()
	account := shop.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	client, err := cocalc.New(cocalc.Options{BaseURL: shop.Start(t), Key: account.Key()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := &counter{changed: make(chan purchase.OrderID, 100)}
	p.desk = purchase.New(purchase.Options{Ledger: ledger, Shop: client, Policy: c.policy(), ApprovalsChannel: c.ApprovalsChannel,
		Changed: func(id purchase.OrderID) { p.changed <- id }, NewID: p.newID,
		Now: func() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }})
	no := r.meet(t, p)
	if no == nil {
		t.Fatalf("%s: nobody was refused when %s", r.setting, r.when)
	}
	return no.Error()
}

const policyIntro = "# Who may spend how much\n\n" +
	"Every setting that limits buying, with its default and the very sentence that somebody reads who is refused. This page is made from the code, and a test\n" +
	"fails when it is out of date: `go test ./cmd/bot -run PolicyDocument -update` writes it anew. The sentences are said by a bot with the setting of the\n" +
	"example and nothing else, about a license of $63.75 a month, on 23 November 2026.\n\n" +
	"All limits count at four moments: when the card is made, when its button is clicked, again at the last approval, and when buying begins. What was promised counts as spent. A limit\n" +
	"that changed while an order waits applies to it. Every refusal, and every change of one of these settings, is a record of the audit: `bot audit` prints them.\n"
