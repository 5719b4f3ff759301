package bot_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/slacksim"
)

// revokedSlack is a Slack that only answers auth.test.
type revokedSlack struct {
	bot.WebAPI
	err atomic.Pointer[error]
}

func (r *revokedSlack) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{}, *r.err.Load()
}

// A bot whose bot token alone is revoked keeps its sockets, but its answers reach no one. After five minutes in which
// Slack only refuses the token, the program ends with the remedy. Time without answers doesn't count, and an accepted
// call starts the five minutes anew.
func TestAccessWatch_Run_RevokedToken(t *testing.T) {
	gone, silence := error(slack.SlackErrorResponse{Err: "token_revoked"}), context.DeadlineExceeded
	var well error
	kind := error(slack.SlackErrorResponse{Err: "not_allowed_token_type"})
	type hour struct {
		says  *error
		lasts time.Duration
	}
	for name, c := range map[string]struct {
		hours []hour
		ends  bool
	}{
		"refused for four minutes":          {[]hour{{&gone, 4 * time.Minute}}, false},
		"refused for six minutes":           {[]hour{{&gone, 6 * time.Minute}}, true},
		"a token of another kind":           {[]hour{{&kind, 6 * time.Minute}}, true},
		"refused once, and no answer since": {[]hour{{&gone, 20 * time.Second}, {&silence, time.Hour}}, false},
		"refused, taken, refused": {[]hour{
			{&gone, 4 * time.Minute},
			{&well, time.Minute},
			{&gone, 4 * time.Minute},
		}, false},
		"refused before and after a silent phase": {[]hour{
			{&gone, time.Minute},
			{&silence, 10 * time.Minute},
			{&gone, time.Minute},
		}, false},
		"refused long enough, with a silence": {[]hour{
			{&gone, 3 * time.Minute},
			{&silence, 10 * time.Minute},
			{&gone, 3 * time.Minute},
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &revokedSlack{}
				access := socket.NewAccess(nil, testLog())
				access.Observe("auth.test", nil)
				access.Observe("chat.update", *c.hours[0].says)
				api.err.Store(c.hours[0].says)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					watch := socket.AccessWatch{Access: access, Slack: api, Audit: newHandlerEnv(t).desk.Process, Log: testLog()}
					ended <- watch.Run(ctx)
				}()
				for _, h := range c.hours {
					api.err.Store(h.says)
					time.Sleep(h.lasts)
				}
				synctest.Wait()
				cancel()
				err := <-ended
				fatal, is := errors.AsType[*socket.FatalError](err)
				if is != c.ends || c.ends && (fatal.Remedy == "" || fatal.Code == "") || !is && err != nil {
					t.Errorf("got %v, want a *FatalError: %t", err, c.ends)
				}
			})
		})
	}
}

// While Slack does not let the bot in, people read that it has lost its access, in the answers that need no token, and
// nothing is bought. It ends by itself.
func TestAccessWatch_Run_PeopleReadOfLoss(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"token_revoked", "account_inactive"} {
		t.Run(code, func(t *testing.T) {
			env := newEnv(t, nil)
			card := env.card()
			// a response URL needs no token
			env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{
				"*":            {Error: code},
				"response_url": {},
			}})
			env.says(slacksim.Bob, "buy ram=8 cpu=1") // whom the bot has not looked up yet: that is how it finds out
			env.sees(slacksim.Bob, "lost access to Slack")
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			env.sees(slacksim.Alice, "lost access to Slack")
			env.checkSpent(0, 0)
			env.slack.SetFaults(slacksim.Faults{})
			env.until(func() bool { _, lost := env.access.Lost(); return !lost })
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			env.becomes(card, "Bought for $63.75")
			env.checkSpent(1, 6375)
		})
	}
}

// One odd answer when Slack renews a connection ends neither the bot nor the sale.
func TestAccessWatch_Run_OneInvalidAuth(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.minUptime = time.Nanosecond }) // each connection counts as steady
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"apps.connections.open": {Error: "invalid_auth", Times: 1}}})
	before := env.slack.Connected()
	env.slack.Disconnect(slacksim.RefreshRequested)
	env.must(env.slack.WaitForReconnect(env.ctx, before))
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	env.checkSpent(1, 6375)
}
