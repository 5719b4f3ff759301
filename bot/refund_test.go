package bot_test

import (
	"context"
	"strings"
	"testing"

	"licensebot/purchase"
)

// An admin's note that CoCalc was asked for a refund is durable before the click is acknowledged, and recorded once.
// Others are refused, and a button of a charge that was given back says so.
func TestHandler_RequestRefund(t *testing.T) {
	c := newHandlerEnv(t)
	double := purchase.DoubleCharge{Row: 127, With: 126, Amount: 6375}
	c.putOwned(purchase.OwnedLicense{ID: someLicense, Order: aliceOrder, Doubles: []purchase.DoubleCharge{double}})
	click := func(who, value string) string {
		return c.answer(c.handler.Action(context.Background(), payload(who, "T1", "DX", "refund_requested", value)))
	}
	for _, step := range []struct {
		who, value, says string
		requested        bool   // afterwards
		record           string // the kind of the newest audit record
	}{
		{"UALICE", someLicense + " 127", "Only admins can do that", false, "refused"},
		{"UDANA", someLicense + " 126", "doesn't know CoCalc purchase 126 as a double charge", false, "refused"},
		{"UDANA", "another 127", "doesn't know CoCalc purchase 127 as a double charge", false, "refused"},
		{"UDANA", someLicense + " 127", "A refund of CoCalc purchase 127 is requested", true, "refund-requested"},
		{"UDANA", someLicense + " 127", "A refund of CoCalc purchase 127 is requested", true, "refund-requested"},
	} {
		if said := click(step.who, step.value); !strings.Contains(said, step.says) {
			t.Errorf("%s clicks on %s: got %q, want %q in it", step.who, step.value, said, step.says)
		}
		d := c.owned(someLicense).Doubles[0]
		if e := c.lastEvent(); d.Requested.IsZero() == step.requested || e.Kind != step.record {
			t.Errorf("%s clicks on %s: got %+v and a record %q, want a request %t and %q", step.who, step.value, d, e.Kind,
				step.requested, step.record)
		}
	}
	_, records := c.state()
	double.Refund = 130
	c.putOwned(purchase.OwnedLicense{ID: someLicense, Order: aliceOrder, Doubles: []purchase.DoubleCharge{double}})
	if said := click("UDANA", someLicense+" 127"); !strings.Contains(said, "has refunded purchase 127 already") {
		t.Errorf("a refunded charge: got %q, want that it was refunded", said)
	}
	if _, after := c.state(); after != records {
		t.Errorf("got %d audit records, want %d", after, records)
	}
}

func (c *handlerEnv) putOwned(l purchase.OwnedLicense) {
	c.t.Helper()
	if err := c.ledger.Update(context.Background(), func(w purchase.Writer) error { return w.PutOwned(l) }); err != nil {
		c.t.Fatal(err)
	}
}

func (c *handlerEnv) owned(license string) (l purchase.OwnedLicense) {
	c.t.Helper()
	err := c.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		l, _, err = r.Owned(license)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}
