package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// The log of a bot with a long history agrees with what CoCalc sold, and other people's purchases are told apart.
func TestComparison_Purchases_Agree(t *testing.T) {
	cases := []struct {
		name     string
		licenses int
		live     func(*purchasetest.Env)
		says     []string // in this order: strangers, then notes
	}{
		{"nothing was bought", 0, func(env *purchasetest.Env) { env.Propose(purchasetest.Spec()) }, nil},
		{"two plain purchases", 2, func(env *purchasetest.Env) {
			env.Until(env.Buy(), purchase.Purchased)
			env.Until(env.Buy(), purchase.Purchased)
		}, nil},
		{"a double buy", 2, func(env *purchasetest.Env) {
			env.SwitchOn("double-checkout")
			env.Until(env.Buy(), purchase.Purchased)
			env.Server.SwitchOff("double-checkout")
		}, nil},
		{"a lost answer", 1, func(env *purchasetest.Env) {
			env.SwitchOn("lost-answer")
			env.Until(env.Buy(), purchase.Purchased)
		}, nil},
		{"an older server", 1, func(env *purchasetest.Env) {
			env.SwitchOn("older-server")
			env.Until(env.Buy(), purchase.Purchased)
		}, nil},
		{"somebody else bought, and it was reported", 1, func(env *purchasetest.Env) {
			env.Until(env.Buy(), purchase.Purchased)
			purchasetest.AddForeignItem(env)
			if err := env.Account.Checkout(); err != nil {
				env.T.Fatal(err)
			}
			<-time.After(time.Hour)
		}, []string{`but="reported"`}},
		{"somebody else bought just now", 0, func(env *purchasetest.Env) {
			<-time.After(time.Second)
			purchasetest.AddForeignItem(env)
			if err := env.Account.Checkout(); err != nil {
				env.T.Fatal(err)
			}
		}, []string{"noted-stranger"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
				<-time.After(time.Minute)
				c.live(env)
				<-time.After(time.Second)
				got := env.CheckAgreement(c.licenses)
				said := slices.Concat(got.Unrecognized, got.Notes)
				if len(said) != len(c.says) {
					t.Fatalf("findings: got %q, want %q", said, c.says)
				}
				for i, text := range c.says {
					if !strings.Contains(said[i].String(), text) {
						t.Errorf("finding %d: got %q, want %q in it", i, said[i], text)
					}
				}
			})
		})
	}
}

