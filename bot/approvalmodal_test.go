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
func withApprovers(env *testEnv) {
	env.approvals = theDesk
	env.policy.Approvers = map[string]bool{slacksim.Alice: true, slacksim.Bob: true, slacksim.Carol: true}
	env.slack.AddChannel(slacksim.Channel{
		ID: theDesk, Name: "approvals",
		Members: []string{slacksim.Alice, slacksim.Bob, slacksim.Carol, env.slack.App().BotUserID},
	})
}

// requestApproval requests the standard license as alice, and waits for her card and the approvers'.
func (env *testEnv) requestApproval() (card, ask slacksim.Message) {
	env.t.Helper()
	env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
	card = env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
	env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
	ask = env.seesIn(slacksim.Bob, theDesk, "requests a CoCalc license for $63.75 a month")
	return env.becomes(card, "Waiting for approval"), ask
}

// seesIn waits until a person sees a message with the text in a channel.
func (env *testEnv) seesIn(who, channel, text string) slacksim.Message {
	env.t.Helper()
	m, err := env.slack.Person(who).WaitForText(env.ctx, channel, text)
	env.must(err)
	return m
}

// cardBecomes waits until a message in the approvers' channel has changed to one with the text.
func (env *testEnv) cardBecomes(m slacksim.Message, text string) slacksim.Message {
	env.t.Helper()
	now, err := env.slack.Person(slacksim.Bob).WaitForUpdate(env.ctx, m, func(m slacksim.Message) bool {
		return strings.Contains(m.ContentText(), text)
	})
	env.must(err)
	return now
}

// orders returns all orders of the ledger.
func (env *testEnv) orders() (all []purchase.Order) {
	env.t.Helper()
	env.must(env.ledger.View(env.ctx, func(r purchase.Reader) (err error) {
		all, err = r.Orders("", 1000)
		return err
	}))
	return all
}

// hasDecided reports whether a person has approved an order.
func (env *testEnv) hasDecided(who string) bool {
	return slices.ContainsFunc(env.orders(), func(o purchase.Order) bool {
		return slices.ContainsFunc(o.Approvals, func(a purchase.Approval) bool { return a.By.ID == who })
	})
}

func TestHandler_Approve(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card, ask := env.requestApproval()
	checkContains(t, card, "in <#"+theDesk+">", "Your reason: winter school")
	checkContains(t, ask, "Reason: winter school", "$765.00 if it keeps renewing",
		"$0.00 spent\n$63.75 reserved (including this order)", "No matching license is active")
	env.clicks(slacksim.Alice, ask, "Approve")
	env.seesIn(slacksim.Alice, theDesk, "You can't approve your own order. Another approver has to.")
	env.waitForRefusal(slacksim.Alice, purchase.OwnOrder)
	env.clicks(slacksim.Bob, ask, "Approve")
	checkContains(t, env.becomes(card, "Bought for $63.75"), "approved by <@"+slacksim.Bob+">")
	done := env.cardBecomes(ask, "Bought for $63.75")
	if checkContains(t, done, "<@"+slacksim.Bob+"> approved", "winter school"); len(done.Buttons()) > 0 {
		t.Errorf("approvers' buttons: got %v, want none", done.Buttons())
	}
	env.clicks(slacksim.Carol, ask, "Approve") // on a screen that lags behind
	env.seesIn(slacksim.Carol, theDesk, "This order was already decided: bob approved it on ")
	env.clicks(slacksim.Carol, ask, "Deny")
	env.until(func() bool { return len(env.events("refused")) == 3 })
	env.checkSpent(1, 6375)
}

func TestHandler_SubmitDenial(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card, ask := env.requestApproval()
	carol := env.slack.Person(slacksim.Carol)
	env.clicks(slacksim.Carol, ask, "Deny")
	modal, err := carol.WaitForModal(env.ctx, nil)
	env.must(err)
	if problems, err := carol.Submit(env.ctx); err != nil || problems["reason"] == "" {
		t.Errorf("without a reason: got %v, %v; want a problem of the reason", problems, err)
	}
	env.must(carol.Fill(env.ctx, modal, "Reason", "there is *one* already"))
	if problems, err := carol.Submit(env.ctx); err != nil || len(problems) > 0 {
		t.Fatalf("got problems %v (error %v), want none", problems, err)
	}
	checkContains(t, env.becomes(card, "Denied"), "<@"+slacksim.Carol+"> denied it", "there is *one* already",
		"Nothing was charged")
	if done := env.cardBecomes(ask, "denied it"); len(done.Buttons()) > 0 {
		t.Errorf("approvers' buttons: got %v, want none", done.Buttons())
	}
	env.clicks(slacksim.Bob, ask, "Approve")
	env.seesIn(slacksim.Bob, theDesk, "carol denied it")
	env.checkSpent(0, 0)
}

