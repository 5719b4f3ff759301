package killtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// ending is the required outcome of a scenario.
type ending struct {
	bought  int  // orders
	maybe   bool // or fewer
	foreign int  // purchases of someone else
	// takenOut is set if an admin has an item of another person taken out of the cart.
	takenOut bool
}

// checkEnd checks everything at the end: what CoCalc sold, what the ledger says, the cart, and what people read.
func (env *testEnv) checkEnd(want ending, cart []cocalctest.CartItem) {
	env.Helper()
	env.lastProcess().end()
	for _, l := range env.processes {
		for _, name := range l.unlisted {
			env.Errorf("got the step %q, want one that step.All lists", name)
		}
	}
	// Killed between the intent to add or to pay and the request, an order is not bought: neither is sent again.
	least := want.bought
	for _, l := range env.processes {
		if l.between("before ledger: carted, paying", "after cocalc: checkout") ||
			l.between("before ledger: adding", "before cocalc: params") && env.hasUnaddedOrder() {
			least--
		}
	}
	var bought int
	_, err := storage.Verify(context.Background(), env.ledger, func(r purchase.Reader) error {
		findings, err := reconcile.CheckConsistency(context.Background(), reconcile.Snapshot{Reader: r}, nil)
		for _, f := range findings {
			env.Error(f)
		}
		if err != nil {
			return err
		}
		bought, err = env.orders(r)
		return err
	}, env.comparePurchases(want), func(r purchase.Reader) error {
		budgets, err := r.Budgets(10)
		for _, b := range budgets {
			if b.Reserved != 0 {
				env.Errorf("got %s reserved at the end, want nothing", b.Reserved)
			}
		}
		return err
	})
	env.must(err)
	if bought > want.bought || bought < least && !want.maybe {
		env.Errorf("bought orders: got %d, want %d", bought, want.bought)
	}
	if !want.takenOut {
		env.sameCart(cart)
	}
	if env.Failed() {
		env.Log(env.transcript())
	}
}

// hasUnaddedOrder reports whether there is an order whose item never came into the cart.
func (env *testEnv) hasUnaddedOrder() bool {
	missing := false
	env.must(storage.ReadCopy(context.Background(), env.ledger, func(r purchase.Reader) error {
		all, err := r.Orders("", 1000)
		for _, o := range all {
			missing = missing || !o.Confirmed.IsZero() &&
				!slices.ContainsFunc(env.account.Cart(), func(i cocalctest.CartItem) bool {
					return strings.Contains(string(i.Description), o.ID.Tag())
				})
		}
		return err
	}))
	return missing
}

// orders checks each order by itself, and what its requester reads about it. It returns the number of bought orders.
func (env *testEnv) orders(r purchase.Reader) (bought int, err error) {
	all, err := r.Orders("", 1000)
	for _, o := range all {
		licenses := 0
		for _, l := range env.account.Licenses() {
			if strings.Contains(l.Description, o.ID.Tag()) {
				licenses++
			}
		}
		receipts := 0
		if o.State == purchase.Purchased {
			bought++
			receipts = 1 + len(o.Receipt.Duplicates)
			if o.Receipt.Settled != nil && licenses == 0 {
				receipts = 0 // by an admin's word
			}
		}
		if licenses != receipts {
			env.Errorf("order %s (%s): got %d receipts, want one for each of the %d licenses that CoCalc sold",
				o.ID, o.State, receipts, licenses)
		}
		if !o.Confirmed.IsZero() && o.ReplacedBy == "" {
			env.checkMessages(o)
		}
	}
	return bought, err
}

// checkMessages checks that the requester reads the outcome of an order, and the channel that it was bought.
func (env *testEnv) checkMessages(o purchase.Order) {
	words := map[purchase.State]string{
		purchase.Purchased: "Bought for", purchase.Failed: "Not bought", purchase.Cancelled: "Nothing was charged",
		purchase.Denied: "*Denied.* Nothing was charged", purchase.Expired: "the request expired. Nothing was charged",
	}[o.State]
	if _, ok := env.findMessage(o.Requester.ID, string(o.ID), words); !ok || words == "" {
		env.Errorf("order %s (%s): want its end on the screen of its requester, got\n%s",
			o.ID, o.State, env.screen(o.Requester.ID))
	}
	m := o.Message(purchase.MessageLine)
	if o.State != purchase.Purchased || m == nil || m.Problem != "" {
		return
	}
	lines := 0
	for _, seen := range env.slack.Messages(m.Channel) {
		if !seen.Ephemeral() && strings.Contains(seen.ContentText(), string(o.ID)) &&
			strings.Contains(seen.ContentText(), "bought a CoCalc license") {
			lines++
		}
	}
	// A kill between Slack's answer and the bot's record of it posts the line once more.
	most := 1
	for _, l := range env.processes {
		if l != env.lastProcess() && l.passed("before slack: message in a channel") {
			most++
		}
	}
	if lines < 1 || lines > most {
		env.Errorf("got %d lines in the channel about order %s, want 1 to %d", lines, o.ID, most)
	}
}

// comparePurchases compares the ledger with CoCalc's list of purchases.
func (env *testEnv) comparePurchases(want ending) func(purchase.Reader) error {
	return func(r purchase.Reader) error {
		env.cocalc.ClearFaults()
		shop, err := cocalc.New(cocalc.Options{
			BaseURL: env.settings["COCALC_URL"], Key: env.account.Key(),
			Log: zerolog.Nop(),
		})
		if err != nil {
			return err
		}
		defer shop.Close()
		account, err := reconcile.ReadAccount(env.ctx, shop)
		if err != nil {
			return err
		}
		claims, err := reconcile.ReadLedgerView(r, env.slack.Now())
		if err != nil {
			return err
		}
		said := claims.Compare(account)
		for _, f := range said.Wrong {
			env.Error(f)
		}
		budgets, err := r.Budgets(10)
		var spent int64
		for _, b := range budgets {
			spent += int64(b.Spent)
		}
		charged, foreign := 100_000-env.account.Balance(), len(said.Unrecognized)
		if foreign != want.foreign {
			env.Errorf("got the purchases %q of other people, want %d", said.Unrecognized, want.foreign)
		}
		if foreign == 0 && said.Earlier == 0 && charged != spent {
			env.Errorf("got charges of %d cents, want the %d that the ledger has", charged, spent)
		}
		return err
	}
}

// sameCart checks that other people's items are unchanged, and that no item of the bot is left.
func (env *testEnv) sameCart(before []cocalctest.CartItem) {
	show := func(items []cocalctest.CartItem) (s string) {
		for _, i := range items {
			if !strings.Contains(string(i.Description), "order ") {
				s += fmt.Sprintf("item %d, checked %t, removed %t, bought %t; ", i.ID, i.Checked, !i.Removed.IsZero(),
					!i.PurchasedAt.IsZero())
			}
		}
		return s
	}
	after := env.account.Cart()
	if was, is := show(before), show(after); was != is {
		env.Errorf("want the cart %q, got %q", was, is)
	}
	for _, i := range after {
		if strings.Contains(string(i.Description), "order ") && i.Removed.IsZero() && i.PurchasedAt.IsZero() {
			env.Errorf("got item %d of the bot in the cart, want none", i.ID)
		}
	}
}
