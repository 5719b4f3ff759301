package bot_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// The orders that the tests of forged clicks find in the ledger.
const (
	aliceOrder      purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTA" // alice's proposal
	aliceRepriced   purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTB" // alice's, failed because the price had moved
	aliceUnresolved purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTC" // alice's, whose outcome is unknown
	guestOrder      purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTD" // of someone who has become a guest since
	anonymousOrder  purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTE" // whose requester has no id
	otherTeamOrder  purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTF" // of someone who belongs to another workspace since
	aliceAwaiting   purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTG" // alice's, which waits for an approval
	unknownOrder    purchase.OrderID = "01JD8Z3V5TQ4X6B7N8M9P0RSTW" // in no ledger
)

func newFilledHandlerEnv(t *testing.T) *handlerEnv {
	c := newHandlerEnv(t)
	c.put(aliceOrder, "UALICE", nil)
	c.put(aliceRepriced, "UALICE", func(o *purchase.Order) {
		o.State, o.Failure = purchase.Failed, &purchase.Failure{
			Cause:    purchase.Cause{Code: purchase.FailPriceMoved},
			NewPrice: 7013, Until: c.now.Add(time.Minute),
		}
	})
	c.put(aliceUnresolved, "UALICE", func(o *purchase.Order) {
		o.State, o.Month, o.CheckoutSent = purchase.Unknown, "2026-11", c.now
		o.Unresolved = &purchase.Unresolved{
			Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: c.now,
			Until: c.now.Add(time.Minute),
		}
	})
	c.put(aliceAwaiting, "UALICE", func(o *purchase.Order) {
		o.State, o.Month, o.ApproveBy, o.Reason = purchase.AwaitingApproval, "2026-11", c.now.Add(time.Hour), "winter school"
	})
	c.put(guestOrder, "UGUEST", nil)
	c.put(anonymousOrder, "", nil)
	c.put(otherTeamOrder, "UELSE", nil)
	return c
}

// buttons are all that carry an order's id, with an order on which each means something.
var buttons = []struct {
	action string
	order  purchase.OrderID
	admins bool // only admins may
	others bool // only approvers may
}{
	{"order_buy", aliceOrder, false, false},
	{"order_buy_new_price", aliceRepriced, false, false},
	{"order_edit", aliceOrder, false, false},
	{"order_cancel", aliceOrder, false, false},
	{"order_again", aliceOrder, false, false},
	{"order_refresh", aliceUnresolved, false, false},
	{"order_was_bought", aliceUnresolved, true, false},
	{"order_was_not_bought", aliceUnresolved, true, false},
	{"order_approve", aliceAwaiting, false, true},
	{"order_deny", aliceAwaiting, false, true},
}

