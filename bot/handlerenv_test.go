package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage/storagetest"
)

// handlerEnv is a Handler without the worker that buys: a real desk over a ledger in memory, a Slack that only records,
// and a CoCalc that lists licenses and sells none.
type handlerEnv struct {
	t             testing.TB
	ledger        *storagetest.Memory
	desk          *desk.Desk
	handler       *bot.Handler
	slack         *fakeSlack
	now           time.Time
	policy        purchase.Policy
	licenseReads  atomic.Int32  // how often CoCalc was asked for all licenses
	delayLicenses chan struct{} // if set, CoCalc lists licenses once it is closed
	subscriptions []cocalc.Subscription
}

// The people of the tests are UALICE and UBOB, who may buy, UDANA, an admin, UERIN, an approver, UGUEST, a guest, and
// UROBOT, another app. They belong to the workspace T1.
func newHandlerEnv(t testing.TB) *handlerEnv {
	c := &handlerEnv{t: t, ledger: &storagetest.Memory{}, slack: &fakeSlack{}, now: time.Date(2026, 11, 22, 21, 0, 0, 0,
		time.UTC)}
	c.policy = purchase.Policy{
		Everyone: true, Approvers: map[string]bool{"UERIN": true}, AutoApprove: 20000, Admins: map[string]bool{"UDANA": true},
		OrderLimit: purchase.Limit{Max: 20000}, MonthlyBudget: purchase.Limit{Max: 100000},
	}
	c.open()
	return c
}

// open makes the Handler with the present policy, as a restart does.
func (c *handlerEnv) open() {
	now := func() time.Time { return c.now }
	s, err := app.New(app.Config{
		Ledger: c.ledger, Shop: fakeShop{
			reads: &c.licenseReads, delay: func() chan struct{} { return c.delayLicenses },
			subscriptions: func() []cocalc.Subscription { return c.subscriptions },
		},
		Slack:  app.Slack{API: c.slack, HTTP: &http.Client{Transport: c.slack}},
		Policy: c.policy, Defaults: cocalc.DefaultSpec(), Now: now, Log: testLog(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.desk, c.handler = s.Desk, s.Handler
}

// fakeShop is a CoCalc server that only lists licenses. All other requests panic.
type fakeShop struct {
	purchase.Shop
	reads *atomic.Int32
	delay func() chan struct{}

	subscriptions func() []cocalc.Subscription
}

const someLicense = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"

func (w fakeShop) Licenses(context.Context) ([]purchase.License, error) {
	w.reads.Add(1)
	if slow := w.delay(); slow != nil {
		<-slow
	}
	return w.all(), nil
}

func (fakeShop) all() []purchase.License {
	return []purchase.License{{
		ID: someLicense, Title: "Statistics", RunLimit: 1,
		Quota: cocalc.Quota{RAM: 16, CPU: 2, Disk: 10, Member: true, Uptime: "short", User: "academic"},
	}}
}

func (w fakeShop) Subscriptions(context.Context) ([]cocalc.Subscription, error) {
	return w.subscriptions(), nil
}

func (w fakeShop) License(_ context.Context, id string) (purchase.License, error) {
	if id == someLicense {
		l := w.all()[0]
		for _, s := range w.subscriptions() {
			l.SubscriptionID = s.ID
		}
		return l, nil
	}
	return purchase.License{}, &cocalc.Error{Op: "licenses/get-license", Outcome: cocalc.Rejected, Kind: cocalc.NotFound}
}

// fakeSlack is a Slack that records what the bot sends, and where.
type fakeSlack struct {
	bot.WebAPI
	mu   sync.Mutex
	sent []sentMessage
	// blockResponses, when it is set, holds up the confirmation of what was heard at response URLs until it is closed.
	blockResponses chan struct{}
}

// sentMessage is a message, view or answer that the bot sent.
type sentMessage struct{ to, text string }

func (e *fakeSlack) record(to, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent = append(e.sent, sentMessage{to, text})
}

func (e *fakeSlack) takeSent() []sentMessage {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.sent
	e.sent = nil
	return all
}

// RoundTrip records posts to response URLs.
func (e *fakeSlack) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	var m slack.WebhookMessage
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		return nil, err
	}
	e.record(req.URL.String(), m.Text)
	if e.blockResponses != nil {
		<-e.blockResponses
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), Request: req}, nil
}

func (e *fakeSlack) PostEphemeralContext(_ context.Context, channel, user string,
	options ...slack.MsgOption,
) (string, error) {
	_, values, err := slack.UnsafeApplyMsgOptions("", channel, "", options...)
	if channel == "" || user == "" {
		return "", errors.Join(err, slack.SlackErrorResponse{Err: "channel_not_found"})
	}
	e.record(user+" in "+channel, values.Get("text"))
	return "1.1", err
}

func (e *fakeSlack) PostMessageContext(_ context.Context, channel string,
	options ...slack.MsgOption,
) (string, string, error) {
	_, values, err := slack.UnsafeApplyMsgOptions("", channel, "", options...)
	e.record(channel, values.Get("text"))
	return channel, "1.1", err
}

func (e *fakeSlack) OpenConversationContext(_ context.Context,
	p *slack.OpenConversationParameters) (*slack.Channel, bool,
	bool, error,
) {
	if p.Users[0] == "" {
		return nil, false, false, slack.SlackErrorResponse{Err: "user_not_found"}
	}
	c := &slack.Channel{}
	c.ID = "D" + p.Users[0]
	return c, false, false, nil
}

