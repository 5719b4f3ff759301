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
	set  func(*env)
	play func(*env)
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
		{"a purchase beside someone else's item", strangersItem, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"the answer of the checkout is lost", func(w *env) { strangersItem(w); w.fault("lost-answer") }, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"the answer of the checkout is lost, and it buys later", func(w *env) {
			strangersItem(w)
			w.slowCheckout()
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{
			"the checkout gets an error and buys nothing", func(w *env) { strangersItem(w); w.fault("server-error") },
			func(w *env) {
				w.asks(standard, aCard)
				w.clicks(alice, yes)
			},
			ending{},
		},
		{"the checkout is refused", func(w *env) { strangersItem(w); w.fault("refused") }, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{}},
		{"the answer of the add is lost", func(w *env) { w.fault("lost-add") }, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"the add gets an error and adds nothing", func(w *env) {
			w.cocalc.Inject(cocalctest.Fault{Endpoint: "shopping/cart/add", Effect: cocalctest.Fail, Times: 1})
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{}},
		{"the price has moved, and is confirmed anew", func(w *env) { w.fault("price-moved") }, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			// Killed between the intent to add and the request, it is not added again, and no price is asked for.
			w.sees(w.readingAny(alice, "price went up from $63.75 to $70.13", "CoCalc didn't add the item"))
			if _, asked := w.button(alice, "Buy for $70.13"); asked {
				w.clicks(alice, "Buy for $70.13")
			}
		}, ending{bought: 1}},
		{"it is not known whether a click counted, since the disk failed", func(w *env) {
			doubt := purchase.Doubt{Began: time.Now(), Who: alice, Order: "01M8HTDCS9SG2S3RP1V3GF4S9K", Buys: true}
			w.must(storage.DoubtsOf(w.ledger).Keep(doubt))
		}, func(w *env) {
			w.sees(w.reading(alice, "My disk failed", "didn't count, so nothing was bought."))
		}, ending{}},
		{"it is called off", nil, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, "Cancel order")
			w.sees(w.reading(alice, "Order cancelled. Nothing was charged"))
		}, ending{}},
		{"it is edited first", nil, edited, ending{bought: 1}},
		{"the card cannot be reached", func(w *env) {
			w.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"response_url": {Status: 404}}})
			w.fault("lost-answer")
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			w.clicks(alice, yes)
			w.sees(w.readingAny(alice, "You've already confirmed this order", "didn't buy it again", "This order wasn't bought"))
		}, ending{bought: 1}},
		{"the card cannot be reached, and the add has to wait", func(w *env) {
			w.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"response_url": {Status: 404}}})
			w.cocalc.Inject(cocalctest.Fault{
				Endpoint: "shopping/cart/add", Effect: cocalctest.ThrottleNow, Wait: time.Second,
				Times: 1,
			})
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"CoCalc does not work for a moment", func(w *env) {
			w.cocalc.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail, Times: 4})
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
		}, ending{bought: 1}},
		{"a second order waits for the lost checkout of the first", func(w *env) {
			w.fault("lost-answer")
			w.settings["SETTLE_AFTER"] = (4 * settleAfter).String() // a busy machine takes a while to ask for the second
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			w.asks("buy ram=8 cpu=2", "A CoCalc license for $48.75")
			w.clicks(alice, "Buy for $48.75")
		}, ending{bought: 2}},
		{"two checkouts get an error and buy nothing", func(w *env) {
			w.settings["ADMINS"] = slacksim.Bob
			w.cocalc.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.Fail, Times: 2})
		}, func(w *env) {
			w.asks(standard, aCard)
			w.clicks(alice, yes)
			w.asks("buy ram=8 cpu=2", "A CoCalc license for $48.75")
			w.clicks(alice, "Buy for $48.75")
		}, ending{}},
	}, approvalScenarios(), adminScenarios())
}

func (w *env) fault(name string) { w.must(w.cocalc.SwitchOn(name)) }

// slowCheckout drops the connection of the first checkout, which has read the cart and goes on for a while. Another one
// meanwhile would buy the same once more.
func (w *env) slowCheckout() {
	w.settings["SETTLE_AFTER"] = (4 * settleAfter).String() // it buys within the window, also on a busy machine
	w.cocalc.SetCheckoutTakes(settleAfter/2, time.Millisecond)
	w.cocalc.Inject(cocalctest.Fault{
		Endpoint: checkout, Effect: cocalctest.Call, Times: 1,
		Do: (*cocalctest.Account).StartCheckout,
	})
	w.cocalc.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.LoseAnswer, Times: 1})
}

func strangersItem(w *env) {
	w.account.AddToCart("site-license",
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
			`"boost":false,"period":"monthly","run_limit":1,"title":"of someone else"}`)
}

// edited has alice change the card's memory in the form before she buys. When the form leads nowhere, she asks for what
// she wants in the first place.
func edited(w *env) {
	w.asks(standard, aCard)
	lost := false
	w.does(func(ctx context.Context) error {
		if _, ok := w.button(slacksim.Alice, "Buy for $48.75"); ok {
			return nil
		}
		if lost {
			if err := w.types(slacksim.Alice, "buy ram=8 cpu=2")(ctx); err != nil {
				return err
			}
			return w.soon(ctx, w.reading(slacksim.Alice, "A CoCalc license for $48.75"))
		}
		lost = true // if nothing comes of this
		card, ok := w.reads(slacksim.Alice, aCard)
		if !ok {
			return errAgain
		}
		alice := w.slack.Person(slacksim.Alice)
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
		if err := w.soon(ctx, func(ctx context.Context) error {
			_, err := alice.WaitForModal(ctx, price)
			return err
		}); err != nil {
			return err
		}
		if problems, err := alice.Submit(ctx); err != nil || len(problems) > 0 {
			return errors.Join(err, errAgain)
		}
		return w.soon(ctx, w.reading(slacksim.Alice, "A CoCalc license for $48.75"))
	})
	w.clicks(slacksim.Alice, "Buy for $48.75")
}