// An order's id in a button proves nothing. Anyone who is not asked is refused, told so in a true sentence, and written
// down; and nothing else changes.
func TestHandler_Action_ForgedAndForeign(t *testing.T) {
	type forgery struct {
		name               string
		who, team, channel string
		order              purchase.OrderID // in the button; "": the one on which the button means something
		code               purchase.RefusalCode
	}
	var forgeries []forgery
	for name, id := range map[string]purchase.OrderID{
		"the id of no order": unknownOrder, "no id at all": " ",
		"the id in lower case":           purchase.OrderID(strings.ToLower(string(aliceOrder))),
		"an id with something behind it": aliceOrder + "'; --", "a path": "../../ledger.db",
		"an id with a NUL": aliceOrder + "\x00",
		"no text":          "\xff\xfe\x00",
		"a list":           `["` + aliceOrder + `"]`, "an id that fills a book": purchase.OrderID(strings.Repeat("A",
			100_000)),
		"the tag": "order " + aliceOrder,
	} {
		forgeries = append(forgeries, forgery{name, "UALICE", "T1", "CMATH", id, purchase.NoSuchOrder})
	}
	forgeries = append(forgeries,
		forgery{"someone else", "UBOB", "T1", "CMATH", "", purchase.NotYours},
		forgery{"an admin is not the requester either", "UDANA", "T1", "CMATH", "", purchase.NotYours},
		forgery{"anyone who belongs to another workspace by now", "UELSE", "T1", "CMATH", otherTeamOrder, purchase.Outsider},
		forgery{"in another channel", "UALICE", "T1", "COTHER", "", purchase.Elsewhere},
		forgery{"a guest, on what they asked for before", "UGUEST", "T1", "CMATH", guestOrder, purchase.Outsider},
		forgery{"someone from another workspace", "UELSE", "T2", "CMATH", "", purchase.Outsider},
		forgery{"another app", "UROBOT", "T1", "CMATH", "", purchase.Outsider},
		forgery{"nobody", "", "T1", "CMATH", anonymousOrder, purchase.Outsider},
	)
	for _, b := range buttons {
		t.Run(b.action, func(t *testing.T) {
			c := newFilledHandlerEnv(t)
			for _, f := range forgeries {
				want := f.code
				switch {
				case b.admins && want == purchase.Outsider, want == purchase.NoSuchOrder:
				case b.admins && f.who == "UDANA":
					continue // may
				case b.admins:
					want = purchase.NotAnAdmin
				case b.others && want == purchase.NotYours:
					want = purchase.NotAnApprover
				// What only looks is its requester's to see, no matter who they are; what is proposed from it is theirs to be
				// refused.
				case b.action == "order_refresh" && want == purchase.Outsider && f.order != "":
					continue
				case (b.action == "order_again" || b.action == "order_edit" || b.action == "order_refresh") &&
					want == purchase.Outsider && f.order == "":
					want = purchase.NotYours
				}
				id := f.order
				if id == "" {
					id = b.order
				}
				before, records := c.state()
				said := c.answer(c.handler.Action(context.Background(), payload(f.who, f.team, f.channel, b.action, string(id))))
				after, recorded := c.state()
				if after != before {
					t.Errorf("%s: ledger: got\n%s\nwant\n%s", f.name, after, before)
				}
				if words := refusalWords[want]; words == nil || !words.MatchString(said) {
					t.Errorf("%s: refusal %s: got %q, want a match of %s", f.name, want, said, words)
				}
				last := c.lastEvent()
				if recorded != records+1 || last.Kind != "refused" || last.Note != string(want) || last.By != f.who ||
					last.Place != f.channel {
					t.Errorf("%s: got %d audit records, the last %+v; want one about %s", f.name, recorded-records, last, want)
				}
				if len(last.Order) > 80 {
					t.Errorf("%s: id in the audit: got %d bytes, want at most 80", f.name, len(last.Order))
				}
			}
		})
	}
}

// The same for what is typed. A person may type anywhere.
func TestHandler_Command_ForeignIDs(t *testing.T) {
	cases := []struct {
		name, who, team, text string
		code                  purchase.RefusalCode
	}{
		{"to cancel no order", "UALICE", "T1", "cancel " + string(unknownOrder), purchase.NoSuchOrder},
		{"to cancel someone else's", "UBOB", "T1", "cancel " + string(aliceOrder), purchase.NotYours},
		{"to cancel from another workspace", "UELSE", "T2", "cancel " + string(otherTeamOrder), purchase.Outsider},
		{"to cancel as a guest", "UGUEST", "T1", "cancel " + string(guestOrder), purchase.Outsider},
		{"to cancel as nobody", "", "T1", "cancel " + string(anonymousOrder), purchase.Outsider},
		{"to approve no order", "UERIN", "T1", "approve " + string(unknownOrder), purchase.NoSuchOrder},
		{"to approve one's own", "UALICE", "T1", "approve " + string(aliceAwaiting), purchase.NotAnApprover},
		{"to approve as an admin", "UDANA", "T1", "approve " + string(aliceAwaiting), purchase.NotAnApprover},
		{"to approve what nobody was asked about", "UERIN", "T1", "approve " + string(aliceOrder), purchase.TooLate},
		{"to approve as a guest", "UGUEST", "T1", "approve " + string(aliceAwaiting), purchase.Outsider},
		{"to deny as another app", "UROBOT", "T1", "deny " + string(aliceAwaiting) + " no money", purchase.Outsider},
		{"to deny what has ended", "UERIN", "T1", "deny " + string(aliceRepriced) + " no money", purchase.TooLate},
		{"to settle no order", "UDANA", "T1", "settle " + string(unknownOrder), purchase.NoSuchOrder},
		{"to settle one's own", "UALICE", "T1", "settle " + string(aliceUnresolved), purchase.NotAnAdmin},
		{"to settle what is clear", "UDANA", "T1", "settle " + string(aliceOrder), purchase.TooLate},
		{"to settle as another app", "UROBOT", "T1", "settle " + string(aliceUnresolved), purchase.Outsider},
		{"to pause", "UALICE", "T1", "pause I say so", purchase.NotAnAdmin},
		{"to resume", "UGUEST", "T1", "resume I say so", purchase.Outsider},
		{"to buy as a guest", "UGUEST", "T1", "buy ram=16 cpu=2", purchase.Outsider},
		{"to buy from another workspace", "UELSE", "T2", "buy ram=16 cpu=2", purchase.Outsider},
		{"to buy as nobody", "", "T1", "buy ram=16 cpu=2", purchase.Outsider},
	}
	c := newFilledHandlerEnv(t)
	for _, s := range cases {
		t.Run(s.name, func(t *testing.T) {
			c.t = t
			before, records := c.state()
			said := c.answer(c.handler.Command(context.Background(), slack.SlashCommand{
				UserID: s.who, TeamID: s.team, ChannelID: "COTHER", Text: s.text,
				ResponseURL: "https://hooks.slack.com/commands/T1/1/x",
			}))
			after, recorded := c.state()
			if after != before {
				t.Errorf("got the ledger %s; want %s", after, before)
			}
			if words := refusalWords[s.code]; words == nil || !words.MatchString(said) {
				t.Errorf("refusal %s: got %q, want a match of %s", s.code, said, words)
			}
			if last := c.lastEvent(); recorded != records+1 || last.Kind != "refused" || last.Note != string(s.code) ||
				last.By != s.who || last.Place != "COTHER" {
				t.Errorf("got %d audit records, the last %+v; want one about %s", recorded-records, last, s.code)
			}
		})
	}
}