// Two have to agree; the second is on the phone and types.
func TestHandler_Approve_TwoNeeded(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); env.policy.Approvals = 2 })
	card, ask := env.requestApproval()
	checkContains(t, ask, "Needs 2 approvals (0 so far)")
	env.clicks(slacksim.Bob, ask, "Approve")
	env.cardBecomes(ask, "Needs 2 approvals (1 so far)")
	card = env.becomes(card, "Needs 2 approvals (1 so far)")
	checkContains(t, card, "<@"+slacksim.Bob+"> approved")
	env.clicks(slacksim.Bob, ask, "Approve")
	env.seesIn(slacksim.Bob, theDesk, "You've already approved this order. It needs 1 more approval.")
	env.says(slacksim.Carol, "approve "+orderIDBlock.FindString(card.ContentText()))
	env.sees(slacksim.Carol, "It's being bought now")
	checkContains(t, env.becomes(card, "Bought for $63.75"), "approved by <@"+slacksim.Bob+"> and <@"+slacksim.Carol+">")
	env.checkSpent(1, 6375)
}

// Without a reason the yes leads to a form that asks for it.
func TestHandler_SubmitReason(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card := env.card()
	checkContains(t, card, "This order needs approval")
	env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
	alice := env.slack.Person(slacksim.Alice)
	modal, err := alice.WaitForModal(env.ctx, nil)
	env.must(err)
	checkContains(t, env.becomes(card, "This order needs approval"), "You won't be charged unless it's approved")
	env.must(alice.Fill(env.ctx, modal, "Reason", "winter school"))
	if problems, err := alice.Submit(env.ctx); err != nil || len(problems) > 0 {
		t.Fatalf("got problems %v (error %v), want none", problems, err)
	}
	card = env.becomes(card, "Waiting for approval")
	ask := env.seesIn(slacksim.Bob, theDesk, "Reason: winter school")
	env.says(slacksim.Bob, "deny "+orderIDBlock.FindString(card.ContentText())+" not this year")
	env.sees(slacksim.Bob, "Denied. <@"+slacksim.Alice+"> gets your reason")
	env.becomes(card, "not this year")
	env.cardBecomes(ask, "not this year")
	env.checkSpent(0, 0)
}

func TestHandler_Cancel_AwaitingApproval(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	card, ask := env.requestApproval()
	env.clicks(slacksim.Alice, card, "Withdraw")
	env.becomes(card, "Request withdrawn. Nothing was charged")
	if done := env.cardBecomes(ask, "Withdrawn"); len(done.Buttons()) > 0 {
		t.Errorf("approvers' buttons: got %v, want none", done.Buttons())
	}
	env.clicks(slacksim.Bob, ask, "Approve")
	env.seesIn(slacksim.Bob, theDesk, "can no longer be approved or denied: alice withdrew it")
	env.checkSpent(0, 0)
}

// No one decides: one reminder, and then the order is over. It is reminded of once, also over a restart.
func TestPublisher_Run_ApprovalExpires(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); env.timing.Approval = 3 * time.Second })
	card, ask := env.requestApproval()
	checkContains(t, env.seesIn(slacksim.Bob, theDesk, "An order is waiting for approval"),
		"/license approve "+orderIDBlock.FindString(card.ContentText()), "alice has been waiting")
	env.restart()
	env.becomes(card, "No one approved this in time")
	if done := env.cardBecomes(ask, "Expired"); len(done.Buttons()) > 0 {
		t.Errorf("approvers' buttons: got %v, want none", done.Buttons())
	}
	env.clicks(slacksim.Bob, ask, "Approve")
	env.seesIn(slacksim.Bob, theDesk, "can no longer be approved or denied: it expired on")
	reminders := 0
	for _, m := range env.slack.Messages(theDesk) {
		if strings.Contains(m.ContentText(), "An order is waiting for approval") {
			reminders++
		}
	}
	if reminders != 1 {
		t.Errorf("reminders: got %d, want 1", reminders)
	}
	env.checkSpent(0, 0)
}

