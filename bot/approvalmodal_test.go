package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/slacksim"
)

// theDesk is the approvers' channel.
const theDesk = "C0DESK"

// withApprovers lets bob and carol, and alice too, decide on everything in a channel of theirs.
func withApprovers(w *env) {
	w.approvals = theDesk
	w.policy.Approvers = map[string]bool{slacksim.Alice: true, slacksim.Bob: true, slacksim.Carol: true}
	w.slack.AddChannel(slacksim.Channel{
		ID: theDesk, Name: "approvals",
		Members: []string{slacksim.Alice, slacksim.Bob, slacksim.Carol, w.slack.App().BotUserID},
	})
}

// requestApproval requests the standard license as alice, and waits for her card and the approvers'.
func (w *env) requestApproval() (card, ask slacksim.Message) {
	w.t.Helper()
	w.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
	card = w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
	w.clicks(slacksim.Alice, card, "Request approval ($63.75)")
	ask = w.seesIn(slacksim.Bob, theDesk, "requests a CoCalc license for $63.75 a month")
	return w.becomes(card, "Waiting for approval"), ask
}

// seesIn waits until a person sees a message with the text in a channel.
func (w *env) seesIn(who, channel, text string) slacksim.Message {
	w.t.Helper()
	m, err := w.slack.Person(who).WaitForText(w.ctx, channel, text)
	w.must(err)
	return m
}

// cardBecomes waits until a message in the approvers' channel has changed to one with the text.
func (w *env) cardBecomes(m slacksim.Message, text string) slacksim.Message {
	w.t.Helper()
	now, err := w.slack.Person(slacksim.Bob).WaitForUpdate(w.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	w.must(err)
	return now
}

// orders returns all orders of the ledger.
func (w *env) orders() (all []purchase.Order) {
	w.t.Helper()
	w.must(w.ledger.View(w.ctx, func(r purchase.Reader) (err error) {
		all, err = r.Orders("", 1000)
		return err
	}))
	return all
}

// hasDecided reports whether a person has approved an order.
func (w *env) hasDecided(who string) bool {
	return slices.ContainsFunc(w.orders(), func(o purchase.Order) bool {
		return slices.ContainsFunc(o.Approvals, func(a purchase.Approval) bool { return a.By.ID == who })
	})
}

func TestHandler_Approve(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card, ask := w.requestApproval()
	checkContains(t, card, "in <#"+theDesk+">", "Your reason: winter school")
	checkContains(t, ask, "Reason: winter school", "$765.00 if it keeps renewing",
		"$0.00 spent\n$63.75 reserved (including this order)", "No matching license is active")
	w.clicks(slacksim.Alice, ask, "Approve")
	w.seesIn(slacksim.Alice, theDesk, "You can't approve your own order. Another approver has to.")
	w.waitForRefusal(slacksim.Alice, purchase.OwnOrder)
	w.clicks(slacksim.Bob, ask, "Approve")
	checkContains(t, w.becomes(card, "Bought for $63.75"), "approved by <@"+slacksim.Bob+">")
	done := w.cardBecomes(ask, "Bought for $63.75")
	if checkContains(t, done, "<@"+slacksim.Bob+"> approved", "winter school"); len(done.Buttons()) > 0 {
		t.Errorf("the approvers still have the buttons %v; want none", done.Buttons())
	}
	w.clicks(slacksim.Carol, ask, "Approve") // on a screen that lags behind
	w.seesIn(slacksim.Carol, theDesk, "This order was already decided: bob approved it on ")
	w.clicks(slacksim.Carol, ask, "Deny")
	w.until(func() bool { return len(w.events("refused")) == 3 })
	w.checkSpent(1, 6375)
}

func TestHandler_SubmitDenial(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card, ask := w.requestApproval()
	carol := w.slack.Person(slacksim.Carol)
	w.clicks(slacksim.Carol, ask, "Deny")
	modal, err := carol.WaitForModal(w.ctx, nil)
	w.must(err)
	if problems, err := carol.Submit(w.ctx); err != nil || problems["reason"] == "" {
		t.Errorf("without a reason: got %v, %v; want a problem of the reason", problems, err)
	}
	w.must(carol.Fill(w.ctx, modal, "Reason", "there is *one* already"))
	if problems, err := carol.Submit(w.ctx); err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v; want no error, len(problems) = 0", problems, err)
	}
	checkContains(t, w.becomes(card, "Denied"), "<@"+slacksim.Carol+"> denied it", "there is *one* already",
		"Nothing was charged")
	if done := w.cardBecomes(ask, "denied it"); len(done.Buttons()) > 0 {
		t.Errorf("the approvers still have the buttons %v; want none", done.Buttons())
	}
	w.clicks(slacksim.Bob, ask, "Approve")
	w.seesIn(slacksim.Bob, theDesk, "carol denied it")
	w.checkSpent(0, 0)
}