// Contradictions that a correct ledger and CoCalc never have, one at a time, each with its sentence.
func TestComparison_Purchases_Differ(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		first, second := env.Buy(), env.Buy()
		env.Until(first, purchase.Purchased)
		o := env.Until(second, purchase.Purchased)
		unbought := env.Propose(purchasetest.Spec()).ID
		<-time.After(time.Hour) // every order is closed
		unknown := register.ULIDs(time.Now)()
		claims, honest := env.Claims(), env.Sales()
		env.CheckAgreement(2)
		ours := slices.IndexFunc(honest.Rows, func(row cocalc.PurchaseRow) bool {
			return row.LicenseID == o.Receipt.LicenseID
		})
		one := func(change func(*cocalc.PurchaseRow)) func() []cocalc.PurchaseRow {
			return func() []cocalc.PurchaseRow {
				rows := slices.Clone(honest.Rows)
				change(&rows[ours])
				return rows
			}
		}
		more := func(change func(*cocalc.PurchaseRow)) func() []cocalc.PurchaseRow {
			return func() []cocalc.PurchaseRow {
				row := honest.Rows[ours]
				row.ID, row.LicenseID, row.Time, row.CartItemID = 900, "the-license", row.Time.Add(time.Minute), 901
				change(&row)
				return append(slices.Clone(honest.Rows), row)
			}
		}
		cases := []struct {
			name             string
			rows             func() []cocalc.PurchaseRow
			agree            int
			wrong, strangers string
		}{
			{
				"CoCalc does not have it", func() []cocalc.PurchaseRow {
					return slices.Delete(slices.Clone(honest.Rows), ours, ours+1)
				}, 1,
				fmt.Sprintf(`purchase-missing 1="2" 2="%s" 3="%s" 4="$63.75"`, second, o.Receipt.LicenseID), "",
			},
			{
				"it cost something else", one(func(r *cocalc.PurchaseRow) { r.Cost++ }), 1,
				fmt.Sprintf(`other-amount 1="2" 2="%s" 3="$63.75" 4="$63.76" 5="%d"`, o.Receipt.LicenseID, o.Receipt.PurchaseID),
				"",
			},
			{
				"it is another license", one(func(r *cocalc.PurchaseRow) { r.LicenseID = "other" }), 1,
				fmt.Sprintf(`other-license 1="2" 2="%s" 3="%d" 4="other"`, o.Receipt.LicenseID, o.Receipt.PurchaseID), "",
			},
			{
				"an order that was not bought", more(func(r *cocalc.PurchaseRow) { r.Text = unbought.Tag() }), 2,
				`5="` + string(unbought) + `" record=`, "",
			},
			{
				"one more of the same cart item", more(func(r *cocalc.PurchaseRow) { r.CartItemID = o.ItemID }), 2,
				`5="` + string(second) + `" record=`, "",
			},
			{
				"one whose tag was edited away", more(func(r *cocalc.PurchaseRow) { r.CartItemID, r.Text = o.ItemID, "mine" }), 2,
				`5="` + string(second) + `" record=`, "",
			},
			{
				"a tag that nobody knows", more(func(r *cocalc.PurchaseRow) { r.Text = "Statistics " + unknown.Tag() }), 2,
				`5="` + string(unknown) + `" record=`, "",
			},
			{"a copy of the cart item", more(func(r *cocalc.PurchaseRow) {}), 2, "", `but="copied"`},
			{"somebody else's", more(func(r *cocalc.PurchaseRow) { r.Text = "mine" }), 2, "", `purchase="900"`},
			{
				"from before the ledger", more(func(r *cocalc.PurchaseRow) { r.Text, r.Time = "mine", r.Time.AddDate(-1, 0, 0) }),
				2, "", "",
			},
			{
				"from after the ledger was read", more(func(r *cocalc.PurchaseRow) { r.Time = r.Time.AddDate(1, 0, 0) }), 2, "",
				"",
			},
		}
		for _, c := range cases {
			got := claims.Compare(reconcile.Account{ID: honest.ID, Rows: c.rows(), Licenses: honest.Licenses})
			wrong, strangers := fmt.Sprint(got.Wrong), strings.Trim(fmt.Sprint(got.Unrecognized), "[]")
			if got.Agree != c.agree || (c.wrong == "") != (len(got.Wrong) == 0) || len(got.Wrong) > 2 ||
				!strings.Contains(wrong, c.wrong) {
				t.Errorf("%s: got %d agree, wrong %s; want %d agree, wrong %q", c.name, got.Agree, wrong, c.agree, c.wrong)
			}
			if (c.strangers == "") != (strangers == "") || !strings.Contains(strangers, c.strangers) {
				t.Errorf("%s: strangers: got %q, want %q in it", c.name, strangers, c.strangers)
			}
			if earlier := c.name == "from before the ledger"; (got.Earlier == 1) != earlier {
				t.Errorf("%s: got %d earlier, want 1: %t", c.name, got.Earlier, earlier)
			}
		}
		gone := claims.Compare(reconcile.Account{ID: honest.ID, Rows: honest.Rows})
		if gone.Agree != 2 || len(gone.Notes) != 2 || gone.Notes[0].Code != purchase.NotedNotManaged {
			t.Errorf("without licenses: got %+v, want 2 agree and 2 notes, the first %s", gone, purchase.NotedNotManaged)
		}
	})
}

// An order that the bot is still working on is no fault, and an admin's word is noted as such.
func TestComparison_Purchases_UnderWayOrSettled(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.Delay,
			Wait: time.Minute, Times: 1,
		})
		id := env.Buy()
		for len(env.Account.Purchases()) < 2 { // the credit, and the license
			<-time.After(time.Second)
		}
		<-time.After(time.Second)
		if got := env.CheckAgreement(0); len(got.Notes) != 1 || got.Notes[0].Code != purchase.NotedUnderWay ||
			got.Notes[0].Args["order"] != string(id) {
			t.Errorf("got %+v, want one note, %s of order %s", got, purchase.NotedUnderWay, id)
		}
	})
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		env.Server.SetCheckoutTakes(24*time.Hour, time.Second)
		id := env.Buy()
		env.Until(id, purchase.Unknown)
		if _, err := env.Desk.Decide(context.Background(), purchasetest.AdminAction, id, orders.Decision{
			Kind:    orders.Resolve,
			Verdict: purchase.WasBought, Reason: "I saw it",
		}); err != nil {
			t.Fatal(err)
		}
		got := env.CheckAgreement(0)
		if len(got.Notes) != 1 || got.Notes[0].Code != purchase.NotedByWord {
			t.Errorf("got %+v, want one note, %s", got, purchase.NotedByWord)
		}
	})
}