// No one's approval covers a higher price: the requester says yes to it, and the approvers are asked again.
func TestHandler_Action_NewPriceNeedsApproval(t *testing.T) {
	t.Parallel()
	env := newEnv(t, withApprovers)
	env.inject("price-moved")
	card, ask := env.requestApproval()
	env.clicks(slacksim.Bob, ask, "Approve")
	card = env.becomes(card, "Not bought.")
	env.cardBecomes(ask, "The approval doesn't cover the new price")
	env.clicks(slacksim.Alice, card, "Request approval ($70.13)")
	card = env.becomes(card, "Waiting for approval: a license for $70.13")
	again := env.seesIn(slacksim.Carol, theDesk, "requests a CoCalc license for $70.13 a month")
	env.clicks(slacksim.Carol, again, "Approve")
	env.becomes(card, "Bought for $70.13")
	env.cardBecomes(again, "Bought for $70.13")
	env.checkSpent(1, 7013)
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
			env := newEnv(t, func(env *testEnv) {
				withApprovers(env)
				env.approvals = c.channel
				env.slack.Archive(theDesk, true)
			})
			env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
			card := env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
			env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
			checkContains(t, env.becomes(card, "Not bought."), "This order needs approval, but ", c.says)
			env.checkSpent(0, 0)
		})
	}
}

// A Slack that takes no message for a moment is no reason to end an order: it is tried again. A card that someone
// deleted is posted anew while it can be decided on.
func TestPublisher_PublishApproval_Retried(t *testing.T) {
	t.Parallel()
	const dora = "U0DORA"
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.Approvals, env.policy.Approvers[dora] = 3, true
		env.slack.AddUser(slacksim.User{ID: dora, Name: "dora"})
		env.slack.Invite(slacksim.General, dora)
	})
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.postMessage": {Error: "internal_error", Times: 1}}})
	card, ask := env.requestApproval()
	env.clicks(slacksim.Bob, ask, "Approve")
	ask = env.cardBecomes(ask, "1 so far")
	api := slack.New(env.slack.BotToken(), slack.OptionAPIURL(env.slackURL))
	_, _, err := api.DeleteMessageContext(env.ctx, theDesk, ask.TS) // someone tidies up
	env.must(err)
	env.says(dora, "approve "+orderIDBlock.FindString(card.ContentText()))
	again, err := env.slack.Person(slacksim.Carol).WaitForMessage(env.ctx, theDesk, func(m slacksim.Message) bool {
		return m.TS != ask.TS && strings.Contains(m.ContentText(), "2 so far")
	})
	env.must(err)
	env.clicks(slacksim.Carol, again, "Approve")
	env.becomes(card, "Bought for $63.75")
	env.cardBecomes(again, "Bought for $63.75")
	env.checkSpent(1, 6375)
}

// Rights come from user groups, and are looked at again at the last yes: a requester who has left the group by then
// gets nothing. Guests do not decide, whatever the lists say.
func TestHandler_Approve_ByGroup(t *testing.T) {
	t.Parallel()
	const guest = "U0GUEST"
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		env.policy.Buyers, env.policy.Approvers = map[string]bool{"S0BUYERS": true}, map[string]bool{"S0BOSSES": true}
		env.slack.AddUser(slacksim.User{ID: guest, Name: "gina", Restricted: true})
		env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BUYERS", Users: []string{slacksim.Alice}},
			slacksim.UserGroup{ID: "S0BOSSES", Users: []string{slacksim.Bob, guest}})
	})
	env.says(slacksim.Bob, "buy ram=16 cpu=2")
	env.sees(slacksim.Bob, "You aren't on the list of people who can buy")
	card, ask := env.requestApproval()
	env.slack.Invite(theDesk, guest) // cards that were posted before are read by those who join later
	env.clicks(guest, ask, "Approve")
	env.seesIn(guest, theDesk, "Guests can't buy or approve licenses")
	env.waitForRefusal(guest, purchase.Outsider)
	env.clicks(slacksim.Carol, ask, "Approve")
	env.seesIn(slacksim.Carol, theDesk, "Only approvers can approve or deny this order")
	env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BUYERS"},
		slacksim.UserGroup{ID: "S0BOSSES", Users: []string{slacksim.Bob}})
	env.restart() // what Slack said before is forgotten
	env.clicks(slacksim.Bob, ask, "Approve")
	checkContains(t, env.becomes(card, "Not bought."), "You aren't on the list of people who can buy")
	env.cardBecomes(ask, "Not bought.")
	env.checkSpent(0, 0)
}