// form is a submitted form as Slack tells it.
func form(who, team, callback string, remembered any, fields map[string]string) slack.InteractionCallback {
	metadata, isText := remembered.(string)
	if !isText {
		data, _ := json.Marshal(remembered)
		metadata = string(data)
	}
	cb := slack.InteractionCallback{Type: slack.InteractionTypeViewSubmission}
	cb.User.ID, cb.Team.ID = who, team
	cb.View.CallbackID, cb.View.PrivateMetadata = callback, metadata
	cb.View.State = &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}
	for block, value := range fields {
		cb.View.State.Values[block] = map[string]slack.BlockAction{"input": {Value: value}}
	}
	return cb
}

// What a form remembers comes back by way of Slack, and is believed no more than a button.
func TestHandler_Submission_Forged(t *testing.T) {
	license := map[string]string{"ram": "8", "cpu": "2"}
	why := map[string]string{"reason": "I say so"}
	type m = map[string]string
	cases := []struct {
		name, who, team, callback string
		remembered                any
		fields                    map[string]string
		code                      purchase.RefusalCode // "": nothing is recorded, since nothing was decided
	}{
		{
			"to change no order", "UALICE", "T1", "license_editor",
			m{"order": string(unknownOrder), "channel": "CMATH"},
			license,
			purchase.NoSuchOrder,
		},
		{
			"to change someone else's", "UBOB", "T1", "license_editor",
			m{"order": string(aliceOrder), "channel": "CMATH"},
			license,
			purchase.NotYours,
		},
		{
			"to change from another workspace", "UELSE", "T1", "license_editor",
			m{"order": string(otherTeamOrder), "channel": "CMATH"},
			license, purchase.Outsider,
		},
		{
			"to change what has ended", "UALICE", "T1", "license_editor",
			m{"order": string(aliceRepriced), "channel": "CMATH"},
			license, purchase.TooLate,
		},
		{"to buy as a guest", "UGUEST", "T1", "license_editor", m{"channel": "CMATH"}, license, purchase.Outsider},
		{"to buy as nobody", "", "T1", "license_editor", m{"channel": "CMATH"}, license, purchase.Outsider},
		{"a form that remembers nothing", "UALICE", "T1", "license_editor", "", license, ""},
		{"a form that remembers nonsense", "UALICE", "T1", "license_editor", `{"order":[1]}`, license, ""},
		{
			"to settle no order", "UDANA", "T1", "order_settle",
			m{"order": string(unknownOrder), "verdict": "bought"},
			why,
			purchase.NoSuchOrder,
		},
		{
			"to settle without being an admin", "UALICE", "T1", "order_settle",
			m{"order": string(aliceUnresolved), "verdict": "bought"},
			why, purchase.NotAnAdmin,
		},
		{
			"to settle as another app", "UROBOT", "T1", "order_settle",
			m{"order": string(aliceUnresolved), "verdict": "not-bought"},
			why, purchase.Outsider,
		},
		{
			"to settle without a reason", "UDANA", "T1", "order_settle",
			m{"order": string(aliceUnresolved), "verdict": "bought"},
			m{},
			purchase.NoReason,
		},
		{
			"to settle what is clear", "UDANA", "T1", "order_settle",
			m{"order": string(aliceOrder), "verdict": "bought"},
			why,
			purchase.TooLate,
		},
		{
			"to settle with a verdict that is none", "UDANA", "T1", "order_settle",
			m{"order": string(aliceUnresolved), "verdict": "perhaps"},
			why, purchase.Unreadable,
		},
		{
			"to settle without a verdict", "UDANA", "T1", "order_settle",
			m{"order": string(aliceUnresolved)},
			why,
			purchase.Unreadable,
		},
		{
			"to deny no order", "UERIN", "T1", "order_deny_why",
			m{"order": string(unknownOrder), "channel": "CMATH"},
			why,
			purchase.NoSuchOrder,
		},
		{
			"to deny in another channel", "UERIN", "T1", "order_deny_why",
			m{"order": string(aliceAwaiting), "channel": "COTHER"},
			why, purchase.Elsewhere,
		},
		{
			"to deny without being an approver", "UBOB", "T1", "order_deny_why",
			m{"order": string(aliceAwaiting), "channel": "CMATH"},
			why, purchase.NotAnApprover,
		},
		{
			"to deny as a guest", "UGUEST", "T1", "order_deny_why",
			m{"order": string(aliceAwaiting), "channel": "CMATH"},
			why,
			purchase.Outsider,
		},
		{
			"to deny without a reason", "UERIN", "T1", "order_deny_why",
			m{"order": string(aliceAwaiting), "channel": "CMATH"},
			m{"reason": " "},
			purchase.NoReason,
		},
		{"to deny with nonsense", "UERIN", "T1", "order_deny_why", `{"order":7}`, why, ""},
		{
			"to give a reason for someone else's", "UBOB", "T1", "order_reason",
			m{"order": string(aliceOrder), "channel": "CMATH"},
			why, purchase.NotYours,
		},
		{
			"to give a reason in another channel", "UALICE", "T1", "order_reason",
			m{"order": string(aliceOrder), "channel": "COTHER"},
			why, purchase.Elsewhere,
		},
		{
			"to give a reason twice", "UALICE", "T1", "order_reason",
			m{"order": string(aliceAwaiting), "channel": "CMATH"},
			why,
			purchase.AlreadyDone,
		},
		{
			"to give a reason as a guest", "UGUEST", "T1", "order_reason",
			m{"order": string(guestOrder), "channel": "CMATH"},
			why, purchase.Outsider,
		},
		{"to give no reason", "UALICE", "T1", "order_reason", m{"order": string(aliceOrder), "channel": "CMATH"}, m{}, ""},
		{"to give a reason with nonsense", "UALICE", "T1", "order_reason", "[]", why, ""},
		{"to settle with nonsense", "UDANA", "T1", "order_settle", "[]", why, ""},
	}
	c := newFilledHandlerEnv(t)
	for _, s := range cases {
		t.Run(s.name, func(t *testing.T) {
			c.t = t
			before, records := c.state()
			said := c.answer(c.handler.Submission(context.Background(), form(s.who, s.team, s.callback, s.remembered, s.fields)))
			after, recorded := c.state()
			if after != before {
				t.Errorf("got the ledger %s; want %s", after, before)
			}
			if said == "" {
				t.Errorf("answer: got %q, want a text", said)
			}
			if s.code == "" {
				if recorded != records {
					t.Errorf("audit records: got %d, the last %+v; want %d", recorded, c.lastEvent(), records)
				}
				return
			}
			if last := c.lastEvent(); recorded != records+1 || last.Kind != "refused" || last.Note != string(s.code) ||
				last.By != s.who {
				t.Errorf("got %d audit records, the last %+v; want one about %s", recorded-records, last, s.code)
			}
		})
	}
}
