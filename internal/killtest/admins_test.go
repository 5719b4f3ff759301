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

// adminScenarios are about the account as a whole, and those who look after it.
func adminScenarios() []scenario {
	alice, bob, carol := slacksim.Alice, slacksim.Bob, slacksim.Carol
	return []scenario{
		{"an admin settles what CoCalc does not tell", func(w *env) {
			w.settings["ADMINS"] = bob + "," + carol
			w.fault("server-error")
			w.cocalc.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			w.sees(w.readingAny(alice, "Not confirmed yet", "Not bought"))
			if _, held := w.reads(alice, "Not confirmed yet"); held {
				w.settles(bob)
				w.sees(w.reading(carol, "An order was resolved"))
			}
			w.cocalc.ClearFaults()
		}, ending{}},
		{"someone else buys on the account", func(w *env) {
			w.settings["PURCHASES_CHANNEL"] = slacksim.General
			w.began()
			strangersItem(w)
			w.must(w.account.Checkout())
		}, func(w *env) {
			w.sees(w.reading(alice, "A purchase made outside this bot"))
			w.sees(w.reading(alice, "Daily ledger checkpoint"))
		}, ending{foreign: 1}},
		{"someone else buys, and no one can be told", func(w *env) {
			w.settings["PURCHASES_CHANNEL"] = slacksim.Random
			w.began()
			strangersItem(w)
			w.must(w.account.Checkout())
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			if w.bought() {
				w.sees(w.reading(alice, "/invite @licensebot"))
			}
		}, ending{foreign: 1, bought: 1}},
		{"a purchase has a tag that the ledger does not know", func(w *env) {
			w.settings["ADMINS"] = bob
			w.began()
			w.account.AddToCart("site-license",
				`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
					`"boost":false,"period":"monthly","run_limit":1,"title":"","description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
			w.must(w.account.Checkout())
		}, func(w *env) {
			w.sees(w.reading(bob, "A purchase I can't explain"))
		}, ending{foreign: 1}},
		{"the ledger is new, and an old one is missing", func(w *env) {
			w.settings["ADMINS"] = bob
			w.account.AddToCart("site-license",
				`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
					`"boost":false,"period":"monthly","run_limit":1,"title":"","description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
			w.must(w.account.Checkout())
		}, func(w *env) {
			w.sees(w.reading(bob, "the ledger that lists them is missing"))
			w.says(bob, "resume the old disk is lost", "Buying is back on", "Buying isn't paused")
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"the ledger comes from a backup", func(w *env) {
			w.settings["ADMINS"] = bob
			w.began()
			w.write(func(wr purchase.Writer) error { return register.AfterRestore(wr, time.Now(), "the operator", 0) })
		}, func(w *env) {
			w.sees(w.reading(bob, "The ledger was restored from a backup"))
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"a card gets too old", func(w *env) { w.proposedLongAgo() }, func(w *env) {
			w.asks(standard, aCard)
		}, ending{}},
		{"buying is paused and resumed", func(w *env) { w.settings["ADMINS"] = bob + "," + carol }, func(w *env) {
			w.says(bob, "pause the budget is being checked", "paused")
			w.sees(w.reading(carol, "Buying is paused"))
			w.says(alice, standard, "Buying is paused. ")
			w.says(bob, "resume all is well", "Buying is back on", "Buying isn't paused")
			w.sees(w.reading(carol, "Buying is back on"))
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"an item breaks the cart", func(w *env) {
			w.settings["ADMINS"] = bob
			w.account.AddToCart("site-license",
				`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
					`"boost":false,"period":"range","run_limit":1,"title":"broken","range":["1990-01-01T00:00:00Z"]}`)
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			w.sees(w.reading(bob, "An item blocks the CoCalc cart"))
			w.takesOut(bob)
		}, ending{bought: 1, maybe: true, takenOut: true}},
		{
			"the checkout is refused, and an admin is told", func(w *env) { w.settings["ADMINS"] = bob; w.fault("refused") },
			func(w *env) {
				w.asks(standard, aCard)
				w.clicks(alice, yes)
				w.bought()
				if _, told := w.reads(alice, "Your admins have been told."); told { // a kill loses CoCalc's answer, and its words
					w.sees(w.reading(bob, "CoCalc doesn't sell to this bot"))
				}
			},
			ending{},
		},
		// The checkout of someone else has read the cart when ours begins.
		{
			"someone else checks out at the same moment", func(w *env) { w.strangersCheckout(settleAfter/4, settleAfter/3) },
			doubled,
			ending{bought: 1},
		},
		{
			"someone else checks out at the same moment, and is slower", func(w *env) {
				w.strangersCheckout(settleAfter/2, time.Millisecond)
			},
			doubled,
			ending{bought: 1},
		},
		{"CoCalc charges more than it said", func(w *env) {
			w.settings["ADMINS"] = bob
			w.cocalc.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.PriceMoved, Percent: 110, Times: 1})
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			if w.bought() {
				w.sees(w.reading(bob, "Buying is paused"))
			}
		}, ending{bought: 1}},
		{"people look around", nil, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			if !w.bought() {
				return
			}
			w.says(alice, "list", "1 active license")
			w.says(alice, "budget", "$63.75 spent")
			w.says(alice, "show "+w.account.Licenses()[0].ID, "Each project gets", "Buy another like this")
			w.does(func(ctx context.Context) error {
				if err := w.slack.Person(alice).Home(); err != nil {
					return err
				}
				return w.soon(ctx, func(ctx context.Context) error {
					_, err := w.slack.Person(alice).WaitForHome(ctx, nil)
					return err
				})
			})
		}, ending{bought: 1}},
		{"someone who may not buy", nil, func(w *env) {
			w.says(carol, standard, "You aren't on the list of people who can buy")
		}, ending{}},
	}
}

func (w *env) strangersCheckout(takes, ours time.Duration) {
	w.settings["ADMINS"] = slacksim.Bob + "," + slacksim.Carol
	w.fault("double-checkout")
	w.cocalc.SetCheckoutTakes(takes, ours)
}

// doubled has alice buy what is bought twice.
func doubled(w *env) {
	w.asks(standard, aCard)
	w.clicks(slacksim.Alice, yes)
	w.rest()
	if len(w.account.Licenses()) > 1 { // a kill before the checkout leaves none; a very slow machine one
		w.sees(w.reading(slacksim.Bob, "A license was bought more than once"))
	}
}

// bought waits until alice reads what became of her order.
func (w *env) bought() bool {
	w.Helper()
	w.sees(w.readingAny(slacksim.Alice, "Bought for", "Not bought"))
	_, ok := w.reads(slacksim.Alice, "Bought for")
	return ok
}

// says types a command until one of the texts is read.
func (w *env) says(who, text string, answers ...string) {
	w.Helper()
	w.does(func(ctx context.Context) error {
		if err := w.types(who, text)(ctx); err != nil {
			return err
		}
		return w.soon(ctx, w.readingAny(who, answers...))
	})
}

var orderID = regexp.MustCompile(`[0-9A-Z]{26}`)

// settles has an admin say that the order on alice's card was not bought.
func (w *env) settles(who string) {
	w.Helper()
	card, _ := w.reads(slacksim.Alice, "Not confirmed yet")
	id := orderID.FindString(card.ContentText())
	admin := w.slack.Person(who)
	w.does(func(ctx context.Context) error {
		if err := w.types(who, "settle "+id)(ctx); err != nil {
			return err
		}
		if err := w.soon(ctx, w.readingAny(who, "What CoCalc shows", "There's nothing to resolve")); err != nil {
			return err
		}
		if _, over := w.reads(who, "There's nothing to resolve"); over {
			return nil
		}
		m, ok := w.button(who, "Mark as not bought")
		if !ok {
			return errAgain
		}
		if err := admin.Click(ctx, m, "Mark as not bought"); err != nil {
			return err
		}
		var form slacksim.View
		if err := w.soon(ctx, func(ctx context.Context) (err error) {
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

// takesOut has an admin click the button of the notice about a broken item.
func (w *env) takesOut(who string) {
	w.Helper()
	w.does(func(ctx context.Context) error {
		for _, m := range w.slack.Person(who).Messages(w.slack.DM(who)) {
			for _, b := range m.Buttons() {
				if strings.HasPrefix(b, "Remove item") {
					if err := w.slack.Person(who).Click(ctx, m, b); err != nil {
						return err
					}
				}
			}
		}
		return w.soon(ctx, w.readingAny(who, "I removed item", "no longer in the cart"))
	})
}

// write changes the ledger before the bot opens it.
func (w *env) write(change func(purchase.Writer) error) {
	ledger, err := storage.Open(w.ledger)
	w.must(err)
	w.must(ledger.Update(w.ctx, change))
	w.must(ledger.Close())
}

// began makes a ledger that has watched the account for an hour.
func (w *env) began() {
	hour := time.Now().Add(-time.Hour)
	w.write(func(wr purchase.Writer) error {
		account, err := wr.Account()
		if err != nil {
			return err
		}
		account.Watching = hour
		return errors.Join(wr.PutAccount(account),
			wr.AppendEvent(purchase.Event{Time: hour, Kind: "setting", By: "licensebot"}))
	})
}

// proposedLongAgo puts a card into the ledger that no one has clicked in time.
func (w *env) proposedLongAgo() {
	bot, err := app.New(app.Config{
		Database: w.ledger, Now: func() time.Time { return time.Now().Add(-time.Hour) },
		CoCalc: cocalc.Options{BaseURL: w.settings["COCALC_URL"], Key: w.settings["COCALC_API_KEY"]},
		Slack: app.Slack{
			URL: w.settings["SLACK_API_URL"], BotToken: w.settings["SLACK_BOT_TOKEN"], AppToken: w.settings["SLACK_APP_TOKEN"],
		},
		Policy: purchase.Policy{
			Everyone: true, OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{None: true},
		},
	})
	w.must(err)
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	_, err = bot.Desk.Propose(w.ctx, purchase.Request{
		Requester: purchase.Actor{ID: slacksim.Alice}, Channel: purchase.Channel{ID: slacksim.General}, Spec: spec,
	})
	w.must(err)
	w.must(bot.Close())
}
