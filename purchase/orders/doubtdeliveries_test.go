package orders_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// A click that Slack delivers twice can be in doubt twice. The person gets one message: that it counted, if one of the
// two did, although the other one was refused.
func TestService_Doubt_ClickDeliveredTwice(t *testing.T) {
	for _, counts := range []bool{false, true} {
		kept := &doubtList{}
		desk := desk.New(desk.Options{
			Ledger: purchasetest.NewLedger(t), Doubts: kept, Log: zerolog.Nop(),
			Policy: openPolicy,
		})
		p, err := desk.Propose(t.Context(), aliceRequest)
		if err != nil {
			t.Fatal(err)
		}
		doubt := purchase.Doubt{Began: time.Now(), Who: purchasetest.Alice.ID, Order: p.Order.ID}
		if counts {
			if _, err := desk.Decide(t.Context(), purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel},
				p.Order.ID,
				orders.Decision{Kind: orders.Cancel}); err != nil {
				t.Fatal(err)
			}
			var no *purchase.Refusal
			if _, err := desk.Decide(t.Context(), purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel},
				p.Order.ID,
				orders.Decision{Kind: orders.Cancel}); !errors.As(err,
				&no) {
				t.Fatalf("second delivery: got error %v, want a refusal", err)
			}
		}
		second := doubt
		second.Began = second.Began.Add(time.Millisecond)
		kept.all = []purchase.Doubt{doubt, second}
		if err := desk.Process.ResolveDoubts(t.Context()); err != nil {
			t.Fatal(err)
		}
		notices, err := desk.Outbox.PendingNotifications(t.Context())
		if err != nil || len(notices) != 1 || (notices[0].Args["counted"] == "no") == counts {
			t.Errorf("got notifications %+v (error %v), want one that says that the click counted: %t", notices, err, counts)
		}
	}
}

// A delivery that arrives when the program ends, since the disk failed under another one of the same click, gets the
// same answer: "nothing was stored" would be wrong.
func TestService_Doubt_DeliveryAtEnd(t *testing.T) {
	for _, kind := range []orders.DecisionKind{orders.Confirm, orders.Approve} {
		disk, kept := &failingLedger{Ledger: purchasetest.NewLedger(t)}, &doubtList{}
		desk := desk.New(desk.Options{Ledger: disk, Doubts: kept, Log: zerolog.Nop(), Policy: openPolicy})
		p, err := desk.Propose(t.Context(), aliceRequest)
		if err != nil {
			t.Fatal(err)
		}
		disk.fails.Store(true)
		for _, delivery := range []string{"first", "second"} {
			_, err := desk.Decide(t.Context(), purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel},
				p.Order.ID, orders.Decision{Kind: kind})
			var no *purchase.Refusal
			if !errors.As(err, &no) || no.Code != purchase.Doubtful {
				t.Errorf("%s, %s delivery: got %v, want %s", kind, delivery, err, purchase.Doubtful)
			}
			stopped, stop := context.WithCancel(t.Context())
			stop()
			if err := desk.Run(stopped); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A delivery that arrives while another one of the same click is being written gets the same answer.
func TestService_Doubt_DeliveryMeanwhile(t *testing.T) {
	disk, kept := &failingLedger{Ledger: purchasetest.NewLedger(t)}, &doubtList{}
	writing, refused := make(chan struct{}), make(chan struct{})
	desk := desk.New(desk.Options{
		Ledger: &slowLedger{disk, writing, refused}, Doubts: kept, Log: zerolog.Nop(),
		Policy: openPolicy,
	})
	p, err := desk.Propose(t.Context(), aliceRequest)
	if err != nil {
		t.Fatal(err)
	}
	disk.fails.Store(true)
	first := make(chan error, 1)
	action := purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}
	go func() {
		_, err := desk.Decide(t.Context(), action, p.Order.ID, orders.Decision{Kind: orders.Confirm})
		first <- err
	}()
	<-writing
	_, second := desk.Decide(t.Context(), action, p.Order.ID, orders.Decision{Kind: orders.Confirm})
	_, other := desk.Decide(t.Context(), purchase.Action{Actor: purchasetest.Bob, Channel: purchasetest.MathChannel},
		p.Order.ID,
		orders.Decision{Kind: orders.Confirm})
	close(refused)
	var no *purchase.Refusal
	for _, err := range []error{<-first, second} {
		if !errors.As(err, &no) || no.Code != purchase.Doubtful {
			t.Errorf("alice's answer: got %v, want %s", err, purchase.Doubtful)
		}
	}
	if !errors.As(other, &no) || no.Code != purchase.ShuttingDown {
		t.Errorf("bob's answer, whose click was not written: got %v, want %s", other, purchase.ShuttingDown)
	}
}

// What a person decided about an order does not speak for what else they decided about it in the same moment.
func TestService_Doubt_TwoDecisionsAtOnce(t *testing.T) {
	kept := &doubtList{}
	desk := desk.New(desk.Options{Ledger: purchasetest.NewLedger(t), Doubts: kept, Log: zerolog.Nop(), Policy: openPolicy})
	p, err := desk.Propose(t.Context(), aliceRequest)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	action := purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}
	if _, err := desk.Decide(t.Context(), action, p.Order.ID, orders.Decision{Kind: orders.Cancel}); err != nil {
		t.Fatal(err)
	}
	for i, doing := range []orders.DecisionKind{orders.Approve, orders.Confirm, orders.Deny, orders.Cancel} {
		kept.all = append(kept.all, purchase.Doubt{
			Began: began.Add(time.Duration(i - 9)), Who: purchasetest.Alice.ID, Order: p.Order.ID, Doing: string(doing),
			Failed: time.Now(),
		})
	}
	if err := desk.Process.ResolveDoubts(t.Context()); err != nil {
		t.Fatal(err)
	}
	notices, err := desk.Outbox.PendingNotifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range notices {
		got = append(got, n.Cause.Args["counted"])
	}
	if want := []string{"no", "no", "no", "yes"}; !slices.Equal(got, want) {
		t.Errorf("whether an approval, a confirmation, a denial and a cancellation counted: got %v, want %v", got, want)
	}
}
