package purchase_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// What CoCalc charges is what was agreed to and announced, to the cent. Anything else stops all buying until somebody
// has looked, but for a fixed term that has begun: that costs less from minute to minute.
func TestAChargeThatDiffersFromWhatWasAgreedTo(t *testing.T) {
	term := func() purchase.Spec {
		sp := spec()
		sp.Period, sp.End = cocalc.PeriodRange, time.Now().AddDate(0, 0, 30)
		return sp
	}
	for _, c := range []struct {
		name    string
		spec    func() purchase.Spec
		percent int
		kind    string // of the audit record; empty: nothing stops
	}{
		{"what was agreed to", spec, 100, ""},
		{"more", spec, 101, "overcharged"},
		{"less", spec, 99, "undercharged"},
		{"less for a fixed term that has begun", term, 99, ""},
		{"more for a fixed term that has begun", term, 101, "overcharged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 40000, func(s *shop) {
				s.server.Inject(cocalctest.Fault{Endpoint: checkoutPath, Effect: cocalctest.PriceMoved, Percent: c.percent})
				o := s.propose(c.spec())
				if err := s.confirm(o.ID); err != nil {
					t.Fatal(err)
				}
				o = s.until(o.ID, purchase.Purchased)
				pause, records := s.state().Pause, s.events("overcharged", "undercharged")
				switch {
				case c.kind == "" && (pause != nil || len(records) > 0):
					t.Errorf("buying is paused for %s of %s: %+v", o.Receipt.Charged, o.Price, pause)
				case c.kind != "" && (pause == nil || len(records) != 1 || records[0].Kind != c.kind ||
					!strings.Contains(pause.Cause().String(), fmt.Sprintf("charged=\"%d\"", o.Receipt.Charged))):
					t.Errorf("%s of %s: paused %+v, recorded %+v", o.Receipt.Charged, o.Price, pause, records)
				}
				<-time.After(time.Hour)
				if n := len(s.events("overcharged", "undercharged")); n > 1 {
					t.Errorf("recorded %d times", n)
				}
			})
		})
	}
}

// CoCalc became cheaper between the card and the last look, and charges what it said there: that is no reason to stop.
func TestAPriceThatFellIsCharged(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.PriceMoved, Percent: 90, Times: 1000})
		s.server.Inject(cocalctest.Fault{Endpoint: checkoutPath, Effect: cocalctest.PriceMoved, Percent: 90, Times: 1000})
		o := s.until(s.buy(), purchase.Purchased)
		<-time.After(time.Hour)
		if p := s.state().Pause; p != nil || o.Receipt.Charged >= o.Price {
			t.Errorf("charged %s of %s, and paused %+v", o.Receipt.Charged, o.Price, p)
		}
	})
}

// A server of the older kind tells no charge. When somebody makes the item dearer while our checkout is on its way,
// what was sold tells what it cost: the item, or the license where the item cannot be read, or the order was taken for
// failed. When the checkout had read the item before, nothing was made dearer.
func TestAnItemThatWasMadeDearerOnAnOlderServer(t *testing.T) {
	for name, c := range map[string]struct {
		hide bool
		late bool // an admin settles that it was not bought, and the watch is over, when it is
		read bool // the checkout had read the item before
		slow bool // it reads the item minutes before it is sold
		spec func() purchase.Spec
	}{
		"the item tells":                            {spec: spec},
		"the license tells":                         {spec: spec, hide: true},
		"the license tells that it was read before": {spec: spec, read: true},
		"the license of a failed order tells":       {spec: spec, hide: true, late: true},
		"the license tells when a term was sold that had begun": {slow: true, spec: func() purchase.Spec {
			sp := spec()
			sp.Period, sp.Start, sp.End = cocalc.PeriodRange, time.Now(), time.Now().AddDate(0, 0, 1)
			return sp
		}},
		"the license of a fixed term tells": {hide: true, spec: func() purchase.Spec {
			sp := spec()
			sp.Period, sp.Start, sp.End = cocalc.PeriodRange, time.Now().Add(24*time.Hour), time.Now().AddDate(0, 0, 31)
			return sp
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &meddler{}
			inShop(t, 0, func(s *shop) {
				if c.read {
					s.server.SetCheckoutTakes(3*time.Minute, time.Second)
				} else {
					s.server.Inject(cocalctest.Fault{
						Endpoint: "shopping/cart/checkout", Effect: cocalctest.ActLate,
						Wait: 3 * time.Minute, Times: 1,
					})
				}
				if c.late {
					s.server.SetCheckoutTakes(time.Hour, time.Second)
				}
				if c.slow {
					s.server.SetCheckoutTakes(5*time.Minute, time.Second)
				}
				o := s.propose(c.spec())
				if err := s.confirm(o.ID); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Minute)
				if c.read { // and the license has to be waited for
					s.server.Inject(cocalctest.Fault{Endpoint: "licenses/get-managed", Effect: cocalctest.Fail, Times: 10000})
					time.AfterFunc(3*time.Minute, s.server.ClearFaults)
				}
				item := s.ours()
				s.account.Edit(item.ID, regexp.MustCompile(`("ram": ?)\d+`).ReplaceAllString(string(item.Description), "${1}32"))
				if c.late {
					<-time.After(5 * time.Minute)
					if err := s.settle(o.ID, orders.Decision{
						Kind: orders.Resolve, Verdict: purchase.WasNotBought,
						Reason: "a guess",
					}); err != nil {
						t.Fatal(err)
					}
				}
				m.blind.Store(c.hide)
				<-time.After(2 * time.Hour)
				o = s.until(o.ID, purchase.Purchased)
				sold := s.account.Purchases()
				if len(sold) != 1 || int64(o.Receipt.Charged) != sold[0].Cents || (o.Receipt.Charged > o.Price) == c.read {
					t.Errorf("charged %s of %s, and CoCalc sold %+v", o.Receipt.Charged, o.Price, sold)
				}
				if c.read {
					if p := s.state().Pause; p != nil {
						t.Errorf("paused: %s", p.Cause())
					}
					return
				}
				if p := s.state().Pause; p == nil || len(s.events("overcharged")) != 1 ||
					!strings.Contains(p.Cause().String(), fmt.Sprintf("charged=\"%d\"", o.Receipt.Charged)) {
					t.Errorf("paused %+v", p)
				}
			}, m.with, func(s *shop) { s.server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older}) })
		})
	}
}