func (e *fakeSlack) UpdateMessageContext(_ context.Context, channel, _ string,
	_ ...slack.MsgOption,
) (string, string, string, error) {
	e.record(channel, "a message was changed")
	return channel, "1.1", "", nil
}

func (e *fakeSlack) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{TeamID: "T1"}, nil
}

func (e *fakeSlack) GetUserInfoContext(_ context.Context, user string,
	_ ...slack.GetUserInfoOption,
) (*slack.User, error) {
	switch user {
	case "UALICE", "UBOB", "UDANA", "UERIN":
		return &slack.User{ID: user, TeamID: "T1"}, nil
	case "UGUEST":
		return &slack.User{ID: user, TeamID: "T1", IsRestricted: true}, nil
	case "UROBOT":
		return &slack.User{ID: user, TeamID: "T1", IsBot: true}, nil
	case "UELSE":
		return &slack.User{ID: user, TeamID: "T2"}, nil
	}
	return nil, slack.SlackErrorResponse{Err: "user_not_found"}
}

func (e *fakeSlack) GetUserGroupMembersContext(context.Context, string,
	...slack.GetUserGroupMembersOption,
) ([]string, error) {
	return nil, slack.SlackErrorResponse{Err: "no_such_subteam"}
}

func (e *fakeSlack) OpenViewContext(_ context.Context, _ string,
	view slack.ModalViewRequest,
) (*slack.ViewResponse, error) {
	e.record("a form", view.CallbackID)
	return &slack.ViewResponse{}, nil
}

func (e *fakeSlack) UpdateViewContext(context.Context, slack.ModalViewRequest, string, string,
	string,
) (*slack.ViewResponse, error) {
	e.record("a form", "its price was computed anew")
	return &slack.ViewResponse{}, nil
}

func (e *fakeSlack) PublishViewContext(_ context.Context,
	req slack.PublishViewContextRequest,
) (*slack.ViewResponse, error) {
	e.record("the Home tab of "+req.UserID, "")
	return &slack.ViewResponse{}, nil
}

// put stores an order of someone's in #math, in whatever state change brings it to.
func (c *handlerEnv) put(id purchase.OrderID, requester string, change func(*purchase.Order)) {
	c.t.Helper()
	sp := cocalc.DefaultSpec()
	sp.RAM, sp.CPU = 16, 2
	o := purchase.Order{
		ID: id, Rev: 1, State: purchase.Proposed, Requester: purchase.Actor{ID: requester, Team: "T1"},
		Channel: purchase.Channel{ID: "CMATH"},
		Spec:    sp, Price: 6375, Renews: 6375, Created: c.now, Updated: c.now, Expires: c.now.Add(30 * time.Minute),
	}
	if change != nil {
		change(&o)
	}
	if err := c.ledger.Update(context.Background(), func(w purchase.Writer) error { return w.PutOrder(o) }); err != nil {
		c.t.Fatal(err)
	}
}

// state is everything that the ledger holds but its audit records, and how many of those there are.
func (c *handlerEnv) state() (held string, records uint64) {
	c.t.Helper()
	err := c.ledger.View(context.Background(), func(r purchase.Reader) error {
		orders, err := r.Orders("", 1000)
		bought, err2 := r.Purchases(0, 1000)
		budgets, err3 := r.Budgets(100)
		account, err4 := r.Account()
		head, err5 := r.Head()
		data, err6 := json.Marshal([]any{orders, bought, budgets, account})
		held, records = string(data), head.Number
		return errors.Join(err, err2, err3, err4, err5, err6)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return held, records
}

// lastEvent is the latest audit record.
func (c *handlerEnv) lastEvent() (e purchase.Event) {
	c.t.Helper()
	err := c.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		e, err = r.Head()
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// triggers number the clicks: Slack gives each a trigger of its own.
var triggers atomic.Uint64

// payload is a new click as Slack tells it.
func payload(who, team, channel, action, value string) slack.InteractionCallback {
	cb := slack.InteractionCallback{
		Type:      slack.InteractionTypeBlockActions,
		TriggerID: fmt.Sprintf("%d.2.3", triggers.Add(1)), ResponseURL: "https://hooks.slack.com/actions/T1/1/x",
	}
	cb.User.ID, cb.Team.ID, cb.Channel.ID = who, team, channel
	cb.ActionCallback.BlockActions = []*slack.BlockAction{{ActionID: action, Value: value}}
	return cb
}

// answer brings a reply to its end, and says what the person got.
func (c *handlerEnv) answer(reply socket.Reply) string {
	c.t.Helper()
	var said []string
	switch p := reply.Payload.(type) {
	case nil:
	case slack.Msg:
		said = append(said, p.Text)
	case *slack.ViewSubmissionResponse:
		for _, sentence := range p.Errors {
			said = append(said, sentence)
		}
	default:
		c.t.Errorf("acknowledgement: got the payload %T, want a known type", p)
	}
	if reply.After != nil {
		reply.After(context.Background())
	}
	for _, h := range c.slack.takeSent() {
		said = append(said, h.text)
	}
	return strings.Join(said, "\n")
}
