package killtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// upkeepScenarios are about licenses that an earlier run of the bot bought.
func upkeepScenarios() []scenario {
	carol := slacksim.Carol
	return []scenario{
		{"a license of an earlier run", func(env *testEnv) { env.buyEarlier() }, func(env *testEnv) {
			env.waitFor(env.followed())
		}, ending{bought: 1}},
		{"a license was renewed twice at once, changed, and paid back", func(env *testEnv) {
			env.settings["ADMINS"] = carol
			env.buyEarlier()
			s := env.account.Subscriptions()[0]
			env.cocalc.Inject(cocalctest.Fault{
				Endpoint: "purchases/renew-subscription", Effect: cocalctest.Twice, Times: 1,
			})
			env.must(env.post("purchases/renew-subscription", fmt.Sprintf(`{"subscription_id":%d}`, s.ID)))
			env.cocalc.Wait()
			_, err := env.account.EditLicense(s.LicenseID, `{"quantity":2}`)
			env.must(err)
			rows := env.account.Purchases()
			env.must(env.cocalc.Refund(rows[0].ID))
		}, func(env *testEnv) {
			const charged = "CoCalc charged twice"
			env.waitFor(env.messageShown(carol, charged))
			env.click(carol, "I requested the refund")
			env.waitFor(env.messageShown(carol, charged, "is requested"))
		}, ending{bought: 1}},
		{"a subscription was cancelled", func(env *testEnv) {
			env.buyEarlier()
			env.runEarlier(func() { env.waitFor(env.followed()) })
			env.account.CancelSubscription(env.account.Subscriptions()[0].ID)
		}, func(env *testEnv) {
			env.waitFor(env.ownedIs(func(l purchase.OwnedLicense) bool {
				return l.Subscription != nil && l.Subscription.Status == "canceled"
			}))
		}, ending{bought: 1}},
		{"a person ends a subscription", func(env *testEnv) { env.buyEarlier() }, func(env *testEnv) {
			env.decideRenewal("end", "Saves $63.75 a month", "End subscription", "ended the subscription")
			env.sentOnce("cancel", "canceled", "active")
		}, ending{bought: 1}},
		{"CoCalc refuses to end a subscription", func(env *testEnv) {
			env.buyEarlier()
			env.cocalc.Inject(cocalctest.Fault{
				Endpoint: "purchases/cancel-subscription", Effect: cocalctest.Refuse, Text: "no",
			})
		}, func(env *testEnv) {
			env.decideRenewal("end", "Saves $63.75 a month", "End subscription", "but CoCalc refused")
			if sent := env.cocalc.Counts()["purchases/cancel-subscription"]; sent > 1 {
				env.Errorf("got %d requests, want one at most", sent)
			}
		}, ending{bought: 1}},
		{"a person keeps a subscription", func(env *testEnv) {
			env.buyEarlier()
			env.account.CancelSubscription(env.account.Subscriptions()[0].ID)
		}, func(env *testEnv) {
			env.decideRenewal("keep", "Keeping it is free now", "Keep subscription", "kept license")
			env.sentOnce("resume", "active", "canceled")
		}, ending{bought: 1}},
	}
}

// noEffect is what a person reads whose decision was not carried out: the bot was killed after it had stored that it
// sends the request, and before it did.
const noEffect = "doesn't show the change"

// decideRenewal lets alice end or keep the subscription of her license, and waits until she is told the outcome.
func (env *testEnv) decideRenewal(command, question, button, done string) {
	env.Helper()
	license := env.account.Subscriptions()[0].LicenseID
	env.act(func(ctx context.Context) error {
		if err := env.command(slacksim.Alice, command+" "+license)(ctx); err != nil {
			return err
		}
		return env.waitBriefly(ctx, env.messageShown(slacksim.Alice, question))
	})
	env.click(slacksim.Alice, button)
	env.waitFor(env.anyMessageShown(slacksim.Alice, done, noEffect))
}

// sentOnce checks that CoCalc got one request to end or keep the subscription, or none if alice was told so.
func (env *testEnv) sentOnce(request, then, before string) {
	env.Helper()
	sent, status := env.cocalc.Counts()["purchases/"+request+"-subscription"], env.account.Subscriptions()[0].Status
	wantSent, wantStatus := 1, then
	if _, failed := env.findMessage(slacksim.Alice, noEffect); failed {
		wantSent, wantStatus = 0, before
	}
	if sent != wantSent || status != wantStatus {
		env.Errorf("got %d requests to %s and the subscription %s, want %d and %s", sent, request, status, wantSent,
			wantStatus)
	}
}

// buyEarlier lets alice buy a license from a bot that isn't killed before, and is gone then.
func (env *testEnv) buyEarlier() {
	env.Helper()
	env.runEarlier(func() {
		env.requestCard(standard, aCard)
		env.click(slacksim.Alice, yes)
		env.waitFor(env.messageShown(slacksim.Alice, "Bought for"))
		env.waitIdle()
	})
}

// runEarlier runs a bot before the scenario begins. It isn't killed before play ends.
func (env *testEnv) runEarlier(play func()) {
	env.Helper()
	kills := env.kills
	env.kills = nil
	env.start()
	play()
	for _, p := range env.processes {
		p.end()
	}
	env.kills, env.processes, env.last = kills, nil, nil
}

// followed returns what waits until the ledger has a record of the license that was bought.
func (env *testEnv) followed() func(context.Context) error {
	return env.ownedIs(func(purchase.OwnedLicense) bool { return true })
}

// ownedIs returns what waits until the ledger's only record of a license is as it should be.
func (env *testEnv) ownedIs(want func(purchase.OwnedLicense) bool) func(context.Context) error {
	return func(ctx context.Context) error {
		return env.untilLedger(ctx, func(r purchase.Reader) (bool, error) {
			owned, err := r.OwnedAfter("", 2)
			return len(owned) == 1 && want(owned[0]), err
		})
	}
}

// untilLedger waits until the ledger is as it should be.
func (env *testEnv) untilLedger(ctx context.Context, is func(purchase.Reader) (bool, error)) error {
	for {
		done := false
		err := storage.ReadCopy(ctx, env.ledger, func(r purchase.Reader) (err error) {
			done, err = is(r)
			return err
		})
		if done || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		env.pause(env.lastProcess())
	}
}

// post sends a request to CoCalc, as the owner of the account does.
func (env *testEnv) post(endpoint, body string) error {
	r, err := http.NewRequestWithContext(env.ctx, http.MethodPost, env.settings["COCALC_URL"]+"/api/v2/"+endpoint,
		strings.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(env.account.Key(), "")
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
