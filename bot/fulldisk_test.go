package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// fullLedger is a ledger whose disk can be full: then it only reads.
type fullLedger struct {
	purchase.Ledger
	full atomic.Bool
}

func (d *fullLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if d.full.Load() {
		return fmt.Errorf("write a page: %w", purchase.ErrFull)
	}
	return d.Ledger.Update(ctx, change)
}

func (d *fullLedger) Room(ctx context.Context) error {
	if d.full.Load() {
		return purchase.ErrFull
	}
	return d.Ledger.Room(ctx)
}

// recordingSlack is a Slack that accepts messages and records its calls.
type recordingSlack struct {
	WebAPI
	err   error
	errIn map[string]error // by channel

	mu     sync.Mutex
	calls  []string
	counts map[string]int // often
}

// record records a call, and numbers it among those of its kind.
func (c *recordingSlack) record(what string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[what]++
	c.calls = append(c.calls, what)
	return fmt.Sprint(c.counts[what])
}

func (c *recordingSlack) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{TeamID: "T1"}, nil
}

func (c *recordingSlack) GetUserInfoContext(_ context.Context, user string,
	_ ...slack.GetUserInfoOption,
) (*slack.User, error) {
	return &slack.User{ID: user, TeamID: "T1"}, nil
}

func (c *recordingSlack) GetConversationInfoContext(_ context.Context,
	input *slack.GetConversationInfoInput,
) (*slack.Channel, error) {
	return &slack.Channel{}, nil
}

func (c *recordingSlack) GetUsersInConversationContext(context.Context,
	*slack.GetUsersInConversationParameters) ([]string,
	string, error,
) {
	return nil, "", nil
}

func (c *recordingSlack) PostMessageContext(_ context.Context, to string,
	options ...slack.MsgOption,
) (string, string, error) {
	return to, c.record("post to " + to), cmp.Or(c.errIn[to], c.err)
}

func (c *recordingSlack) PostEphemeralContext(_ context.Context, _, user string, _ ...slack.MsgOption) (string, error) {
	return c.record("whisper to " + user), c.err
}

func (c *recordingSlack) UpdateMessageContext(_ context.Context, to, ts string,
	_ ...slack.MsgOption,
) (string, string, string, error) {
	c.record("update " + ts + " in " + to)
	return to, ts, "", c.err
}

func (c *recordingSlack) OpenConversationContext(_ context.Context,
	p *slack.OpenConversationParameters) (*slack.Channel, bool,
	bool, error,
) {
	dm := &slack.Channel{}
	dm.ID = "D" + p.Users[0]
	return dm, false, false, nil
}

// publisherEnv is a Publisher with its ledger and its Slack. Its clock stands still between calls of publishLater.
type publisherEnv struct {
	*Publisher
	t      *testing.T
	ledger *fullLedger
	desk   *desk.Desk
	slack  *recordingSlack
	now    time.Time
}

func newPublisherEnv(t *testing.T) *publisherEnv {
	t.Helper()
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &publisherEnv{t: t, ledger: &fullLedger{Ledger: ledger}, slack: &recordingSlack{}, now: at}
	clock := func() time.Time { return p.now }
	admins := purchase.Policy{Admins: map[string]bool{"UDANA": true, "UEVE": true}}
	p.desk = desk.New(desk.Options{Ledger: p.ledger, Policy: admins, Now: clock, Log: zerolog.Nop()})
	p.Publisher = NewPublisher(Options{
		Desk: p.desk, Account: p.desk.Account, Outbox: p.desk.Outbox, Slack: p.slack, HTTP: http.DefaultClient, Now: clock,
		Log: zerolog.Nop(),
	})
	return p
}

// put stores an order as it is now.
func (p *publisherEnv) put(o purchase.Order) {
	p.t.Helper()
	if err := p.ledger.Ledger.Update(p.t.Context(), func(w purchase.Writer) error { return w.PutOrder(o) }); err != nil {
		p.t.Fatal(err)
	}
}

// publishLater publishes all that is due an hour later, and returns Slack's calls.
func (p *publisherEnv) publishLater() string {
	p.t.Helper()
	p.now = p.now.Add(time.Hour)
	return p.publishNow()
}

