package purchase_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// httpsInstead is a server that leads http to https.
func httpsInstead() cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://cocalc.test"}
}

// maintenance is the page of a proxy in front of a server that is down.
func maintenance() cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.Fail, Status: 503}
}

// What the desk knows of the server, soon after it changed and after a restart, and what it then refuses.
func TestTheDeskKnowsTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		fault   cocalctest.Fault
		want    purchase.Server
		refuses bool
	}{
		"successor": {
			cocalctest.Fault{Effect: cocalctest.SuccessorServer},
			purchase.Server{Condition: purchase.SellsMemberships, Key: "refused", OlderKey: true},
			true,
		},
		"no store": {
			cocalctest.Fault{Effect: cocalctest.NoLicensesSold},
			purchase.Server{Condition: purchase.SellsMemberships, Key: "valid"},
			true,
		},
		"moved": {
			cocalctest.Fault{Effect: cocalctest.MovedServer},
			purchase.Server{Condition: purchase.HasMoved, Reason: "redirects-away", Host: "cocalc.ai"},
			true,
		},
		"https": {httpsInstead(), purchase.Server{
			Condition: purchase.Misaddressed, Reason: "redirects-here", Host: "cocalc.test",
			Address: "https://cocalc.test",
		}, false},
		"maintenance": {maintenance(), purchase.Server{Condition: purchase.IsDown, Reason: "server-error"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				ctx := context.Background()
				<-time.After(time.Minute)
				if got := s.desk.Server(); got != (purchase.Server{}) {
					t.Errorf("a server that sells licenses is %+v", got)
				}
				card := s.propose(spec())
				s.server.Inject(c.fault)
				<-time.After(11 * time.Minute) // the next comparison
				same := func(when string) {
					t.Helper()
					got := s.desk.Server()
					if got.Since.IsZero() || got.Last.Before(got.Since) || got.Probes == 0 || got.Site == "" {
						t.Errorf("%s it is %+v", when, got)
					}
					if got = (purchase.Server{
						Condition: got.Condition, Reason: got.Reason, Host: got.Host, Address: got.Address,
						Key: got.Key, OlderKey: got.OlderKey,
					}); got != c.want {
						t.Errorf("%s it is  %+v\nwant %+v", when, got, c.want)
					}
				}
				same("after the change")
				_, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
				_, proposable := s.desk.Allowed(ctx, purchase.Action{Actor: alice, Channel: math}, "", orders.Buy)
				confirmed := s.confirm(card.ID)
				preview, previewErr := s.desk.Preview(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
				if previewErr != nil {
					t.Fatal(previewErr)
				}
				if c.refuses {
					s.refusedAs(err, purchase.NotSold)
					s.refusedAs(proposable, purchase.NotSold)
					s.refusedAs(confirmed, purchase.NotSold)
					if preview.Refusal == nil || preview.Refusal.Code != purchase.NotSold ||
						s.desk.Rules().Policy.RefuseNotSold(s.desk.Server()) == nil {
						t.Errorf("the preview says %+v", preview.Refusal)
					}
				} else if err != nil || proposable != nil || confirmed != nil || preview.Refusal != nil ||
					s.desk.Rules().Policy.RefuseNotSold(s.desk.Server()) != nil {
					t.Errorf("refused: %v, %v, %v, %v", err, proposable, confirmed, preview.Refusal)
				}
				s.close()
				s.open()
				<-time.After(time.Nanosecond)
				same("after a restart")
				s.server.ClearFaults()
				<-time.After(10 * time.Minute)
				if got := s.desk.Server(); got != (purchase.Server{}) {
					t.Errorf("after it came back it is %+v", got)
				}
				if _, err := s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
