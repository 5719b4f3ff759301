package bot_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// money finds amounts, and license ids as channels show them.
var money = regexp.MustCompile(`\$\d|License \x60`)

// gus is a guest of #general, and of the approvers' channel where a test lets them in.
const gus = "U0GUS"

func withGuest(env *testEnv, channels ...string) {
	env.slack.AddUser(slacksim.User{ID: gus, Name: "gus", Restricted: true})
	for _, channel := range channels {
		env.slack.Invite(channel, gus)
	}
}

// checkNoAmounts fails if the guest reads an amount in one of the channels.
func (env *testEnv) checkNoAmounts(t *testing.T, channels ...string) {
	t.Helper()
	for _, channel := range channels {
		for _, m := range env.slack.Person(gus).Messages(channel) {
			if text := m.ContentText(); money.MatchString(text) {
				t.Errorf("a guest's messages in %s: got %s, want no match of %s", channel, text, money)
			}
		}
	}
}

// Guests see no money: in a channel that a guest reads, or that is shared with another organization, the line about a
// purchase names no price and no license, and admins are told why.
func TestPublisher_PublishLine_ChannelWithOutsiders(t *testing.T) {
	for name, c := range map[string]struct {
		adjust func(*testEnv)
		why    string // to the admins
	}{
		"a guest is in it": {
			func(env *testEnv) { withGuest(env, slacksim.General) },
			"Guests or people from other workspaces are in this channel",
		},
		"someone of another workspace is in it": {func(env *testEnv) {
			env.slack.AddUser(slacksim.User{ID: gus, Name: "gus", TeamID: "T0ELSE"})
			env.slack.Invite(slacksim.General, gus)
		}, "Guests or people from other workspaces are in this channel"},
		"it is shared with another organization": {func(env *testEnv) {
			general, _ := env.slack.Channel(slacksim.General)
			general.ExtShared = true
			env.slack.AddChannel(general)
		}, "This channel is shared with another organization"},
		"another organization is invited": {func(env *testEnv) {
			general, _ := env.slack.Channel(slacksim.General)
			general.PendingExtShared = true
			env.slack.AddChannel(general)
		}, "This channel is shared with another organization"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(env *testEnv) {
				env.policy.Admins = map[string]bool{slacksim.Carol: true}
				c.adjust(env)
			})
			card := env.card()
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			env.becomes(card, "Bought for $63.75")
			line := env.sees(slacksim.Bob, "bought a CoCalc license. Details: ")
			if text := line.ContentText(); money.MatchString(text) {
				t.Errorf("line: got %s, want no match of %s", text, money)
			}
			checkContains(t, env.seesIn(slacksim.Carol, env.slack.DM(slacksim.Carol), "A channel gets no prices"), c.why,
				"<#"+slacksim.General+">")
			env.checkNoAmounts(t, slacksim.General)
			env.checkSpent(1, 6375)
		})
	}
}

// Members of the workspace alone read the channel, and apps, which admins let in: the line names the price.
func TestPublisher_PublishLine_MembersAndApps(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		env.slack.AddUser(slacksim.User{ID: "U0APP2", Name: "calendar", Bot: true})
		env.slack.Invite(slacksim.General, "U0APP2")
	})
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	line := env.sees(slacksim.Bob, "bought a CoCalc license for $63.75 a month")
	checkNoWholeIDs(t, line)
	checkContains(t, line, purchase.ShortID(env.account.Licenses()[0].ID))
}

// A channel of many is looked up with the list of the workspace, and a guest is found among them.
func TestPeople_AudienceOf_LargeChannel(t *testing.T) {
	t.Parallel()
	for name, guests := range map[string]bool{"members alone": false, "with a guest": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(env *testEnv) {
				for i := range 1500 {
					id := fmt.Sprintf("U0M%04d", i)
					env.slack.AddUser(slacksim.User{ID: id, Name: id, Restricted: guests && i == 1400})
					env.slack.Invite(slacksim.General, id)
				}
			})
			card := env.card()
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			want := "bought a CoCalc license for $63.75 a month"
			if guests {
				want = "bought a CoCalc license. Details: "
			}
			env.sees(slacksim.Bob, want)
			asked := 0
			for _, c := range env.slack.Calls() {
				if c.Method == "users.info" {
					asked++
				}
			}
			if asked > 5 {
				t.Errorf("people looked up one by one: got %d, want at most 5", asked)
			}
		})
	}
}

