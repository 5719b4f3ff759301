package purchase_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// sales are what CoCalc says was bought, as the account's owner would read it.
func (s *shop) sales() reconcile.Account {
	s.t.Helper()
	sold, err := reconcile.ReadAccount(context.Background(), s.client)
	if err != nil {
		s.t.Fatal(err)
	}
	return sold
}

func (s *shop) claims() (v *reconcile.LedgerView) {
	s.t.Helper()
	err := s.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		v, err = reconcile.ReadLedgerView(r, time.Now())
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// agrees compares ledger and CoCalc, and wants nothing wrong.
func (s *shop) agrees(licenses int) reconcile.Comparison {
	s.t.Helper()
	got := s.claims().Compare(s.sales())
	if got.Agree != licenses || len(got.Wrong) > 0 {
		s.t.Errorf("of %d licenses CoCalc agrees on %d; wrong are %v", licenses, got.Agree, got.Wrong)
	}
	return got
}

// The log of a bot that lived through much agrees with what CoCalc sold, and what others bought is told apart.
func TestTheLogAgreesWithCoCalc(t *testing.T) {
	cases := []struct {
		name     string
		licenses int
		live     func(*shop)
		says     []string // in the order: strangers, then notes
	}{
		{"nothing was bought", 0, func(s *shop) { s.propose(spec()) }, nil},
		{"two plain purchases", 2, func(s *shop) {
			s.until(s.buy(), purchase.Purchased)
			s.until(s.buy(), purchase.Purchased)
		}, nil},
		{"a double buy", 2, func(s *shop) {
			s.fault("double-checkout")
			s.until(s.buy(), purchase.Purchased)
			s.server.SwitchOff("double-checkout")
		}, nil},
		{"a lost answer", 1, func(s *shop) {
			s.fault("lost-answer")
			s.until(s.buy(), purchase.Purchased)
		}, nil},
		{"an older server", 1, func(s *shop) {
			s.fault("older-server")
			s.until(s.buy(), purchase.Purchased)
		}, nil},
		{"somebody else bought, and it was reported", 1, func(s *shop) {
			s.until(s.buy(), purchase.Purchased)
			strangersItem(s)
			if err := s.account.Checkout(); err != nil {
				s.t.Fatal(err)
			}
			<-time.After(time.Hour)
		}, []string{`but="reported"`}},
		{"somebody else bought just now", 0, func(s *shop) {
			<-time.After(time.Second)
			strangersItem(s)
			if err := s.account.Checkout(); err != nil {
				s.t.Fatal(err)
			}
		}, []string{"noted-stranger"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 100000, func(s *shop) {
				<-time.After(time.Minute)
				c.live(s)
				<-time.After(time.Second)
				got := s.agrees(c.licenses)
				said := slices.Concat(got.Unrecognized, got.Notes)
				if len(said) != len(c.says) {
					t.Fatalf("said %q", said)
				}
				for i, text := range c.says {
					if !strings.Contains(said[i].String(), text) {
						t.Errorf("said %q, want %q", said[i], text)
					}
				}
			})
		})
	}
}

// What an honest ledger and an honest CoCalc cannot say, one lie at a time, each with the sentence that tells it.
func TestWhatDoesNotAgreeWithCoCalc(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		<-time.After(time.Minute)
		first, second := s.buy(), s.buy()
		s.until(first, purchase.Purchased)
		o := s.until(second, purchase.Purchased)
		unbought := s.propose(spec()).ID
		<-time.After(time.Hour) // nothing is looked after any more
		claims, honest := s.claims(), s.sales()
		s.agrees(2)
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
		unknown := register.ULIDs(time.Now)()
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
				t.Errorf("%s: %d agree, wrong %s", c.name, got.Agree, wrong)
			}
			if (c.strangers == "") != (strangers == "") || !strings.Contains(strangers, c.strangers) {
				t.Errorf("%s: strangers %q", c.name, strangers)
			}
			if earlier := c.name == "from before the ledger"; (got.Earlier == 1) != earlier {
				t.Errorf("%s: %d earlier", c.name, got.Earlier)
			}
		}
		gone := claims.Compare(reconcile.Account{ID: honest.ID, Rows: honest.Rows})
		if gone.Agree != 2 || len(gone.Notes) != 2 || gone.Notes[0].Code != purchase.NotedNotManaged {
			t.Errorf("without licenses: %+v", gone)
		}
	})
}

// An order that the bot is still working on is no fault, and what an admin said stands as such.
func TestOrdersUnderWayAndSettledOnes(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		<-time.After(time.Minute)
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.Delay,
			Wait: time.Minute, Times: 1,
		})
		id := s.buy()
		for len(s.account.Purchases()) < 2 { // the credit, and the license
			<-time.After(time.Second)
		}
		<-time.After(time.Second)
		if got := s.agrees(0); len(got.Notes) != 1 || got.Notes[0].Code != purchase.NotedUnderWay ||
			got.Notes[0].Args["order"] != string(id) {
			t.Errorf("said %+v", got)
		}
	})
	inShop(t, 100000, func(s *shop) {
		s.server.SetCheckoutTakes(24*time.Hour, time.Second)
		id := s.buy()
		s.until(id, purchase.Unknown)
		if _, err := s.desk.Decide(context.Background(), byAdmin, id, orders.Decision{
			Kind:    orders.Resolve,
			Verdict: purchase.WasBought, Reason: "I saw it",
		}); err != nil {
			t.Fatal(err)
		}
		got := s.agrees(0)
		if len(got.Notes) != 1 || got.Notes[0].Code != purchase.NotedByWord {
			t.Errorf("said %+v", got)
		}
	})
}