// Two have to agree; the second is on the phone and types.
func TestHandler_Approve_TwoNeeded(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { withApprovers(w); w.policy.Approvals = 2 })
	card, ask := w.requestApproval()
	checkContains(t, ask, "Needs 2 approvals (0 so far)")
	w.clicks(slacksim.Bob, ask, "Approve")
	w.cardBecomes(ask, "Needs 2 approvals (1 so far)")
	card = w.becomes(card, "Needs 2 approvals (1 so far)")
	checkContains(t, card, "<@"+slacksim.Bob+"> approved")
	w.clicks(slacksim.Bob, ask, "Approve")
	w.seesIn(slacksim.Bob, theDesk, "You've already approved this order. It needs 1 more approval.")
	w.says(slacksim.Carol, "approve "+orderIDBlock.FindString(card.ContentText()))
	w.sees(slacksim.Carol, "It's being bought now")
	checkContains(t, w.becomes(card, "Bought for $63.75"), "approved by <@"+slacksim.Bob+"> and <@"+slacksim.Carol+">")
	w.checkSpent(1, 6375)
}

// Without a reason the yes leads to a form that asks for it.
func TestHandler_SubmitReason(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card := w.card()
	checkContains(t, card, "This order needs approval")
	w.clicks(slacksim.Alice, card, "Request approval ($63.75)")
	alice := w.slack.Person(slacksim.Alice)
	modal, err := alice.WaitForModal(w.ctx, nil)
	w.must(err)
	checkContains(t, w.becomes(card, "This order needs approval"), "You won't be charged unless it's approved")
	w.must(alice.Fill(w.ctx, modal, "Reason", "winter school"))
	if problems, err := alice.Submit(w.ctx); err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v; want no error, len(problems) = 0", problems, err)
	}
	card = w.becomes(card, "Waiting for approval")
	ask := w.seesIn(slacksim.Bob, theDesk, "Reason: winter school")
	w.says(slacksim.Bob, "deny "+orderIDBlock.FindString(card.ContentText())+" not this year")
	w.sees(slacksim.Bob, "Denied. <@"+slacksim.Alice+"> gets your reason")
	w.becomes(card, "not this year")
	w.cardBecomes(ask, "not this year")
	w.checkSpent(0, 0)
}

func TestHandler_Cancel_AwaitingApproval(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	card, ask := w.requestApproval()
	w.clicks(slacksim.Alice, card, "Withdraw")
	w.becomes(card, "Request withdrawn. Nothing was charged")
	if done := w.cardBecomes(ask, "Withdrawn"); len(done.Buttons()) > 0 {
		t.Errorf("the approvers still have the buttons %v; want none", done.Buttons())
	}
	w.clicks(slacksim.Bob, ask, "Approve")
	w.seesIn(slacksim.Bob, theDesk, "can no longer be approved or denied: alice withdrew it")
	w.checkSpent(0, 0)
}

// No one decides: one reminder, and then the order is over. It is reminded of once, also over a restart.
func TestPublisher_Run_ApprovalExpires(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { withApprovers(w); w.timing.Approval = 3 * time.Second })
	card, ask := w.requestApproval()
	checkContains(t, w.seesIn(slacksim.Bob, theDesk, "An order is waiting for approval"),
		"/license approve "+orderIDBlock.FindString(card.ContentText()), "alice has been waiting")
	w.restart()
	w.becomes(card, "No one approved this in time")
	if done := w.cardBecomes(ask, "Expired"); len(done.Buttons()) > 0 {
		t.Errorf("the approvers still have the buttons %v; want none", done.Buttons())
	}
	w.clicks(slacksim.Bob, ask, "Approve")
	w.seesIn(slacksim.Bob, theDesk, "can no longer be approved or denied: it expired on")
	reminders := 0
	for _, m := range w.slack.Messages(theDesk) {
		if strings.Contains(m.ContentText(), "An order is waiting for approval") {
			reminders++
		}
	}
	if reminders != 1 {
		t.Errorf("%d reminders; want 1", reminders)
	}
	w.checkSpent(0, 0)
}

