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

// disk is a ledger whose disk can be full: it reads, and writes nothing.
type disk struct {
	purchase.Ledger
	full atomic.Bool
}

func (d *disk) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if d.full.Load() {
		return fmt.Errorf("write a page: %w", purchase.ErrFull)
	}
	return d.Ledger.Update(ctx, change)
}

func (d *disk) Room(ctx context.Context) error {
	if d.full.Load() {
		return purchase.ErrFull
	}
	return d.Ledger.Room(ctx)
}

// channel is a Slack that takes messages and says what it was asked to do.
type channel struct {
	WebAPI
	fails   error
	failsIn map[string]error // by channel

	mu   sync.Mutex
	said []string
	how  map[string]int // often
}

// asked notes what Slack was asked to do, and numbers it among those of its kind.
func (c *channel) asked(what string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.how == nil {
		c.how = map[string]int{}
	}
	c.how[what]++
	c.said = append(c.said, what)
	return fmt.Sprint(c.how[what])
}

func (c *channel) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{TeamID: "T1"}, nil
}

func (c *channel) GetUserInfoContext(_ context.Context, user string, _ ...slack.GetUserInfoOption) (*slack.User,
	error,
) {
	return &slack.User{ID: user, TeamID: "T1"}, nil
}

func (c *channel) GetConversationInfoContext(_ context.Context, input *slack.GetConversationInfoInput) (*slack.Channel,
	error,
) {
	return &slack.Channel{}, nil
}

func (c *channel) GetUsersInConversationContext(context.Context, *slack.GetUsersInConversationParameters) ([]string,
	string, error,
) {
	return nil, "", nil
}

func (c *channel) PostMessageContext(_ context.Context, to string, options ...slack.MsgOption) (string, string, error) {
	return to, c.asked("post to " + to), cmp.Or(c.failsIn[to], c.fails)
}

func (c *channel) PostEphemeralContext(_ context.Context, _, user string, _ ...slack.MsgOption) (string, error) {
	return c.asked("whisper to " + user), c.fails
}

func (c *channel) UpdateMessageContext(_ context.Context, to, ts string, _ ...slack.MsgOption) (string, string, string,
	error,
) {
	c.asked("update " + ts + " in " + to)
	return to, ts, "", c.fails
}

func (c *channel) OpenConversationContext(_ context.Context, p *slack.OpenConversationParameters) (*slack.Channel, bool,
	bool, error,
) {
	dm := &slack.Channel{}
	dm.ID = "D" + p.Users[0]
	return dm, false, false, nil
}

// publishing is a publisher with its ledger and its Slack, whose clock stands still.
type publishing struct {
	*Publisher
	t     *testing.T
	disk  *disk
	slack *channel
	now   time.Time
}

func newPublishing(t *testing.T) *publishing {
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
	p := &publishing{t: t, disk: &disk{Ledger: ledger}, slack: &channel{}, now: at}
	clock := func() time.Time { return p.now }
	admins := purchase.Policy{Admins: map[string]bool{"UDANA": true, "UEVE": true}}
	desk := desk.New(desk.Options{Ledger: p.disk, Policy: admins, Now: clock, Log: zerolog.Nop()})
	p.Publisher = NewPublisher(Options{
		Desk: desk, Slack: p.slack, HTTP: http.DefaultClient, Now: clock,
		Log: zerolog.Nop(),
	})
	return p
}

// put stores an order as it is now.
func (p *publishing) put(o purchase.Order) {
	p.t.Helper()
	if err := p.disk.Ledger.Update(p.t.Context(), func(w purchase.Writer) error { return w.PutOrder(o) }); err != nil {
		p.t.Fatal(err)
	}
}

// does publishes all that is due an hour later, and answers what Slack was asked to do.
func (p *publishing) does() string {
	p.t.Helper()
	p.now = p.now.Add(time.Hour)
	return p.publishes()
}