// publishNow publishes all that is due now, as far as the rate limits allow, and returns Slack's calls.
func (p *publisherEnv) publishNow() string {
	p.t.Helper()
	p.slack.calls = nil
	p.Flush(p.t.Context())
	slices.Sort(p.slack.calls) // the parts of an order are published at the same time
	return strings.Join(p.slack.calls, "; ")
}

func (p *publisherEnv) expectLater(when, want string) {
	p.t.Helper()
	if got := p.publishLater(); got != want {
		p.t.Errorf("requests to Slack %s: got %q, want %q", when, got, want)
	}
}

// What was posted while the disk was full is not posted again, is brought up to date, and is kept as soon as there is
// room.
func TestPublisher_FullDisk_NothingTwice(t *testing.T) {
	p := newPublisherEnv(t)
	o := order(bought)
	o.Messages = []purchase.Message{{Kind: purchase.MessageLine, Channel: "CMATH"}, {Kind: purchase.MessageNote}}
	p.put(o)
	p.ledger.full.Store(true)
	p.expectLater("at first", "post to CMATH; post to DUALICE")
	p.expectLater("again", "")
	p.expectLater("and again", "")
	o.Rev, o.Receipt.Charged = o.Rev+1, 6000
	p.put(o)
	p.expectLater("when there is something new", "update 1 in CMATH; update 1 in DUALICE")
	p.expectLater("again", "")
	p.ledger.full.Store(false)
	p.expectLater("when there is room", "")
	kept, err := p.desk.Outbox.Order(t.Context(), o.ID)
	if err != nil || kept.Stale() {
		t.Errorf("got %+v (%v), want the latest messages kept", kept.Messages, err)
	}
	if line, note := kept.Message(purchase.MessageLine), kept.Message(purchase.MessageNote); line.TS != "1" ||
		note.TS != "1" {
		t.Errorf("messages: got %+v and %+v, want the timestamps %q and %q", line, note, "1", "1")
	}
	if len(p.unstored) > 0 {
		t.Errorf("unstored messages: got %v, want none", p.unstored)
	}
}

// A card that cannot be reached goes on as a direct message, once, on a full disk too.
func TestPublisher_FullDisk_CardContinuesInDM(t *testing.T) {
	p := newPublisherEnv(t)
	o := order(bought)
	o.Messages = []purchase.Message{{
		Kind: purchase.MessageCard, ResponseURL: "http://127.0.0.1:1/gone", Uses: 4,
		Expires: at,
	}}
	p.put(o)
	p.ledger.full.Store(true)
	p.expectLater("at first", "post to DUALICE")
	p.expectLater("again", "")
	p.ledger.full.Store(false)
	p.expectLater("when there is room", "")
	if kept, err := p.desk.Outbox.Order(t.Context(), o.ID); err != nil || kept.Stale() ||
		kept.Message(purchase.MessageNote).TS != "1" {
		t.Errorf("got %+v (%v), want the latest messages kept", kept.Messages, err)
	}
}

// Anyone who clicks on a card that cannot be reached gets an answer, also when their direct messages say the same
// already.
func TestPublisher_ContinueInDM_ClickIsAnswered(t *testing.T) {
	p := newPublisherEnv(t)
	o := order(bought)
	o.Messages = []purchase.Message{
		{Kind: purchase.MessageNote, Channel: "DUALICE", TS: "0", PublishedRev: o.Rev},
		{Kind: purchase.MessageCard, ResponseURL: "http://127.0.0.1:1/gone", Uses: 4, Expires: at.Add(2 * time.Hour)},
	}
	p.put(o)
	p.slack.err = slack.SlackErrorResponse{Err: "internal_error"}
	p.expectLater("while Slack takes nothing", "post to DUALICE; whisper to UALICE")
	p.slack.err = nil
	p.expectLater("when it does again", "post to DUALICE")
	p.expectLater("after that", "")
}