// No one's approval covers a higher price: the requester says yes to it, and the approvers are asked again.
func TestHandler_Action_NewPriceNeedsApproval(t *testing.T) {
	t.Parallel()
	w := newEnv(t, withApprovers)
	w.inject("price-moved")
	card, ask := w.requestApproval()
	w.clicks(slacksim.Bob, ask, "Approve")
	card = w.becomes(card, "Not bought.")
	w.cardBecomes(ask, "The approval doesn't cover the new price")
	w.clicks(slacksim.Alice, card, "Request approval ($70.13)")
	card = w.becomes(card, "Waiting for approval: a license for $70.13")
	again := w.seesIn(slacksim.Carol, theDesk, "requests a CoCalc license for $70.13 a month")
	w.clicks(slacksim.Carol, again, "Approve")
	w.becomes(card, "Bought for $70.13")
	w.cardBecomes(again, "Bought for $70.13")
	w.checkSpent(1, 7013)
}

// An approvals channel that does not let the bot in is told to the requester, and nothing is spent.
func TestPublisher_PublishApproval_Refused(t *testing.T) {
	for name, c := range map[string]struct {
		channel string
		says    string
	}{
		"a channel that the bot was not invited to": {slacksim.Random, "not_in_channel"},
		"a channel that does not exist":             {"C0NOWHERE", "channel_not_found"},
		"an archived channel":                       {theDesk, "is_archived"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t, func(w *env) { withApprovers(w); w.approvals = c.channel; w.slack.Archive(theDesk, true) })
			w.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
			card := w.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
			w.clicks(slacksim.Alice, card, "Request approval ($63.75)")
			checkContains(t, w.becomes(card, "Not bought."), "This order needs approval, but ", c.says)
			w.checkSpent(0, 0)
		})
	}
}

// A Slack that takes no message for a moment is no reason to end an order: it is tried again. A card that someone
// deleted is posted anew while it can be decided on.
func TestPublisher_PublishApproval_Retried(t *testing.T) {
	t.Parallel()
	const dora = "U0DORA"
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		w.policy.Approvals, w.policy.Approvers[dora] = 3, true
		w.slack.AddUser(slacksim.User{ID: dora, Name: "dora"})
		w.slack.Invite(slacksim.General, dora)
	})
	w.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.postMessage": {Error: "internal_error", Times: 1}}})
	card, ask := w.requestApproval()
	w.clicks(slacksim.Bob, ask, "Approve")
	ask = w.cardBecomes(ask, "1 so far")
	api := slack.New(w.slack.BotToken(), slack.OptionAPIURL(w.slackURL))
	_, _, err := api.DeleteMessageContext(w.ctx, theDesk, ask.TS) // someone tidies up
	w.must(err)
	w.says(dora, "approve "+orderIDBlock.FindString(card.ContentText()))
	again, err := w.slack.Person(slacksim.Carol).WaitForMessage(w.ctx, theDesk, func(m slacksim.Message) bool {
		return m.TS != ask.TS && strings.Contains(m.ContentText(), "2 so far")
	})
	w.must(err)
	w.clicks(slacksim.Carol, again, "Approve")
	w.becomes(card, "Bought for $63.75")
	w.cardBecomes(again, "Bought for $63.75")
	w.checkSpent(1, 6375)
}

// Rights come from user groups, and are looked at again at the last yes: a requester who has left the group by then
// gets nothing. Guests do not decide, whatever the lists say.
func TestHandler_Approve_ByGroup(t *testing.T) {
	t.Parallel()
	const guest = "U0GUEST"
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		w.policy.Buyers, w.policy.Approvers = map[string]bool{"S0BUYERS": true}, map[string]bool{"S0BOSSES": true}
		w.slack.AddUser(slacksim.User{ID: guest, Name: "gina", Restricted: true})
		w.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BUYERS", Users: []string{slacksim.Alice}},
			slacksim.UserGroup{ID: "S0BOSSES", Users: []string{slacksim.Bob, guest}})
	})
	w.says(slacksim.Bob, "buy ram=16 cpu=2")
	w.sees(slacksim.Bob, "You aren't on the list of people who can buy")
	card, ask := w.requestApproval()
	w.slack.Invite(theDesk, guest) // cards that were posted before are read by those who join later
	w.clicks(guest, ask, "Approve")
	w.seesIn(guest, theDesk, "Guests can't buy or approve licenses")
	w.waitForRefusal(guest, purchase.Outsider)
	w.clicks(slacksim.Carol, ask, "Approve")
	w.seesIn(slacksim.Carol, theDesk, "Only approvers can approve or deny this order")
	w.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BUYERS"},
		slacksim.UserGroup{ID: "S0BOSSES", Users: []string{slacksim.Bob}})
	w.restart() // what Slack said before is forgotten
	w.clicks(slacksim.Bob, ask, "Approve")
	checkContains(t, w.becomes(card, "Not bought."), "You aren't on the list of people who can buy")
	w.cardBecomes(ask, "Not bought.")
	w.checkSpent(0, 0)
}