// publishes publishes all that is due now, and answers what Slack was asked to do.
func (p *publishing) publishes() string {
	p.t.Helper()
	p.slack.said = nil
	if _, err := p.publishDue(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.busy.Wait()
	slices.Sort(p.slack.said) // the parts of an order are published at the same time
	return strings.Join(p.slack.said, "; ")
}

func (p *publishing) expect(when, want string) {
	p.t.Helper()
	if got := p.does(); got != want {
		p.t.Errorf("%s: Slack was asked to %q, want %q", when, got, want)
	}
}

// What was posted while the disk was full is not posted again, is brought up to date, and is kept as soon as there is
// room.
func TestPublisher_FullDisk_NothingTwice(t *testing.T) {
	p := newPublishing(t)
	o := order(bought)
	o.Messages = []purchase.Message{{Kind: purchase.MessageLine, Channel: "CMATH"}, {Kind: purchase.MessageNote}}
	p.put(o)
	p.disk.full.Store(true)
	p.expect("at first", "post to CMATH; post to DUALICE")
	p.expect("again", "")
	p.expect("and again", "")
	o.Rev, o.Receipt.Charged = o.Rev+1, 6000
	p.put(o)
	p.expect("when there is something new", "update 1 in CMATH; update 1 in DUALICE")
	p.expect("again", "")
	p.disk.full.Store(false)
	p.expect("when there is room", "")
	kept, err := p.desk.Order(t.Context(), o.ID)
	if err != nil || kept.Stale() {
		t.Errorf("kept as %+v (%v)", kept.Messages, err)
	}
	if line, note := kept.Message(purchase.MessageLine), kept.Message(purchase.MessageNote); line.TS != "1" ||
		note.TS != "1" {
		t.Errorf("the messages are %+v and %+v", line, note)
	}
	if len(p.unstored) > 0 {
		t.Errorf("still remembered: %v", p.unstored)
	}
}

// A card that cannot be reached goes on as a direct message, once, on a full disk too.
func TestPublisher_FullDisk_CardContinuesInDM(t *testing.T) {
	p := newPublishing(t)
	o := order(bought)
	o.Messages = []purchase.Message{{
		Kind: purchase.MessageCard, ResponseURL: "http://127.0.0.1:1/gone", Uses: 4,
		Expires: at,
	}}
	p.put(o)
	p.disk.full.Store(true)
	p.expect("at first", "post to DUALICE")
	p.expect("again", "")
	p.disk.full.Store(false)
	p.expect("when there is room", "")
	if kept, err := p.desk.Order(t.Context(), o.ID); err != nil || kept.Stale() ||
		kept.Message(purchase.MessageNote).TS != "1" {
		t.Errorf("kept as %+v (%v)", kept.Messages, err)
	}
}

// Anyone who clicks on a card that cannot be reached gets an answer, also when their direct messages say the same
// already.
func TestPublisher_ContinueInDM_ClickIsAnswered(t *testing.T) {
	p := newPublishing(t)
	o := order(bought)
	o.Messages = []purchase.Message{
		{Kind: purchase.MessageNote, Channel: "DUALICE", TS: "0", PublishedRev: o.Rev},
		{Kind: purchase.MessageCard, ResponseURL: "http://127.0.0.1:1/gone", Uses: 4, Expires: at.Add(2 * time.Hour)},
	}
	p.put(o)
	p.slack.fails = slack.SlackErrorResponse{Err: "internal_error"}
	p.expect("while Slack takes nothing", "post to DUALICE; whisper to UALICE")
	p.slack.fails = nil
	p.expect("when it does again", "post to DUALICE")
	p.expect("after that", "")
}

// What Slack did not take, and what has nothing left to be shown by the time of the next try, is not looked for again
// and again: the publisher rests.
func TestTurns_Prune_NothingLeft(t *testing.T) {
	p := newPublishing(t)
	o := order(bought)
	o.Messages = []purchase.Message{{Kind: purchase.MessageLine, Channel: "CMATH"}}
	p.put(o)
	p.slack.fails = errors.New("connection reset")
	p.expect("while Slack takes nothing", "post to CMATH")
	o.Messages = nil // another order has taken its place
	p.put(o)
	p.expect("when nothing is left to be shown", "")
	if pause, err := p.publishDue(t.Context()); err != nil || pause != idlePoll {
		t.Errorf("the next look is in %s (%v)", pause, err)
	}
}

// A notice is told once to each, also when that could not be kept; who cannot be reached is recorded, and Slack's bad
// hours are waited out. None of it holds up an order.
func TestPublisher_SendNotice_FullDisk(t *testing.T) {
	p := newPublishing(t)
	byDana := purchase.Action{Actor: purchase.Actor{ID: "UDANA", Name: "dana"}, Typed: true}
	if err := p.desk.SetPaused(t.Context(), byDana, true, "to look at it"); err != nil {
		t.Fatal(err)
	}
	p.disk.full.Store(true)
	p.expect("on a full disk", "post to DUEVE")
	p.expect("again", "")
	p.disk.full.Store(false)
	p.expect("when there is room", "")
	left := func() int {
		notices, err := p.desk.PendingNotifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(notices)
	}
	if left() != 0 || len(p.sentNotices) > 0 {
		t.Errorf("%d notices are left, %v remembered", left(), p.sentNotices)
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
		p.slack.fails = passes
		if got := p.does(); !strings.Contains(got, "post to DUEVE") || !strings.Contains(got, "post to CMATH") ||
			left() != 1 {
			t.Errorf("%v: Slack was asked to %q, and %d notices are left", passes, got, left())
		}
	}
	p.slack.fails = slack.SlackErrorResponse{Err: "user_disabled"}
	p.does()
	if left() != 0 {
		t.Error("someone who is gone is told again and again")
	}
	var untold []string
	if err := p.disk.View(t.Context(), func(r purchase.Reader) error {
		events, err := r.Events(1, 100)
		for _, e := range events {
			if e.Kind == "untold" {
				untold = append(untold, e.Place+": "+e.Note)
			}
		}
		return err
	}); err != nil || len(untold) != 1 || !strings.Contains(untold[0], "UEVE: resumed-") ||
		!strings.Contains(untold[0], "user_disabled") {
		t.Errorf("recorded %v (%v)", untold, err)
	}
}

// Anyone who decides something on a full disk reads why it does not count.
func TestHandler_Action_FullDisk(t *testing.T) {
	p := newPublishing(t)
	a := New(Options{
		Desk: p.desk, Slack: &members{users: map[string]slack.User{"UDANA": {ID: "UDANA", TeamID: "TOWN"}}},
		Now: func() time.Time { return at }, Log: zerolog.Nop(),
	})
	p.disk.full.Store(true)
	reply := a.Command(t.Context(), slack.SlashCommand{UserID: "UDANA", Text: "pause to look at it"})
	if m, ok := reply.Payload.(slack.Msg); !ok || !strings.Contains(m.Text, "My disk is full, so that didn't go through") {
		t.Errorf("answers %+v", reply.Payload)
	}
	if got := formErrors(fmt.Errorf("store the proposal: %w", purchase.ErrFull), nil, nil, nil); !strings.Contains(
		got["ram"], "disk is full") {
		t.Errorf("the form says %v", got)
	}
}
