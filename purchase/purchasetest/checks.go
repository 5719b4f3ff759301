package purchasetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
)

// Check compares the outcome with CoCalc and the ledger: licenses sold, the month's money spent and reserved, the
// purchase log, the balance, and a cart without the bot's items.
func (env *Env) Check(licenses int, spent, reserved purchase.Cents) {
	env.T.Helper()
	if got := len(env.Account.Licenses()); got != licenses {
		env.T.Errorf("licenses sold: got %d, want %d", got, licenses)
	}
	h, err := env.Desk.History(context.Background(), 1, 100)
	if err != nil {
		env.T.Fatal(err)
	}
	if b := h.Months[0]; b.Spent != spent || b.Reserved != reserved {
		env.T.Errorf("budget: got %s spent and %s reserved, want %s and %s", b.Spent, b.Reserved, spent, reserved)
	}
	var logged purchase.Cents
	for _, p := range h.Purchases {
		logged += p.Charged
	}
	if logged != spent {
		env.T.Errorf("sum of the purchase log: got %s, want %s", logged, spent)
	}
	if got, want := env.Account.Balance(), env.Credit-int64(spent); got != want {
		env.T.Errorf("balance of the account: got %d cents, want %d", got, want)
	}
	for _, item := range env.Cart() {
		if strings.Contains(item.Text(), "order ") {
			env.T.Errorf("cart: got %s of an order, want none", FormatCart(item))
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
			if e.Kind == "account" { // the ledger was created
				continue
			}
			got = append(got, e.Kind)
		}
		return err
	})
	if err != nil || strings.Join(got, " ") != strings.Join(kinds, " ") {
		env.T.Errorf("kinds of the audit records: got %v (error %v), want %v", got, err, kinds)
	}
}

// CheckReserved compares what the current month's budget has reserved.
func (env *Env) CheckReserved(want purchase.Cents) {
	env.T.Helper()
	h, err := env.Desk.History(context.Background(), 1, 10)
	if err != nil || h.Months[0].Reserved != want {
		env.T.Errorf("reserved: got %s (error %v), want %s", h.Months[0].Reserved, err, want)
	}
}

// CheckEnded checks that an order has ended, bought once or failed without a purchase, and that no work is pending.
func (env *Env) CheckEnded(id purchase.OrderID) purchase.Order {
	env.T.Helper()
	o := env.Order(id)
	if n := env.Server.Count("purchases/shopping-cart-checkout") + env.Server.Count("shopping/cart/checkout"); n > 1 {
		env.T.Errorf("checkout requests: got %d, want at most 1", n)
	}
	switch o.State {
	case purchase.Purchased:
		if o.Receipt == nil || len(env.Account.Licenses()) > 0 && o.Receipt.LicenseID != env.Account.Licenses()[0].ID {
			env.T.Errorf("receipt: got %+v, want one that names the license of %+v", o.Receipt, env.Account.Licenses())
		}
		env.Check(1, 6375, 0)
	case purchase.Failed:
		if o.Failure == nil || o.Failure.Code == "" {
			env.T.Errorf("failure: got %+v, want one with a code", o.Failure)
		}
		env.Check(0, 0, 0)
	default:
		env.T.Errorf("state: got %s (blocked %+v, unresolved %+v), want %s or %s", o.State, o.Blocked, o.Unresolved,
			purchase.Purchased, purchase.Failed)
	}
	if o.Open() {
		env.T.Errorf("order: got an open one, want a closed one: %+v", o)
	}
	return o
}

// CheckAgreement compares the ledger with CoCalc and reports each difference as an error.
func (env *Env) CheckAgreement(licenses int) reconcile.Comparison {
	env.T.Helper()
	got := env.Claims().Compare(env.Sales())
	if got.Agree != licenses || len(got.Wrong) > 0 {
		env.T.Errorf("comparison with CoCalc: got %d that agree and wrong %v, want %d and none", got.Agree, got.Wrong,
			licenses)
	}
	return got
}

// WantRefusal checks that a decision was refused with the code and that the audit records the refusal.
func (env *Env) WantRefusal(err error, code purchase.RefusalCode) {
	env.T.Helper()
	var refusal *purchase.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		env.T.Fatalf("error: got %v, want a refusal %s", err, code)
	}
	e := env.Events("refused")
	if len(e) == 0 || e[len(e)-1].Note != string(code) {
		env.T.Errorf("audit records of refusals: got %+v, want %s as the last", e, code)
	}
}

// WantOnlyRefusal runs try and checks that it is refused with the code and recorded once, and that it changes neither
// the order nor the account and sends no request to CoCalc.
func (env *Env) WantOnlyRefusal(id purchase.OrderID, code purchase.RefusalCode, try func() error) {
	env.T.Helper()
	synctest.Wait() // the other goroutines are idle
	requests := env.Server.Counts()
	account := env.AccountState()
	var order purchase.Order
	if id != "" {
		order = env.Order(id)
	}
	refused := len(env.Events("refused"))
	env.WantRefusal(try(), code)
	if n := len(env.Events("refused")); n != refused+1 {
		env.T.Errorf("audit records of the refusal: got %d, want 1", n-refused)
	}
	if id != "" && !reflect.DeepEqual(env.Order(id), order) {
		env.T.Errorf("order after the refusal (-want +got):\n%s", cmp.Diff(order, env.Order(id)))
	}
	if now := env.AccountState(); !reflect.DeepEqual(now, account) {
		env.T.Errorf("account after the refusal (-want +got):\n%s", cmp.Diff(account, now))
	}
	if now := env.Server.Counts(); !reflect.DeepEqual(now, requests) {
		env.T.Errorf("requests after the refusal (-want +got):\n%s", cmp.Diff(requests, now))
	}
}