// Many approvers click in the same second, some yes and some no, on several orders: each order is decided once, and
// everyone is answered.
func TestHandler_Approve_AtTheSameTime(t *testing.T) {
	t.Parallel()
	const people, licenses = 30, 3
	var bosses []string
	env := newEnv(t, func(env *testEnv) {
		withApprovers(env)
		for i := range people {
			id := fmt.Sprintf("U0BOSS%02d", i)
			bosses = append(bosses, id)
			env.slack.AddUser(slacksim.User{ID: id, Name: fmt.Sprintf("boss%02d", i)})
			env.slack.Invite(theDesk, id)
			env.slack.Invite(slacksim.General, id)
		}
		env.slack.SetUserGroups(slacksim.UserGroup{ID: "S0BOSSES", Users: bosses})
		env.policy.Approvers = map[string]bool{"S0BOSSES": true}
	})
	var asked []slacksim.Message
	var ids []string
	for i := range licenses {
		env.says(slacksim.Alice, fmt.Sprintf(`buy ram=%d cpu=1 reason="course"`, i+1))
		card := env.sees(slacksim.Alice, fmt.Sprintf("%d GB RAM · 1 core", i+1))
		env.must(env.slack.Person(slacksim.Alice).Click(env.ctx, card, "order_buy"))
		ask := env.seesIn(slacksim.Bob, theDesk, fmt.Sprintf("%d GB RAM · 1 core", i+1))
		asked = append(asked, ask)
		ids = append(ids, orderIDBlock.FindString(ask.ContentText()))
	}
	var crowd sync.WaitGroup
	for i, who := range bosses {
		crowd.Go(func() {
			person, where := env.slack.Person(who), theDesk
			decide := func() error { return person.Click(env.ctx, asked[(i+i/3)%licenses], "Approve") }
			if i%3 == 0 {
				where = slacksim.General
				decide = func() error {
					return person.Command(env.ctx, slacksim.General, "/license", "deny "+ids[i%licenses]+" no money")
				}
			}
			for range 2 { // a Slack that is slow to say who someone is has them try again
				if err := decide(); err != nil {
					t.Errorf("%s: got error %v, want none", who, err)
				}
				if env.hasDecided(who) {
					return
				}
				m, err := person.WaitForMessage(env.ctx, where, func(m slacksim.Message) bool { return m.OnlyFor == who })
				if err != nil {
					t.Errorf("answer to %s: got error %v, want none", who, err)
				}
				if !strings.Contains(m.ContentText(), "Slack didn't tell me") {
					if !strings.Contains(m.ContentText(), "This order was already decided") {
						t.Errorf("%s: got %q, want %q in it", who, m.ContentText(), "This order was already decided")
					}
					return
				}
			}
		})
	}
	crowd.Wait()
	for _, o := range env.orders() {
		if len(o.Approvals) != 1 {
			t.Errorf("approvals of order %s: got %+v, want 1", o.ID, o.Approvals)
		}
	}
	for _, ask := range asked {
		_, err := env.slack.Person(slacksim.Bob).WaitForUpdate(env.ctx, ask, func(m slacksim.Message) bool {
			return len(m.Buttons()) == 0
		})
		env.must(err)
	}
}

// The budget is shown with charts where the workspace takes them, and in words where it does not.
func TestHandler_ShowBudget(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.says(slacksim.Alice, "budget")
	m := env.sees(slacksim.Alice, "$63.75 spent, *$936.25 of $1,000.00 left*")
	checkContains(t, m, "<@"+slacksim.Alice+">: $63.75 spent",
		"1 active subscription on the CoCalc account, $63.75 a month")
	if !strings.Contains(string(m.Blocks), "data_visualization") {
		t.Errorf("got %s\nwant the chart %q in it", m.Blocks, "data_visualization")
	}
	env.slack.SetFaults(slacksim.Faults{NoNewBlocks: true})
	env.says(slacksim.Bob, "budget")
	m = env.sees(slacksim.Bob, "$63.75 spent, *$936.25 of $1,000.00 left*")
	if strings.Contains(string(m.Blocks), "data_visualization") {
		t.Errorf("got %s\nwant no chart %q", m.Blocks, "data_visualization")
	}
}
