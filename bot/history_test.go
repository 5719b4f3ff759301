package bot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"licensebot/purchase"
	"licensebot/slacksim"
)

// Ten entries are a page; a page beyond the last one is the last one, with a way back.
func TestHandler_ShowHistory_LastPage(t *testing.T) {
	env := newEnv(t, nil)
	env.must(env.ledger.Update(env.ctx, func(l purchase.Writer) error {
		var errs []error
		for n := range 21 {
			_, err := l.AddPurchase(purchase.Purchase{
				Month: "2026-11", Charged: 100, LicenseID: fmt.Sprint("license-", n),
				Requester: purchase.Actor{ID: slacksim.Alice},
			})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}))
	entries := func(m slacksim.Message) (numbers []int) {
		for n := 1; n <= 21; n++ {
			if strings.Contains(m.ContentText()+"\n", fmt.Sprintf("#%d\n", n)) {
				numbers = append(numbers, n)
			}
		}
		return numbers
	}
	env.says(slacksim.Bob, "history page=999")
	last := env.sees(slacksim.Bob, "page 3 of 3")
	if got := entries(last); len(got) != 1 || got[0] != 1 {
		t.Errorf("the last page has the entries %v; want len(got) = 1, got[0] = 1:\n%s", got, last.ContentText())
	}
	env.clicks(slacksim.Bob, last, "← Newer")
	if got := entries(env.becomesFor(slacksim.Bob, last, "page 2 of 3")); len(got) != 10 || got[0] != 2 || got[9] != 11 {
		t.Errorf("the second page has the entries %v; want len(got) = 10, got[0] = 2, got[9] = 11", got)
	}
	env.says(slacksim.Bob, "history")
	if got := entries(env.sees(slacksim.Bob, "page 1 of 3")); len(got) != 10 || got[0] != 12 || got[9] != 21 {
		t.Errorf("the first page has the entries %v; want len(got) = 10, got[0] = 12, got[9] = 21", got)
	}
}

// becomesFor waits until a message that someone sees has changed to one with the text.
func (env *testEnv) becomesFor(who string, m slacksim.Message, text string) slacksim.Message {
	env.t.Helper()
	now, err := env.slack.Person(who).WaitForUpdate(env.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	env.must(err)
	return now
}

// A yearly price says what it saves, wherever it is shown before it is paid.
func TestSaving_Year(t *testing.T) {
	const saves = "save $127.44 a year compared with paying monthly"
	env := newEnv(t, func(env *testEnv) { env.policy.OrderLimit = purchase.Limit{None: true} })
	env.says(slacksim.Alice, "quote ram=16 cpu=2 period=yearly")
	env.sees(slacksim.Alice, saves)
	env.says(slacksim.Alice, "buy ram=16 cpu=2 period=yearly")
	card := env.sees(slacksim.Alice, "A CoCalc license for")
	if !strings.Contains(card.ContentText(), saves) {
		t.Errorf("card: got %s\nwant %q in it", card.ContentText(), saves)
	}
	env.clicks(slacksim.Alice, card, "Edit")
	if _, err := env.slack.Person(slacksim.Alice).WaitForModal(env.ctx, func(v slacksim.View) bool {
		return strings.Contains(v.ContentText(), saves)
	}); err != nil {
		t.Error(err)
	}
	env.says(slacksim.Bob, "buy ram=16 cpu=2")
	if month := env.sees(slacksim.Bob, "A CoCalc license for"); strings.Contains(month.ContentText(), "save $") {
		t.Errorf("monthly card: got %s\nwant no %q", month.ContentText(), "save $")
	}
}
