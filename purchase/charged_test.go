package purchase_test

import (
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// What CoCalc charges is what was agreed to and announced, to the cent. Anything else stops all buying until somebody has
// looked, but for a fixed term that has begun: that costs less from minute to minute.
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
				case c.kind != "" && (pause == nil || len(records) != 1 || records[0].Kind != c.kind || !strings.Contains(pause.Reason, o.Receipt.Charged.String())):
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