// What Slack did not take, and what has nothing left to be shown by the time of the next try, is not looked for again
// and again: the publisher rests.
func TestTurns_Prune_NothingLeft(t *testing.T) {
	p := newPublisherEnv(t)
	o := order(bought)
	o.Messages = []purchase.Message{{Kind: purchase.MessageLine, Channel: "CMATH"}}
	p.put(o)
	p.slack.err = errors.New("connection reset")
	p.expectLater("while Slack takes nothing", "post to CMATH")
	o.Messages = nil // another order has taken its place
	p.put(o)
	p.expectLater("when nothing is left to be shown", "")
	if pause, err := p.publishDue(t.Context()); err != nil || pause != idlePoll {
		t.Errorf("next round: got %s (error %v), want %s", pause, err, idlePoll)
	}
}

// A notice is told once to each, also when that could not be kept; who cannot be reached is recorded, and Slack's bad
// hours are waited out. None of it holds up an order.
func TestPublisher_SendNotice_FullDisk(t *testing.T) {
	p := newPublisherEnv(t)
	byDana := purchase.Action{Actor: purchase.Actor{ID: "UDANA", Name: "dana"}, Typed: true}
	if err := p.desk.SetPaused(t.Context(), byDana, true, "to look at it"); err != nil {
		t.Fatal(err)
	}
	p.ledger.full.Store(true)
	p.expectLater("on a full disk", "post to DUEVE")
	p.expectLater("again", "")
	p.ledger.full.Store(false)
	p.expectLater("when there is room", "")
	left := func() int {
		notices, err := p.desk.Outbox.PendingNotifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(notices)
	}
	if left() != 0 || len(p.sentNotices) > 0 {
		t.Errorf("got %d notifications left, %v remembered; want none", left(), p.sentNotices)
	}

	if err := p.desk.SetPaused(t.Context(), byDana, false, "looked at it"); err != nil {
		t.Fatal(err)
	}
	o := order(bought)
	o.Messages = []purchase.Message{{Kind: purchase.MessageLine, Channel: "CMATH"}}
	p.put(o)
	for _, passes := range []error{
		errors.New("connection reset"),
		slack.SlackErrorResponse{Err: "internal_error"},
		&slack.RateLimitedError{RetryAfter: time.Minute},
	} {
		p.slack.err = passes
		if got := p.publishLater(); !strings.Contains(got, "post to DUEVE") || !strings.Contains(got, "post to CMATH") ||
			left() != 1 {
			t.Errorf("%v: Slack was asked to %q, and %d notices are left; want got with %q, got with %q, left() = 1", passes,
				got, left(), "post to DUEVE", "post to CMATH")
		}
	}
	p.slack.err = slack.SlackErrorResponse{Err: "user_disabled"}
	p.publishLater()
	if left() != 0 {
		t.Errorf("notifications for a deactivated account: got %d left, want 0", left())
	}
	var untold []string
	if err := p.ledger.View(t.Context(), func(r purchase.Reader) error {
		events, err := r.Events(1, 100)
		for _, e := range events {
			if e.Kind == "untold" {
				untold = append(untold, e.Place+": "+e.Note)
			}
		}
		return err
	}); err != nil || len(untold) != 1 || !strings.Contains(untold[0], "UEVE: resumed-") ||
		!strings.Contains(untold[0], "user_disabled") {
		t.Errorf("audit records: got %v (error %v), want one with %q and %q", untold, err, "UEVE: resumed-", "user_disabled")
	}
}

// Anyone who decides something on a full disk reads why it does not count.
func TestHandler_Action_FullDisk(t *testing.T) {
	p := newPublisherEnv(t)
	a := New(Options{
		Desk: p.desk, Slack: &slackDirectory{users: map[string]slack.User{"UDANA": {ID: "UDANA", TeamID: "TOWN"}}},
		Now: func() time.Time { return at }, Log: zerolog.Nop(),
	})
	p.ledger.full.Store(true)
	reply := a.Command(t.Context(), slack.SlashCommand{UserID: "UDANA", Text: "pause to look at it"})
	if m, ok := reply.Payload.(slack.Msg); !ok || !strings.Contains(m.Text, "My disk is full, so that didn't go through") {
		t.Errorf("got %+v, want %q in it", reply.Payload, "My disk is full, so that didn't go through")
	}
	if got := formErrors(fmt.Errorf("store the proposal: %w", purchase.ErrFull), nil, nil, nil); !strings.Contains(
		got["ram"], "disk is full") {
		t.Errorf("form errors: got %v, want %q in them", got, "disk is full")
	}
}
