package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"licensebot/cocalc/cocalctest"
	"licensebot/slacksim"
)

const listEndpoint = "licenses/get-managed"

// However many lists people ask for while CoCalc is slow, forms open at once: Slack gives three seconds.
func TestReadLimiter_ListsDontDelayForms(t *testing.T) {
	t.Parallel()
	var others []string // with two lists each, more than there are workers for reads
	env := newEnv(t, func(env *testEnv) {
		for n := range 9 {
			id := fmt.Sprintf("U0READER%d", n)
			env.slack.AddUser(slacksim.User{ID: id, Name: fmt.Sprintf("reader-%d", n)})
			env.slack.Invite(slacksim.General, id)
			env.policy.Buyers[id] = true
			others = append(others, id)
		}
	})
	card := env.card()
	asked := env.cocalc.Counts()[listEndpoint]
	env.cocalc.Inject(cocalctest.Fault{Endpoint: listEndpoint, Effect: cocalctest.Delay, Wait: 6 * time.Second})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			env.must(env.slack.Person(slacksim.Bob).Command(env.ctx, slacksim.General, "/license", "list"))
		})
	}
	// One person waits for two lists at a time, and reads at once why there are not more of them.
	count := func(text string) (n int) {
		for _, m := range env.slack.Person(slacksim.Bob).Messages(slacksim.General) {
			if strings.Contains(m.ContentText(), text) {
				n++
			}
		}
		return n
	}
	env.until(func() bool { return count("still working on your last requests") == 38 })
	for _, id := range append(others, others...) {
		wg.Go(func() { env.must(env.slack.Person(id).Command(env.ctx, slacksim.General, "/license", "list")) })
	}
	wg.Wait()
	began := time.Now()
	env.clicks(slacksim.Alice, card, "Edit")
	if _, err := env.slack.Person(slacksim.Alice).WaitForModal(env.ctx, nil); err != nil ||
		time.Since(began) > 2*time.Second {
		t.Errorf("form: got it after %s (error %v), want at most %v", time.Since(began), err, 2*time.Second)
	}
	env.until(func() bool { return count("No active licenses")+count("no active licenses") == 2 })
	if n := env.cocalc.Counts()[listEndpoint] - asked; n > 2 { // the buyer looks too
		t.Errorf("requests to CoCalc: got %d, want at most 2", n)
	}
}

// Who waits for two lists that CoCalc is slow to tell reads the history and the budget all the same: those are in the
// ledger.
func TestReadLimiter_LedgerReadsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newHandlerEnv(t)
		slow := make(chan struct{})
		c.delayLicenses = slow
		typed := func(command string) {
			reply := c.handler.Command(t.Context(), slack.SlashCommand{
				UserID: "UALICE", TeamID: "T1", ChannelID: "CMATH", Text: command,
				ResponseURL: "https://hooks.slack.com/commands/T1/1/x",
			})
			go reply.After(t.Context())
		}
		for range 3 {
			typed("list")
		}
		synctest.Wait()
		if said := c.slack.takeSent(); len(said) != 1 || !strings.Contains(said[0].text,
			"still working on your last requests") {
			t.Errorf("answers to three lists: got %q, want one with %q", said, "still working on your last requests")
		}
		for command, want := range map[string]string{"history": "0 licenses", "budget": "spent"} {
			typed(command)
			synctest.Wait()
			if said := c.slack.takeSent(); len(said) != 1 || !strings.Contains(said[0].text, want) {
				t.Errorf("/license %s: got %q, want one answer with %q", command, said, want)
			}
		}
		close(slow)
		synctest.Wait()
	})
}

// A person who sees two answers can ask the next question, also when Slack has not confirmed the answers yet.
func TestReadLimiter_EndsWithTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newHandlerEnv(t)
		c.slack.blockResponses = make(chan struct{})
		for i, command := range []string{"list", "history", "show " + someLicense} {
			reply := c.handler.Command(t.Context(), slack.SlashCommand{
				UserID: "UALICE", TeamID: "T1", ChannelID: "CMATH", Text: command,
				ResponseURL: "https://hooks.slack.com/commands/T1/1/x",
			})
			go reply.After(t.Context())
			synctest.Wait()
			said := c.slack.takeSent()
			if len(said) != 1 || strings.Contains(said[0].text, "still working") {
				t.Errorf("answer %d, to %s: got %q, want one without %q", i+1, command, said, "still working")
			}
		}
		close(c.slack.blockResponses)
	})
}

// What CoCalc said is shown for a moment.
func TestLicenseCache_List_Fresh(t *testing.T) {
	c := newHandlerEnv(t)
	for _, step := range []struct {
		later time.Duration
		asked int32
	}{{0, 1}, {4 * time.Second, 1}, {2 * time.Second, 2}, {0, 2}} {
		c.now = c.now.Add(step.later)
		said := c.answer(c.handler.Command(t.Context(), slack.SlashCommand{
			UserID: "UALICE", TeamID: "T1", ChannelID: "CMATH",
			Text: "list",
		}))
		if n := c.licenseReads.Load(); !strings.Contains(said, "1 active license") || n != step.asked {
			t.Errorf("%s later: got %d requests to CoCalc and the list %q, want %d", step.later, n, said, step.asked)
		}
	}
}

// It is not shown beyond a purchase.
func TestLicenseCache_List_AfterPurchase(t *testing.T) {
	t.Parallel()
	env := newEnv(t, nil)
	card := env.card()
	env.says(slacksim.Alice, "list")
	env.until(func() bool {
		return slices.ContainsFunc(env.ephemeralMessages(slacksim.Alice), func(m slacksim.Message) bool {
			return strings.Contains(strings.ToLower(m.ContentText()), "no active licenses")
		})
	})
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.says(slacksim.Alice, "list")
	env.sees(slacksim.Alice, "1 active license")
}
