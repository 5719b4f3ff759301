package orders_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// A person whose decision could not be written for certain reads what is known, and learns after the next start whether
// it counted.
func TestService_Doubt_DiskFails(t *testing.T) {
	// the message after the next start
	told := func(args string) string { return "uncertain " + args }
	cases := []struct {
		name         string
		decides      func(context.Context, *desk.Desk, purchase.OrderID) error
		typed        string // "true" for a command
		lost, counts string
		another      bool // a repeated decision is certainly a different one
	}{
		{
			"a click that buys", func(ctx context.Context, d *desk.Desk, id purchase.OrderID) error {
				_, err := d.Decide(ctx, purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}, id,
					orders.Decision{Kind: orders.Confirm})
				return err
			}, "",
			told(`buys="true" counted="no" order="ORDER"`),
			told(`counted="yes" look="ORDER" order="ORDER"`), false,
		},
		{
			"a cancellation that was typed", func(ctx context.Context, d *desk.Desk, id purchase.OrderID) error {
				_, err := d.Decide(ctx, purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel, Typed: true},
					id,
					orders.Decision{Kind: orders.Cancel})
				return err
			}, "true",
			told(`counted="no" order="ORDER" typed="true"`),
			told(`counted="yes" look="ORDER" order="ORDER" typed="true"`), false,
		},
		{
			"a command for a license", func(ctx context.Context, d *desk.Desk, _ purchase.OrderID) error {
				_, err := d.Propose(ctx, aliceRequest)
				return err
			}, "true",
			told(`counted="no" typed="true"`),
			told(`counted="yes" typed="true" unshown="true"`), true,
		},
		{"a pause", func(ctx context.Context, d *desk.Desk, _ purchase.OrderID) error {
			return d.SetPaused(ctx, purchase.Action{Actor: purchasetest.Dana, Channel: purchasetest.MathChannel, Typed: true},
				true, "to count")
		}, "true", told(`counted="no" typed="true"`), told(`counted="yes" typed="true"`), false},
	}
	for _, c := range cases {
		for _, keeps := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, kept: %t", c.name, keeps), func(t *testing.T) {
				disk, kept := &failingLedger{Ledger: purchasetest.NewLedger(t), keeps: keeps}, &doubtList{}
				desk := desk.New(desk.Options{Ledger: disk, Doubts: kept, Log: zerolog.Nop(), Policy: openPolicy})
				p, err := desk.Propose(t.Context(), aliceRequest)
				if err != nil {
					t.Fatal(err)
				}
				disk.fails.Store(true)
				var no *purchase.Refusal
				if err := c.decides(t.Context(), desk, p.Order.ID); !errors.As(err, &no) || no.Code != purchase.Doubtful ||
					no.Args["typed"] != c.typed || no.Args["answered"] == "" {
					t.Errorf("first answer: got %v, want %s, typed %q, with the answered moment", err, purchase.Doubtful, c.typed)
				}
				again := c.decides(t.Context(), desk, p.Order.ID) // perhaps a redelivery by Slack
				if !errors.As(again, &no) || no.Args["answered"] == "" && !(c.another && no.Code == purchase.ShuttingDown) {
					t.Errorf("second answer: got %v, want a refusal with the answered moment, or %s (allowed: %t)", again,
						purchase.ShuttingDown, c.another)
				}
				disk.fails.Store(false)
				disk.failed.Store(false) // the next start
				for range 2 {            // a start that is killed before it clears the file sends the message once
					again := kept.all
					if err := desk.Process.ResolveDoubts(t.Context()); err != nil {
						t.Fatal(err)
					}
					kept.all = again
				}
				notices, err := desk.Outbox.PendingNotifications(t.Context())
				if err != nil || len(notices) != 1 {
					t.Fatalf("notifications: got %d (error %v), want 1", len(notices), err)
				}
				want := c.lost
				if keeps {
					want = c.counts
				}
				got := notices[0].Cause.String()
				if id := string(kept.all[0].Order); id != "" {
					got = strings.ReplaceAll(got, id, "ORDER")
				}
				if got != want {
					t.Errorf("notification: got %q, want %q", got, want)
				}
				if left := notices[0].Pending; len(left) != 1 || left[0] != kept.all[0].Who {
					t.Errorf("recipients: got %v, want %q", left, kept.all[0].Who)
				}
			})
		}
	}
}

// When the doubt itself cannot be stored, the refusal promises no later message.
func TestService_Doubt_CannotBeKept(t *testing.T) {
	disk := &failingLedger{Ledger: purchasetest.NewLedger(t)}
	desk := desk.New(desk.Options{
		Ledger: disk, Doubts: &doubtList{err: errors.New("no disk")}, Log: zerolog.Nop(),
		Policy: openPolicy,
	})
	p, err := desk.Propose(t.Context(), aliceRequest)
	if err != nil {
		t.Fatal(err)
	}
	disk.fails.Store(true)
	_, err = desk.Decide(t.Context(), purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel},
		p.Order.ID,
		orders.Decision{Kind: orders.Confirm})
	want := purchase.Args{"order": string(p.Order.ID)}
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code != purchase.Doubtful || !maps.Equal(no.Args, want) {
		t.Errorf("got error %v, want %s with the arguments %s", err, purchase.Doubtful, want)
	}
}

