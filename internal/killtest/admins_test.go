package killtest

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/slacksim"
	"licensebot/storage"
)

// adminScenarios are about the whole account and its admins.
func adminScenarios() []scenario {
	alice, bob, carol := slacksim.Alice, slacksim.Bob, slacksim.Carol
	return []scenario{
		{"an admin settles what CoCalc does not tell", func(env *testEnv) {
			env.settings["ADMINS"] = bob + "," + carol
			env.fault("server-error")
			env.cocalc.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			env.waitFor(env.anyMessageShown(alice, "Not confirmed yet", "Not bought"))
			if _, held := env.findMessage(alice, "Not confirmed yet"); held {
				env.settle(bob)
				env.waitFor(env.messageShown(carol, "An order was resolved"))
			}
			env.cocalc.ClearFaults()
		}, ending{}},
		{"someone else buys on the account", func(env *testEnv) {
			env.settings["PURCHASES_CHANNEL"] = slacksim.General
			env.startWatching()
			addForeignItem(env)
			env.must(env.account.Checkout())
		}, func(env *testEnv) {
			env.waitFor(env.messageShown(alice, "A purchase made outside this bot"))
			env.waitFor(env.messageShown(alice, "Daily ledger checkpoint"))
		}, ending{foreign: 1}},
		{"someone else buys, and no one can be told", func(env *testEnv) {
			env.settings["PURCHASES_CHANNEL"] = slacksim.Random
			env.startWatching()
			addForeignItem(env)
			env.must(env.account.Checkout())
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			if env.waitOutcome() {
				env.waitFor(env.messageShown(alice, "/invite @licensebot"))
			}
		}, ending{foreign: 1, bought: 1}},
		{"a purchase has a tag that the ledger does not know", func(env *testEnv) {
			env.settings["ADMINS"] = bob
			env.startWatching()
			env.account.AddToCart("site-license",
				`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
					`"boost":false,"period":"monthly","run_limit":1,"title":"","description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
			env.must(env.account.Checkout())
		}, func(env *testEnv) {
			env.waitFor(env.messageShown(bob, "A purchase I can't explain"))
		}, ending{foreign: 1}},
		{"the ledger is new, and an old one is missing", func(env *testEnv) {
			env.settings["ADMINS"] = bob
			env.account.AddToCart("site-license",
				`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
					`"boost":false,"period":"monthly","run_limit":1,"title":"","description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
			env.must(env.account.Checkout())
		}, func(env *testEnv) {
			env.waitFor(env.messageShown(bob, "the ledger that lists them is missing"))
			env.commandUntil(bob, "resume the old disk is lost", "Buying is back on", "Buying isn't paused")
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{"the ledger comes from a backup", func(env *testEnv) {
			env.settings["ADMINS"] = bob
			env.startWatching()
			env.editLedger(func(wr purchase.Writer) error { return register.AfterRestore(wr, time.Now(), "the operator", 0) })
		}, func(env *testEnv) {
			env.waitFor(env.messageShown(bob, "The ledger was restored from a backup"))
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{"a card gets too old", func(env *testEnv) { env.addExpiredCard() }, func(env *testEnv) {
			env.requestCard(standard, aCard)
		}, ending{}},
		{
			"buying is paused and resumed", func(env *testEnv) { env.settings["ADMINS"] = bob + "," + carol },
			func(env *testEnv) {
				env.commandUntil(bob, "pause the budget is being checked", "paused")
				env.waitFor(env.messageShown(carol, "Buying is paused"))
				env.commandUntil(alice, standard, "Buying is paused. ")
				env.commandUntil(bob, "resume all is well", "Buying is back on", "Buying isn't paused")
				env.waitFor(env.messageShown(carol, "Buying is back on"))
				env.requestCard(standard, aCard)
				env.click(alice, yes)
			},
			ending{bought: 1},
		},
		{"an item breaks the cart", func(env *testEnv) {
			env.settings["ADMINS"] = bob
			env.account.AddToCart("site-license",
				`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
					`"boost":false,"period":"range","run_limit":1,"title":"broken","range":["1990-01-01T00:00:00Z"]}`)
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			env.waitFor(env.messageShown(bob, "An item blocks the CoCalc cart"))
			env.removeItem(bob)
		}, ending{bought: 1, maybe: true, takenOut: true}},
		{
			"the checkout is refused, and an admin is told",
			func(env *testEnv) { env.settings["ADMINS"] = bob; env.fault("refused") },
			func(env *testEnv) {
				env.requestCard(standard, aCard)
				env.click(alice, yes)
				env.waitOutcome()
				// a kill loses CoCalc's answer, and so its text
				if _, told := env.findMessage(alice, "Your admins have been told."); told {
					env.waitFor(env.messageShown(bob, "CoCalc doesn't sell to this bot"))
				}
			},
			ending{},
		},
		// Another person's checkout has read the cart when the bot's begins.
		{
			"someone else checks out at the same moment", func(env *testEnv) {
				env.startForeignCheckout(settleAfter/4,
					settleAfter/3)
			},
			buyTwice,
			ending{bought: 1},
		},
		{
			"someone else checks out at the same moment, and is slower", func(env *testEnv) {
				env.startForeignCheckout(settleAfter/2, time.Millisecond)
			},
			buyTwice,
			ending{bought: 1},
		},
		{"CoCalc charges more than it said", func(env *testEnv) {
			env.settings["ADMINS"] = bob
			env.cocalc.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.PriceMoved, Percent: 110, Times: 1})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			if env.waitOutcome() {
				env.waitFor(env.messageShown(bob, "Buying is paused"))
			}
		}, ending{bought: 1}},
		{"people look around", nil, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			if !env.waitOutcome() {
				return
			}
			env.commandUntil(alice, "list", "1 active license")
			env.commandUntil(alice, "budget", "$63.75 spent")
			env.commandUntil(alice, "show "+env.account.Licenses()[0].ID, "Each project gets", "Buy another like this")
			env.act(func(ctx context.Context) error {
				if err := env.slack.Person(alice).Home(); err != nil {
					return err
				}
				return env.waitBriefly(ctx, func(ctx context.Context) error {
					_, err := env.slack.Person(alice).WaitForHome(ctx, nil)
					return err
				})
			})
		}, ending{bought: 1}},
		{"someone who may not buy", nil, func(env *testEnv) {
			env.commandUntil(carol, standard, "You aren't on the list of people who can buy")
		}, ending{}},
	}
}

func (env *testEnv) startForeignCheckout(takes, ours time.Duration) {
	env.settings["ADMINS"] = slacksim.Bob + "," + slacksim.Carol
	env.fault("double-checkout")
	env.cocalc.SetCheckoutTakes(takes, ours)
}

// buyTwice makes alice buy a license that CoCalc sells twice.
func buyTwice(env *testEnv) {
	env.requestCard(standard, aCard)
	env.click(slacksim.Alice, yes)
	env.waitIdle()
	if len(env.account.Licenses()) > 1 { // a kill before the checkout leaves none; a very slow machine one
		env.waitFor(env.messageShown(slacksim.Bob, "A license was bought more than once"))
	}
}

// waitOutcome waits until alice reads the outcome of her order.
func (env *testEnv) waitOutcome() bool {
	env.Helper()
	env.waitFor(env.anyMessageShown(slacksim.Alice, "Bought for", "Not bought"))
	_, ok := env.findMessage(slacksim.Alice, "Bought for")
	return ok
}

// commandUntil types a command until the person reads one of the texts.
func (env *testEnv) commandUntil(who, text string, answers ...string) {
	env.Helper()
	env.act(func(ctx context.Context) error {
		if err := env.command(who, text)(ctx); err != nil {
			return err
		}
		return env.waitBriefly(ctx, env.anyMessageShown(who, answers...))
	})
}

var orderID = regexp.MustCompile(`[0-9A-Z]{26}`)

// settle makes an admin settle the order on alice's card as not bought.
func (env *testEnv) settle(who string) {
	env.Helper()
	card, _ := env.findMessage(slacksim.Alice, "Not confirmed yet")
	id := orderID.FindString(card.ContentText())
	admin := env.slack.Person(who)
	env.act(func(ctx context.Context) error {
		if err := env.command(who, "settle "+id)(ctx); err != nil {
			return err
		}
		if err := env.waitBriefly(ctx, env.anyMessageShown(who, "What CoCalc shows",
			"There's nothing to resolve")); err != nil {
			return err
		}
		if _, over := env.findMessage(who, "There's nothing to resolve"); over {
			return nil
		}
		m, ok := env.button(who, "Mark as not bought")
		if !ok {
			return errAgain
		}
		if err := admin.Click(ctx, m, "Mark as not bought"); err != nil {
			return err
		}
		var form slacksim.View
		if err := env.waitBriefly(ctx, func(ctx context.Context) (err error) {
			form, err = admin.WaitForModal(ctx, nil)
			return err
		}); err != nil {
			return err
		}
		if err := admin.Fill(ctx, form, "How do you know?", "CoCalc's support says so"); err != nil {
			return err
		}
		if problems, err := admin.Submit(ctx); err != nil || len(problems) > 0 {
			return errors.Join(err, errAgain)
		}
		return nil
	})
}

// removeItem makes an admin click the button of the message about a broken item.
func (env *testEnv) removeItem(who string) {
	env.Helper()
	env.act(func(ctx context.Context) error {
		for _, m := range env.slack.Person(who).Messages(env.slack.DM(who)) {
			for _, b := range m.Buttons() {
				if strings.HasPrefix(b, "Remove item") {
					if err := env.slack.Person(who).Click(ctx, m, b); err != nil {
						return err
					}
				}
			}
		}
		return env.waitBriefly(ctx, env.anyMessageShown(who, "I removed item", "no longer in the cart"))
	})
}

// editLedger changes the ledger before the bot opens it.
func (env *testEnv) editLedger(change func(purchase.Writer) error) {
	ledger, err := storage.Open(env.ledger)
	env.must(err)
	env.must(ledger.Update(env.ctx, change))
	env.must(ledger.Close())
}

// startWatching writes a ledger that has watched the account for an hour.
func (env *testEnv) startWatching() {
	hour := time.Now().Add(-time.Hour)
	env.editLedger(func(wr purchase.Writer) error {
		account, err := wr.Account()
		if err != nil {
			return err
		}
		account.Watching = hour
		return errors.Join(wr.PutAccount(account),
			wr.AppendEvent(purchase.Event{Time: hour, Kind: "setting", By: "licensebot"}))
	})
}

// addExpiredCard adds a card to the ledger whose time is over.
func (env *testEnv) addExpiredCard() {
	bot, err := app.New(app.Config{
		Database: env.ledger, Now: func() time.Time { return time.Now().Add(-time.Hour) },
		CoCalc: cocalc.Options{BaseURL: env.settings["COCALC_URL"], Key: env.settings["COCALC_API_KEY"]},
		Slack: app.Slack{
			URL: env.settings["SLACK_API_URL"], BotToken: env.settings["SLACK_BOT_TOKEN"],
			AppToken: env.settings["SLACK_APP_TOKEN"],
		},
		Policy: purchase.Policy{
			Everyone: true, OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{None: true},
		},
	})
	env.must(err)
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	_, err = bot.Desk.Propose(env.ctx, purchase.Request{
		Requester: purchase.Actor{ID: slacksim.Alice}, Channel: purchase.Channel{ID: slacksim.General}, Spec: spec,
	})
	env.must(err)
	env.must(bot.Close())
}