// Many approvers click in the same second, some yes and some no, on several orders: each order is decided once, and
// everyone is answered.
func TestHandler_Approve_AtTheSameTime(t *testing.T) {
	t.Parallel()
	const people, licenses = 30, 3
	var bosses []string
	w := newEnv(t, func(w *env) {
		withApprovers(w)
		for i := range people {
			id := fmt.Sprintf("U0BOSS%02d", i)
			bosses = append(bosses, id)
			w.slack.AddUser(slacksim.User{ID: id, Name: fmt.Sprintf("boss%02d", i)})
			w.slack.Invite(theDesk, id)
			w.slack.Invite(slacksim.General, id)
		}
		w.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BOSSES", Users: bosses})
		w.policy.Approvers = map[string]bool{"S0BOSSES": true}
	})
	var asked []slacksim.Message
	var ids []string
	for i := range licenses {
		w.says(slacksim.Alice, fmt.Sprintf(`buy ram=%d cpu=1 reason="course"`, i+1))
		card := w.sees(slacksim.Alice, fmt.Sprintf("%d GB RAM · 1 core", i+1))
		w.must(w.slack.Person(slacksim.Alice).Click(w.ctx, card, "order_buy"))
		ask := w.seesIn(slacksim.Bob, theDesk, fmt.Sprintf("%d GB RAM · 1 core", i+1))
		asked = append(asked, ask)
		ids = append(ids, orderIDBlock.FindString(ask.ContentText()))
	}
	var crowd sync.WaitGroup
	for i, who := range bosses {
		crowd.Go(func() {
			person, where := w.slack.Person(who), theDesk
			decide := func() error { return person.Click(w.ctx, asked[(i+i/3)%licenses], "Approve") }
			if i%3 == 0 {
				where = slacksim.General
				decide = func() error {
					return person.Command(w.ctx, slacksim.General, "/license", "deny "+ids[i%licenses]+" no money")
				}
			}
			for range 2 { // a Slack that is slow to say who someone is has them try again
				if err := decide(); err != nil {
					t.Errorf("%s: %v; want no error", who, err)
				}
				if w.hasDecided(who) {
					return
				}
				m, err := person.WaitForMessage(w.ctx, where, func(m slacksim.Message) bool { return m.OnlyFor == who })
				if err != nil {
					t.Errorf("%s is not answered: %v; want no error", who, err)
				}
				if !strings.Contains(m.ContentText(), "Slack didn't tell me") {
					if !strings.Contains(m.ContentText(), "This order was already decided") {
						t.Errorf("%s reads %q; want %q in it", who, m.ContentText(), "This order was already decided")
					}
					return
				}
			}
		})
	}
	crowd.Wait()
	for _, o := range w.orders() {
		if len(o.Approvals) != 1 {
			t.Errorf("order %s was decided by %+v; want 1", o.ID, o.Approvals)
		}
	}
	for _, ask := range asked {
		_, err := w.slack.Person(slacksim.Bob).WaitForUpdate(w.ctx, ask, func(m slacksim.Message) bool {
			return len(m.Buttons()) == 0
		})
		w.must(err)
	}
}

// The budget is shown with charts where the workspace takes them, and in words where it does not.
func TestHandler_ShowBudget(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	card := w.card()
	w.clicks(slacksim.Alice, card, "Buy for $63.75")
	w.becomes(card, "Bought for $63.75")
	w.says(slacksim.Alice, "budget")
	m := w.sees(slacksim.Alice, "$63.75 spent, *$936.25 of $1,000.00 left*")
	checkContains(t, m, "<@"+slacksim.Alice+">: $63.75 spent",
		"1 active subscription on the CoCalc account, $63.75 a month")
	if !strings.Contains(string(m.Blocks), "data_visualization") {
		t.Errorf("there is no chart: %s; want %q in it", m.Blocks, "data_visualization")
	}
	w.slack.SetFaults(slacksim.Faults{NoNewBlocks: true})
	w.says(slacksim.Bob, "budget")
	m = w.sees(slacksim.Bob, "$63.75 spent, *$936.25 of $1,000.00 left*")
	if strings.Contains(string(m.Blocks), "data_visualization") {
		t.Errorf("there is a chart where none is taken; want no %q", "data_visualization")
	}
}
