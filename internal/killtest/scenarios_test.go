package killtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// scenario is what people do and what goes wrong, up to an end that is known.
type scenario struct {
	name string
	// set prepares the environment before the bot starts for the first time.
	set  func(*testEnv)
	play func(*testEnv)
	ends ending
}

const (
	checkout = "purchases/shopping-cart-checkout"
	standard = "buy ram=16 cpu=2"
	aCard    = "A CoCalc license for $63.75 a month"
	yes      = "Buy for $63.75"
	asking   = "Request approval ($63.75)" // where approvers have to agree
)

func scenarios() []scenario {
	alice := slacksim.Alice
	return slices.Concat([]scenario{
		{"a purchase beside someone else's item", addForeignItem, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{
			"the answer of the checkout is lost", func(env *testEnv) { addForeignItem(env); env.fault("lost-answer") },
			func(env *testEnv) {
				env.requestCard(standard, aCard)
				env.click(alice, yes)
			},
			ending{bought: 1},
		},
		{"the answer of the checkout is lost, and it buys later", func(env *testEnv) {
			addForeignItem(env)
			env.slowCheckout()
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{
			"the checkout gets an error and buys nothing", func(env *testEnv) { addForeignItem(env); env.fault("server-error") },
			func(env *testEnv) {
				env.requestCard(standard, aCard)
				env.click(alice, yes)
			},
			ending{},
		},
		{"the checkout is refused", func(env *testEnv) { addForeignItem(env); env.fault("refused") }, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{}},
		{"the answer of the add is lost", func(env *testEnv) { env.fault("lost-add") }, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{"the add gets an error and adds nothing", func(env *testEnv) {
			env.cocalc.Inject(cocalctest.Fault{Endpoint: "shopping/cart/add", Effect: cocalctest.Fail, Times: 1})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{}},
		{"CoCalc refuses to show the cart after the add", func(env *testEnv) {
			env.cocalc.Inject(cocalctest.Fault{
				Endpoint: "shopping/cart/add", When: cocalctest.After, Effect: cocalctest.Call, Times: 1,
				Do: func(*cocalctest.Account) {
					env.cocalc.Inject(cocalctest.Fault{
						Endpoint: "shopping/cart/get", Effect: cocalctest.Refuse, Text: "not now", Times: 1,
					})
				},
			})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1, maybe: true}}, // bought if it is killed before it stores the refusal
		{"the price has moved, and is confirmed anew", func(env *testEnv) { env.fault("price-moved") }, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			// Killed between the intent to add and the request, the bot does not add it again, and requests no price.
			env.waitFor(env.anyMessageShown(alice, "price went up from $63.75 to $70.13", "CoCalc didn't add the item"))
			if _, asked := env.button(alice, "Buy for $70.13"); asked {
				env.click(alice, "Buy for $70.13")
			}
		}, ending{bought: 1}},
		{"it is not known whether a click counted, since the disk failed", func(env *testEnv) {
			doubt := purchase.Doubt{Began: time.Now(), Who: alice, Order: "01M8HTDCS9SG2S3RP1V3GF4S9K", Buys: true}
			env.must(storage.DoubtsOf(env.ledger).Keep(doubt))
		}, func(env *testEnv) {
			env.waitFor(env.messageShown(alice, "My disk failed", "didn't count, so nothing was bought."))
		}, ending{}},
		{"it is called off", nil, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, "Cancel order")
			env.waitFor(env.messageShown(alice, "Order cancelled. Nothing was charged"))
		}, ending{}},
		{"it is edited first", nil, buyEdited, ending{bought: 1}},
		{"the card cannot be reached", func(env *testEnv) {
			env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"response_url": {Status: 404}}})
			env.fault("lost-answer")
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			env.click(alice, yes)
			env.waitFor(env.anyMessageShown(alice, "You've already confirmed this order", "didn't buy it again",
				"This order wasn't bought"))
		}, ending{bought: 1}},
		{"the card cannot be reached, and the add has to wait", func(env *testEnv) {
			env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"response_url": {Status: 404}}})
			env.cocalc.Inject(cocalctest.Fault{
				Endpoint: "shopping/cart/add", Effect: cocalctest.ThrottleNow, Wait: time.Second,
				Times: 1,
			})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{"CoCalc does not work for a moment", func(env *testEnv) {
			env.cocalc.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail, Times: 4})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
		}, ending{bought: 1}},
		{"a second order waits for the lost checkout of the first", func(env *testEnv) {
			env.fault("lost-answer")
			env.settings["SETTLE_AFTER"] = (4 * settleAfter).String() // a busy machine takes a while until the second order
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			env.requestCard("buy ram=8 cpu=2", "A CoCalc license for $48.75")
			env.click(alice, "Buy for $48.75")
		}, ending{bought: 2}},
		{"two checkouts get an error and buy nothing", func(env *testEnv) {
			env.settings["ADMINS"] = slacksim.Bob
			env.cocalc.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.Fail, Times: 2})
		}, func(env *testEnv) {
			env.requestCard(standard, aCard)
			env.click(alice, yes)
			env.requestCard("buy ram=8 cpu=2", "A CoCalc license for $48.75")
			env.click(alice, "Buy for $48.75")
		}, ending{}},
	}, approvalScenarios(), adminScenarios(), upkeepScenarios())
}