// An app that was installed before it needed the scopes sells licenses; channels get no prices until it is installed
// again.
func TestPeople_AudienceOf_MissingScope(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		env.policy.Admins = map[string]bool{slacksim.Carol: true}
		env.slack.SetFaults(
			slacksim.Faults{Methods: map[string]slacksim.MethodFault{"conversations.members": {Error: "missing_scope"}}})
	})
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.sees(slacksim.Bob, "bought a CoCalc license. Details: ")
	checkContains(t, env.seesIn(slacksim.Carol, env.slack.DM(slacksim.Carol), "A channel gets no prices"),
		"Reinstall the app")
	env.checkSpent(1, 6375) // buying is not paused by it
}

// The receipt does not wait for Slack to tell who reads the channel.
func TestPublisher_PublishCard_AudienceUnknown(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	card := env.card()
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"conversations.info": {Delay: 8 * time.Second}}})
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	for _, m := range env.slack.Messages(slacksim.General) { // still waiting for the answer
		if strings.Contains(m.ContentText(), "bought a CoCalc license") {
			t.Errorf("message before the receipt: got %s, want no %q", m.ContentText(), "bought a CoCalc license")
		}
	}
	env.slack.SetFaults(slacksim.Faults{})
	env.sees(slacksim.Bob, "bought a CoCalc license for $63.75 a month")
}

// Approvers whose channel a guest reads are asked in direct messages; the channel reads that, without the price and
// without buttons, and what became of it.
func TestPublisher_PublishApproval_ChannelWithGuest(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); withGuest(env, theDesk) })
	env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
	card := env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
	env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
	env.becomes(card, "Waiting for approval")
	ask := env.seesIn(slacksim.Bob, theDesk, "requested a CoCalc license.")
	if len(ask.Buttons()) > 0 {
		t.Errorf("buttons in the channel: got %v, want none", ask.Buttons())
	}
	for _, who := range []string{slacksim.Bob, slacksim.Carol} {
		checkContains(t, env.seesIn(who, env.slack.DM(who), "An order needs your approval"), "$63.75", "winter school",
			"/license approve ")
	}
	id := string(env.orders()[0].ID)
	env.must(env.slack.Person(slacksim.Bob).Command(env.ctx, env.slack.DM(slacksim.Bob), "/license", "approve "+id))
	env.becomes(card, "Bought for $63.75")
	env.cardBecomes(ask, "Bought.")
	env.checkNoAmounts(t, theDesk)
	for _, m := range env.slack.Person(slacksim.Alice).Messages(env.slack.DM(slacksim.Alice)) {
		if strings.Contains(m.ContentText(), "needs your approval") {
			t.Errorf("the requester's messages: got %s, want no %q", m.ContentText(), "needs your approval")
		}
	}
	env.checkSpent(1, 6375)
}

// What happened on the account is announced in a channel with a guest, and its details go to the admins alone.
func TestPublisher_NoticeFor_ChannelWithGuest(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		env.policy.Admins = map[string]bool{slacksim.Carol: true}
		env.channel = slacksim.General
		withGuest(env, slacksim.General)
	})
	env.says(slacksim.Carol, "pause the invoice of $999.00 is disputed")
	env.sees(slacksim.Bob, "Details aren't posted in this channel")
	env.must(env.ledger.Update(env.ctx, func(tx purchase.Writer) error {
		account, err := tx.Account()
		if err != nil {
			return err
		}
		account.Notifications = append(account.Notifications, purchase.Notification{
			ID: "foreign-7", Kind: purchase.NotificationForeign, Time: time.Now(),
			Cause: purchase.Cause{
				Code: purchase.NotificationForeign,
				Args: purchase.Args{"license": "x", "purchase": "7", "amount": "1234"},
			}, Pending: []string{slacksim.General},
		})
		return tx.PutAccount(account)
	}))
	env.says(slacksim.Carol, "resume") // which has the publisher look
	checkContains(t, env.seesIn(slacksim.Carol, env.slack.DM(slacksim.Carol), "A purchase made outside this bot"),
		"$12.34")
	env.sees(slacksim.Bob, "A purchase made outside this bot")
	env.checkNoAmounts(t, slacksim.General)
}