// People learn whether their decisions counted as soon as a disk that was full at the start has room again, not at the
// next start, weeks later. A decision in the meantime is not mistaken for the one in doubt.
func TestService_Doubt_WaitsForRoom(t *testing.T) {
	kept, full := &doubtList{}, &atomic.Bool{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		for _, c := range []struct {
			name  string
			again bool // the person clicks again before they learn it
			want  string
		}{
			{"nothing since", false, `uncertain buys="true" counted="no" order="ORDER"`},
			{"bought since", true, `uncertain counted="no" look="ORDER" order="ORDER"`},
		} {
			o := env.Propose(purchasetest.Spec())
			time.Sleep(time.Minute)
			kept.set(purchase.Doubt{Began: time.Now(), Failed: time.Now(), Who: purchasetest.Alice.ID, Order: o.ID, Buys: true})
			time.Sleep(time.Minute)
			full.Store(true)
			if err := env.Desk.Process.ResolveDoubts(t.Context()); !errors.Is(err, purchase.ErrFull) {
				t.Fatalf("%s: a full disk: got error %v, want %v", c.name, err, purchase.ErrFull)
			}
			env.Restart()
			time.Sleep(time.Minute + time.Second)
			full.Store(false)
			if c.again {
				if _, err := env.Desk.Decide(t.Context(), purchase.Action{
					Actor:   purchasetest.Alice,
					Channel: purchasetest.MathChannel,
				}, o.ID,
					orders.Decision{Kind: orders.Confirm}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
			notices, err := env.Desk.Outbox.PendingNotifications(t.Context())
			if err != nil || len(notices) == 0 {
				t.Fatalf("%s: got %d notifications (error %v), want at least 1", c.name, len(notices), err)
			}
			last := notices[len(notices)-1]
			if got := strings.ReplaceAll(last.Cause.String(), string(o.ID), "ORDER"); got != c.want || kept.count() > 0 {
				t.Errorf("%s: got notification %q, %d doubts; want %q, none", c.name, got, kept.count(), c.want)
			}
		}
	}, func(env *purchasetest.Env) {
		env.Doubts = kept
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return fullLedger{l, full}, shop
		}
	})
}

// A person who repeats the decision in a later run, whose disk fails too, gets a message about both.
func TestService_Doubt_TwoRuns(t *testing.T) {
	kept := &doubtList{}
	desk := desk.New(desk.Options{Ledger: purchasetest.NewLedger(t), Doubts: kept, Log: zerolog.Nop(), Policy: openPolicy})
	p, err := desk.Propose(t.Context(), aliceRequest)
	if err != nil {
		t.Fatal(err)
	}
	first := purchase.Doubt{Began: time.Now(), Who: purchasetest.Alice.ID, Order: p.Order.ID, Run: time.Now()}
	second := first
	second.Began, second.Run = first.Began.Add(time.Minute), first.Run.Add(time.Minute)
	kept.all = []purchase.Doubt{first, second}
	if err := desk.Process.ResolveDoubts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if notices, err := desk.Outbox.PendingNotifications(t.Context()); err != nil || len(notices) != 2 {
		t.Errorf("notifications: got %+v (error %v), want 2", notices, err)
	}
}

// failingLedger is a ledger whose disk fails: the next change is written or not, and every later one fails.
type failingLedger struct {
	purchase.Ledger
	fails  atomic.Bool // the next change
	keeps  bool
	failed atomic.Bool
}

func (d *failingLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	if d.failed.Load() {
		return purchase.ErrStopped
	}
	return d.Ledger.View(ctx, read)
}

func (d *failingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	switch {
	case d.failed.Load():
		return purchase.ErrStopped
	case !d.fails.Load():
		return d.Ledger.Update(ctx, change)
	}
	d.failed.Store(true)
	undone := errors.New("undone")
	_ = d.Ledger.Update(ctx, func(w purchase.Writer) error {
		if err := change(w); err != nil || d.keeps {
			return err
		}
		return undone
	})
	return fmt.Errorf("write the ledger: %w", purchase.ErrUncertain)
}

// doubtList keeps doubts in memory.
type doubtList struct {
	mu  sync.Mutex
	all []purchase.Doubt
	err error
}

func (d *doubtList) Keep(doubt purchase.Doubt) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.all = append(d.all, doubt)
	}
	return d.err
}

func (d *doubtList) All() ([]purchase.Doubt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.all), nil
}

func (d *doubtList) Clear() error {
	d.set()
	return nil
}

// set replaces all doubts.
func (d *doubtList) set(all ...purchase.Doubt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = all
}

func (d *doubtList) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.all)
}

var (
	openPolicy = purchase.Policy{
		Everyone: true, Admins: map[string]bool{purchasetest.Dana.ID: true},
		MonthlyBudget: purchase.Limit{None: true}, OrderLimit: purchase.Limit{None: true},
	}
	aliceRequest = purchase.Request{
		Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
		Spec: purchasetest.Spec(),
	}
)

// slowLedger reports the failure of a change late.
type slowLedger struct {
	*failingLedger
	writing, answer chan struct{}
}

func (d *slowLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if d.failed.Load() || !d.fails.Load() {
		return d.failingLedger.Update(ctx, change)
	}
	err := d.failingLedger.Update(ctx, change)
	close(d.writing)
	<-d.answer
	return err
}

// fullLedger is a ledger whose disk is full for a while.
type fullLedger struct {
	purchase.Ledger
	full *atomic.Bool
}

func (d fullLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if d.full.Load() {
		return purchase.ErrFull
	}
	return d.Ledger.Update(ctx, change)
}