func (env *testEnv) fault(name string) { env.must(env.cocalc.SwitchOn(name)) }

// slowCheckout drops the connection of the first checkout, which has read the cart and goes on for a while. Another
// checkout meanwhile would buy the same again.
func (env *testEnv) slowCheckout() {
	env.settings["SETTLE_AFTER"] = (4 * settleAfter).String() // it buys within the window, also on a busy machine
	env.cocalc.SetCheckoutTakes(settleAfter/2, time.Millisecond)
	env.cocalc.Inject(cocalctest.Fault{
		Endpoint: checkout, Effect: cocalctest.Call, Times: 1,
		Do: (*cocalctest.Account).StartCheckout,
	})
	env.cocalc.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.LoseAnswer, Times: 1})
}

func addForeignItem(env *testEnv) {
	env.account.AddToCart("site-license",
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
			`"boost":false,"period":"monthly","run_limit":1,"title":"of someone else"}`)
}

// buyEdited makes alice change the card's memory in the form before she buys. If the form fails, she requests the card
// with these values.
func buyEdited(env *testEnv) {
	env.requestCard(standard, aCard)
	lost := false
	env.act(func(ctx context.Context) error {
		if _, ok := env.button(slacksim.Alice, "Buy for $48.75"); ok {
			return nil
		}
		if lost {
			if err := env.command(slacksim.Alice, "buy ram=8 cpu=2")(ctx); err != nil {
				return err
			}
			return env.waitBriefly(ctx, env.messageShown(slacksim.Alice, "A CoCalc license for $48.75"))
		}
		lost = true // if this has no result
		card, ok := env.findMessage(slacksim.Alice, aCard)
		if !ok {
			return errAgain
		}
		alice := env.slack.Person(slacksim.Alice)
		if err := alice.Click(ctx, card, "Edit"); err != nil {
			return err
		}
		modal, err := alice.WaitForModal(ctx, nil)
		if err != nil {
			return err
		}
		if err := alice.Fill(ctx, modal, "Memory per project", "8"); err != nil {
			return err
		}
		price := func(v slacksim.View) bool { return strings.Contains(v.ContentText(), "$48.75") }
		if err := env.waitBriefly(ctx, func(ctx context.Context) error {
			_, err := alice.WaitForModal(ctx, price)
			return err
		}); err != nil {
			return err
		}
		if problems, err := alice.Submit(ctx); err != nil || len(problems) > 0 {
			return errors.Join(err, errAgain)
		}
		return env.waitBriefly(ctx, env.messageShown(slacksim.Alice, "A CoCalc license for $48.75"))
	})
	env.click(slacksim.Alice, "Buy for $48.75")
}