// A guest among the admins of the settings gets no notices, and the audit says so.
func TestPublisher_OutsiderReason_GuestAmongAdmins(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withGuest(env)
		env.policy.Admins = map[string]bool{slacksim.Carol: true, slacksim.Bob: true, gus: true}
	})
	env.says(slacksim.Carol, "pause the invoice of $999.00 is disputed")
	env.seesIn(slacksim.Bob, env.slack.DM(slacksim.Bob), "$999.00")
	env.until(func() bool { return len(env.events("untold")) == 1 })
	if e := env.events("untold")[0]; e.Place != gus || !strings.Contains(e.Note, "guest") {
		t.Errorf("audit record: got %+v, want the place %v and a note with %q", e, gus, "guest")
	}
	env.checkNoAmounts(t, env.slack.DM(gus))
}

// countDirectRequests counts the direct messages in which a person was asked to approve.
func (env *testEnv) countDirectRequests(who string) (n int) {
	for _, m := range env.slack.Person(who).Messages(env.slack.DM(who)) {
		if strings.Contains(m.ContentText(), "An order needs your approval") {
			n++
		}
	}
	return n
}

// A guest joins the approvals channel after a card was posted there. The card loses its buttons with the next approval;
// approvers are asked in direct messages, once. When the guest has left, the card has its buttons again.
func TestPublisher_PublishApproval_GuestJoins(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); env.policy.Approvals = 2 })
	_, ask := env.requestApproval()
	withGuest(env, theDesk)
	env.restart() // so that Slack is asked again
	env.clicks(slacksim.Bob, ask, "Approve")
	ask = env.cardBecomes(ask, "I've sent you the details in a direct message")
	for _, who := range []string{slacksim.Bob, slacksim.Carol} {
		checkContains(t, env.seesIn(who, env.slack.DM(who), "An order needs your approval"), "$63.75", "winter school")
	}
	env.slack.Kick(theDesk, gus)
	env.restart()
	env.says(slacksim.Bob, `buy ram=8 cpu=2 reason="another one"`) // whose card has the bot look at the channel
	other := env.sees(slacksim.Bob, "A CoCalc license for")
	env.clicks(slacksim.Bob, other, "Request approval ($48.75)")
	ask = env.cardBecomes(ask, "requests a CoCalc license for $63.75 a month")
	if buttons := ask.Buttons(); len(buttons) != 2 {
		t.Errorf("buttons of the card: got %v, want 2", buttons)
	}
	if n := env.countDirectRequests(slacksim.Carol); n != 1 {
		t.Errorf("direct requests: got %d, want 1", n)
	}
	// The guest comes back. Approvers have been asked about this order, so only the other one is new to them.
	withGuest(env, theDesk)
	env.restart()
	env.says(slacksim.Bob, `buy ram=4 cpu=1 reason="a third one"`)
	third := env.seesNew(slacksim.Bob, "A CoCalc license for", other)
	env.clicks(slacksim.Bob, third, "Request approval ($26.25)")
	env.cardBecomes(ask, "I've sent you the details in a direct message")
	env.until(func() bool {
		for _, o := range env.orders() {
			if o.AskedDirectly.IsZero() {
				return false
			}
		}
		left, err := env.desk.Outbox.PendingNotifications(env.ctx)
		env.must(err)
		return len(left) == 0
	})
	if n := env.countDirectRequests(slacksim.Carol); n != len(env.orders()) {
		t.Errorf("got %d direct requests, want %d", n, len(env.orders()))
	}
}

