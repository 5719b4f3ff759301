package purchasetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing/synctest"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
)

// Check compares the outcome with CoCalc and the ledger: licenses sold, the month's money spent and reserved, the
// purchase log, the balance, and a cart without the bot's items.
func (env *Env) Check(licenses int, spent, reserved purchase.Cents) {
	env.T.Helper()
	if got := len(env.Account.Licenses()); got != licenses {
		env.T.Errorf("CoCalc sold %d licenses, want %d", got, licenses)
	}
	h, err := env.Desk.History(context.Background(), 1, 100)
	if err != nil {
		env.T.Fatal(err)
	}
	if b := h.Months[0]; b.Spent != spent || b.Reserved != reserved {
		env.T.Errorf("budget: %s spent, %s reserved; want %s and %s", b.Spent, b.Reserved, spent, reserved)
	}
	var logged purchase.Cents
	for _, p := range h.Purchases {
		logged += p.Charged
	}
	if logged != spent {
		env.T.Errorf("the purchase log adds up to %s, the budget says %s", logged, spent)
	}
	if got := env.Account.Balance(); got != env.Credit-int64(spent) {
		env.T.Errorf("CoCalc's balance is %d cents", got)
	}
	for _, item := range env.Cart() {
		if strings.Contains(item.Text(), "order ") {
			env.T.Errorf("item %d of ours is still in the cart", item.ID)
		}
	}
}

// CheckAudit compares the kinds of the audit records about orders.
func (env *Env) CheckAudit(kinds ...string) {
	env.T.Helper()
	var got []string
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) error {
		events, err := r.Events(1, 1000)
		for _, e := range events {
			if e.Kind == "account" { // the ledger's beginning
				continue
			}
			got = append(got, e.Kind)
		}
		return err
	})
	if err != nil || strings.Join(got, " ") != strings.Join(kinds, " ") {
		env.T.Errorf("audit: %v (%v), want %v", got, err, kinds)
	}
}

// CheckReserved compares what the current month's budget has reserved.
func (env *Env) CheckReserved(want purchase.Cents) {
	env.T.Helper()
	h, err := env.Desk.History(context.Background(), 1, 10)
	if err != nil || h.Months[0].Reserved != want {
		env.T.Errorf("reserved %s (%v), want %s", h.Months[0].Reserved, err, want)
	}
}

// CheckEnded checks that an order has ended, bought once or failed without a purchase, and that nothing is left to do.
func (env *Env) CheckEnded(id purchase.OrderID) purchase.Order {
	env.T.Helper()
	o := env.Order(id)
	if n := env.Server.Count("purchases/shopping-cart-checkout") + env.Server.Count("shopping/cart/checkout"); n > 1 {
		env.T.Errorf("checkout was sent %d times", n)
	}
	switch o.State {
	case purchase.Purchased:
		if o.Receipt == nil || len(env.Account.Licenses()) > 0 && o.Receipt.LicenseID != env.Account.Licenses()[0].ID {
			env.T.Errorf("receipt %+v", o.Receipt)
		}
		env.Check(1, 6375, 0)
	case purchase.Failed:
		if o.Failure == nil || o.Failure.Code == "" {
			env.T.Error("got no reason of the failure")
		}
		env.Check(0, 0, 0)
	default:
		env.T.Errorf("the order is %s: wait %+v, hold %+v", o.State, o.Blocked, o.Unresolved)
	}
	if o.Open() {
		env.T.Errorf("something is left to do: %+v", o)
	}
	return o
}

// CheckAgreement compares the ledger with CoCalc and reports everything that differs.
func (env *Env) CheckAgreement(licenses int) reconcile.Comparison {
	env.T.Helper()
	got := env.Claims().Compare(env.Sales())
	if got.Agree != licenses || len(got.Wrong) > 0 {
		env.T.Errorf("of %d licenses CoCalc agrees on %d; wrong are %v", licenses, got.Agree, got.Wrong)
	}
	return got
}

// WantRefusal checks that a decision was refused with the code and that the audit has the refusal.
func (env *Env) WantRefusal(err error, code purchase.RefusalCode) {
	env.T.Helper()
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code != code {
		env.T.Fatalf("got %v, want %s", err, code)
	}
	e := env.Events("refused")
	if len(e) == 0 || e[len(e)-1].Note != string(code) {
		env.T.Errorf("%s is not in the audit: %+v", code, e)
	}
}

// WantOnlyRefusal runs try, which must be refused with the code. The refusal is recorded once, and neither the order,
// the account nor CoCalc sees anything else.
func (env *Env) WantOnlyRefusal(id purchase.OrderID, code purchase.RefusalCode, try func() error) {
	env.T.Helper()
	synctest.Wait() // nothing happens beside it in this instant
	requests := env.Server.Counts()
	account := env.AccountState()
	var order purchase.Order
	if id != "" {
		order = env.Order(id)
	}
	refused := len(env.Events("refused"))
	env.WantRefusal(try(), code)
	if n := len(env.Events("refused")); n != refused+1 {
		env.T.Errorf("recorded %d times", n-refused)
	}
	if id != "" && !reflect.DeepEqual(env.Order(id), order) {
		env.T.Errorf("the order was %+v, and is %+v", order, env.Order(id))
	}
	if now := env.AccountState(); !reflect.DeepEqual(now, account) {
		env.T.Errorf("the account was %+v, and is %+v", account, now)
	}
	if now := env.Server.Counts(); !reflect.DeepEqual(now, requests) {
		env.T.Errorf("CoCalc was asked: %v, before %v", now, requests)
	}
}
