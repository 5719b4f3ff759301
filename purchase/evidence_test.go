package purchase_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"

	"licensebot/cocalc"
)

const (
	ours   purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTW"
	theirs purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0ZZZZ"
)

// sentOrder is an order whose item was added at a moment, and the item as the cart shows it.
func sentOrder(at time.Time) (purchase.Order, cocalc.CartItem) {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU, spec.ProjectID = 16, 2, "11111111-2222-4333-8444-555555555555"
	spec.Description = ours.Tag()
	sent := spec.CartDescription(at)
	o := purchase.Order{ID: ours, Spec: spec, Sent: sent, AddSent: at, ItemID: 7}
	return o, cocalc.CartItem{
		ID: 7, Product: "site-license", ProjectID: spec.ProjectID, Checked: true, Added: at,
		Description: sent,
	}
}

// Whatever of an item is not what was sent makes it another one.
func TestAnItemThatDiffersFromWhatWasSent(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := reconcile.New(register.New(register.Options{Now: func() time.Time { return at }}), nil, nil)
	for name, c := range map[string]struct {
		change func(*cocalc.CartItem)
		says   string
	}{
		"as it was sent":      {func(*cocalc.CartItem) {}, ""},
		"another product":     {func(i *cocalc.CartItem) { i.Product = "cash-voucher" }, "product"},
		"no product":          {func(i *cocalc.CartItem) { i.Product = "" }, "product"},
		"another project":     {func(i *cocalc.CartItem) { i.ProjectID = "99999999-2222-4333-8444-555555555555" }, "project"},
		"no project any more": {func(i *cocalc.CartItem) { i.ProjectID = "" }, "project"},
		"another license": {func(i *cocalc.CartItem) {
			i.Description = json.RawMessage(strings.Replace(string(i.Description), `"ram":16`, `"ram":15`, 1))
		}, "ram"},
		"without what is asked for": {func(i *cocalc.CartItem) { i.Description = json.RawMessage(`{}`) }, "has no"},
	} {
		o, item := sentOrder(at)
		c.change(&item)
		err := b.Differs(o, item)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o, item := sentOrder(at)
	o.Spec.ProjectID = ""
	if b.Differs(o, item) == nil {
		t.Error("an item on a project equals one without")
	}
}

// An item without a tag is the order's when it is not older than the order's add: somebody edited the tag away. With a
// tag the tag decides.
func TestWhatIsTheOrdersOwn(t *testing.T) {
	added := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o, _ := sentOrder(added)
	for name, c := range map[string]struct {
		text  string
		after time.Duration // since the add
		want  bool
	}{
		"its tag":                       {"mine\n" + ours.Tag(), 0, true},
		"another order's tag":           {theirs.Tag(), time.Second, false},
		"no tag, as old as the add":     {"edited", 0, true},
		"no tag, with clocks that lag":  {"edited", -cocalc.RangeTolerance + time.Second, true},
		"no tag, older than the add":    {"edited", -cocalc.RangeTolerance - time.Second, false},
		"no tag, a year older":          {"", -365 * 24 * time.Hour, false},
		"no tag, exactly at the margin": {"", -cocalc.RangeTolerance, false},
	} {
		if got := o.Owns(c.text, added.Add(c.after)); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	o.AddedAfter = added.Add(time.Hour) // by CoCalc's clock, which is an hour ahead
	for after, want := range map[time.Duration]bool{
		time.Hour: true, time.Hour - purchase.ClocksApart + time.Second: true,
		time.Hour - purchase.ClocksApart - time.Second: false, 0: false,
	} {
		if got := o.Owns("edited", added.Add(after)); got != want {
			t.Errorf("no tag, %s after the add, by CoCalc's clock: %t", after, got)
		}
	}
	o.AddSent, o.AddedAfter = time.Time{}, time.Time{}
	if o.Owns("edited", added) {
		t.Error("an order that was never added owns what has no tag")
	}
}

// Purchases count for an order when they are of its item and its own: on another server, or after a restore, the same
// number may be somebody else's item.
func TestWhosePurchasesAreCounted(t *testing.T) {
	added := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o, _ := sentOrder(added)
	row := func(id, item int64, cost purchase.Cents, text string, at time.Time) cocalc.PurchaseRow {
		return cocalc.PurchaseRow{ID: id, CartItemID: item, Cost: cost, Text: text, Time: at}
	}
	rows := []cocalc.PurchaseRow{
		row(1, 7, 6375, ours.Tag(), added.Add(time.Second)),
		row(2, 7, 6375, "edited", added.Add(time.Minute)),
		row(3, 7, 6375, theirs.Tag(), added.Add(time.Second)),
		row(4, 7, 6375, "", added.AddDate(-1, 0, 0)),
		row(5, 8, 6375, ours.Tag(), added.Add(time.Second)),
		row(6, 7, -6375, ours.Tag(), added.Add(time.Second)),
		row(7, 7, 0, ours.Tag(), added.Add(time.Second)),
	}
	var got []int64
	for _, r := range o.PurchasesIn(rows) {
		got = append(got, r.ID)
	}
	if len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Errorf("the purchases %v are counted, want 1 and 2", got)
	}
	o.ItemID = 0
	if len(o.PurchasesIn(append(rows, row(8, 0, 6375, ours.Tag(), added)))) != 0 {
		t.Error("an order without an item has purchases")
	}
}

// Guests, apps and people who left decide on nothing, whatever the list says.
func TestWhoIsAnApprover(t *testing.T) {
	policy := purchase.Policy{Approvers: map[string]bool{"UERIN": true, "SBOSSES": true}}
	for standing, want := range map[purchase.Membership]bool{
		purchase.Member: true, purchase.Guest: false, purchase.Robot: false, purchase.Deactivated: false,
		purchase.Foreign: false,
	} {
		if got := (purchase.Actor{ID: "UERIN", Membership: standing}).Rights(policy).Approve; got != want {
			t.Errorf("erin, %q: %t", standing, got)
		}
		if got := (purchase.Actor{
			ID: "UFRANK", Groups: []string{"SBOSSES"}, Membership: standing,
		}).Rights(policy).Approve; got != want {
			t.Errorf("frank of the group, %q: %t", standing, got)
		}
	}
	if (purchase.Actor{ID: "UALICE"}).Rights(policy).Approve {
		t.Error("alice is on no list")
	}
}