// While Slack doesn't tell who reads the channel, a posted card keeps its buttons, however long ago it was posted.
func TestPublisher_PublishApproval_AudienceUnknown(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); env.policy.Approvals = 2 })
	_, ask := env.requestApproval()
	id := env.orders()[0].ID
	env.stop()
	ledger, err := storage.Open(env.database)
	env.must(err)
	env.must(ledger.Update(env.ctx, func(tx purchase.Writer) error {
		o, err := tx.Order(id)
		if err != nil {
			return err
		}
		o.Updated = time.Now().Add(-time.Hour)
		o.Message(purchase.MessageAsk).PublishedRev = 0
		return tx.PutOrder(o)
	}))
	env.must(ledger.Close())
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"conversations.info": {Error: "internal_error"}}})
	env.start()
	env.until(func() bool { // the publisher has asked, and asks again
		asked := 0
		for _, c := range env.slack.Calls() {
			if c.Method == "conversations.info" && c.Error != "" {
				asked++
			}
		}
		return asked >= 2
	})
	if o := env.orders()[0]; o.Message(purchase.MessageAsk).PublishedRev == o.Rev {
		t.Errorf("got the card published at revision %d of %d, want an older one, since its readers are unknown",
			o.Message(purchase.MessageAsk).PublishedRev, o.Rev)
	}
	for _, m := range env.slack.Person(slacksim.Bob).Messages(theDesk) {
		if m.TS == ask.TS && len(m.Buttons()) != 2 {
			t.Errorf("got the card %s, want two buttons", m.ContentText())
		}
	}
}

// The bot is not in the approvals channel: the order ends, and approvers are asked nothing. A post that Slack takes
// only later asks them once.
func TestPublisher_PublishApproval_AskedDirectlyAfterPost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacksim.MethodFault{
		"refused": {Error: "not_in_channel"}, "late": {Error: "internal_error", Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, func(env *testEnv) { withApprovers(env); withGuest(env, theDesk) })
			env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
			card := env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
			env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.postMessage": fault}})
			env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
			want := 0
			if name == "late" {
				want = 1
				env.seesIn(slacksim.Carol, env.slack.DM(slacksim.Carol), "An order needs your approval")
			} else {
				env.until(func() bool { return env.orders()[0].State == purchase.Failed })
				env.slack.SetFaults(slacksim.Faults{})
			}
			env.until(func() bool {
				left, err := env.desk.Outbox.PendingNotifications(env.ctx)
				env.must(err)
				return len(left) == 0
			})
			if n := env.countDirectRequests(slacksim.Carol); n != want {
				t.Errorf("direct requests: got %d, want %d", n, want)
			}
		})
	}
}

// An order that was decided before its approvers were asked directly is not asked about any more.
func TestPublisher_PublishApproval_DecidedOrder(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { withApprovers(env); withGuest(env, theDesk) })
	env.says(slacksim.Alice, `buy ram=16 cpu=2 reason="winter school"`)
	card := env.sees(slacksim.Alice, "A CoCalc license for $63.75 a month")
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"conversations.open": {Error: "internal_error"}}})
	env.clicks(slacksim.Alice, card, "Request approval ($63.75)")
	env.seesIn(slacksim.Bob, theDesk, "requested a CoCalc license.")
	env.until(func() bool { return !env.orders()[0].AskedDirectly.IsZero() })
	env.must(env.slack.Person(slacksim.Bob).Command(env.ctx, slacksim.General, "/license",
		"approve "+string(env.orders()[0].ID)))
	env.becomes(card, "Bought for $63.75")
	env.slack.SetFaults(slacksim.Faults{})
	env.until(func() bool {
		notices, err := env.desk.Outbox.PendingNotifications(env.ctx)
		return err == nil && len(notices) == 0
	})
	if n := env.countDirectRequests(slacksim.Carol); n != 0 {
		t.Errorf("direct requests: got %d, want 0", n)
	}
}
