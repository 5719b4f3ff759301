package cocalctest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// laterFiles are recordings of licenses after their purchase: they are edited, renewed, canceled, resumed, renamed and
// transferred.
var laterFiles = []string{
	"later-subscriptions", "later-edit-license", "later-license-management",
	"later-renewal-by-the-server",
}

const (
	keyOfAdmin = "sk-H2PzCbh1710lEoXz000004"

	keyM = "sk-qCc2UUuDdEEhIMJi00000M"
	keyN = "sk-xV9lw7yxK1vhETHh00000N"
	keyO = "sk-poIJ0e6LGF5sOGqT00000O"
	keyQ = "sk-T1WxXHt0hyfG03pa00000Q"
	keyR = "sk-TMPCTvpWeSFLc0hb00000R"
	keyS = "sk-HAUrKfdmtEuG97z600000S"
	keyT = "sk-MWOk93FwTbKpM4Hz00000T"
)

// shortly is the time between two requests of these recordings.
const shortly = 20 * time.Millisecond

// Two requests at once: both read before one writes, or the second comes when the first has written.
const (
	overlapping = time.Millisecond
	inTurn      = 200 * time.Millisecond
)

// laterSetups are the changes beside the recorded requests: purchases of licenses, and edits of the database.
var laterSetups = map[string]setup{
	"s1-cancel-resume": {
		credit: 500000, gap: shortly, atOnce: pairs(27), begin: func(p *player, keys []string) {
			p.named(keyM, "u1")
			p.buys(keyM, monthly, "t", "d", 44, "")
			p.buys(keyM, yearly, "t", "d", 45, "")
		},
	},
	"s2-cost-to-resume-and-lapsed": {gap: shortly, atOnce: pairs(16, 18, 20, 22, 24), before: map[int]func(p *player){
		7:  func(p *player) { p.lapse(44, p.now().AddDate(0, 0, -9)) },
		10: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 15, 9, 638e6, time.UTC)) },
		16: func(p *player) { p.lapse(44, p.now().AddDate(0, 0, -9)) },
		18: func(p *player) { p.lapse(44, p.now().AddDate(0, 0, -9)) },
		20: func(p *player) { p.lapse(44, p.now().AddDate(0, 0, -9)) },
		22: func(p *player) { p.lapse(44, p.now().AddDate(0, 0, -9)) },
		24: func(p *player) { p.lapse(44, p.now().AddDate(0, 0, -9)) },
	}},
	"s3-renew": {
		gap: shortly, atOnce: pairs(8, 10, 12, 14, 16),
		begin: func(p *player, keys []string) { p.buys(keyN, monthly, "t", "d", 46, "") },
		before: map[int]func(p *player){
			1: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 15, 19, 860e6, time.UTC)) },
			26: func(p *player) {
				p.accounts[keyN].AddCredit(100-p.accounts[keyN].Balance(), "all but a dollar is gone")
			},
		},
	},
	"e1-monthly": {
		credit: 500000, gap: 200 * time.Millisecond, begin: func(p *player, keys []string) {
			p.named(keyO, "u3")
			p.jump(time.Date(2026, 11, 28, 17, 16, 40, 310e6, time.UTC))
			p.buys(keyO, monthly, "monthly", "d", 49, licenseE)
		},
		before: map[int]func(p *player){
			1: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 16, 41, 630e6, time.UTC)) },
			5: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 16, 42, 978e6, time.UTC)) },
		},
	},
	"e2-race": {
		gap: shortly, atOnce: pairs(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30).with(inTurn, 0, 14, 26),
		before: map[int]func(p *player){
			2: two, 4: two, 6: two, 8: two, 12: three, 14: three, 16: three, 18: three, 22: fresh, 24: fresh, 26: fresh,
			28: fresh, 30: fresh,
		},
	},
	"e3-range": {
		credit: 500000, gap: 100 * time.Millisecond, atOnce: pairs(24, 26, 28, 30, 32, 34, 36, 38),
		begin: func(p *player, keys []string) {
			p.jump(time.Date(2026, 11, 28, 17, 17, 44, 344e6, time.UTC))
			p.buys(keyQ, term("2026-12-08T17:17:42.000Z", "2027-01-07T17:17:42.000Z"), "future", "d", 0,
				"f38f3d78-3f70-45b7-a66d-170f6ed5184e")
			p.buys(keyQ, term("2026-11-28T17:17:44.000Z", "2026-12-28T17:17:44.000Z"), "running", "d", 0, licenseF)
		},
		before: map[int]func(p *player){
			5: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 17, 49, 969e6, time.UTC)) },
			7: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 17, 52, 497e6, time.UTC)) },
			11: func(p *player) {
				p.jump(time.Date(2026, 11, 28, 17, 17, 56, 196e6, time.UTC))
				p.moves(licenseF, p.now().AddDate(0, 0, -10), time.Time{})
			},
			13: func(p *player) { p.moves(licenseF, p.now().AddDate(0, 0, -10), time.Time{}) },
			14: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 17, 59, 225e6, time.UTC)) },
			15: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 18, 0, 273e6, time.UTC)) },
			17: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 18, 2, 73e6, time.UTC)) },
			19: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 18, 2, 973e6, time.UTC)) },
			20: func(p *player) {
				p.jump(time.Date(2026, 11, 28, 17, 18, 5, 521e6, time.UTC))
				p.moves(licenseF, p.now().AddDate(0, 0, -39), p.now().AddDate(0, 0, -9))
			},
			21: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 18, 6, 802e6, time.UTC)) },
		},
	},
	"e4-no-money": {gap: shortly, begin: func(p *player, keys []string) { p.empty(keyQ) }},
	"m1-title-managers": {gap: shortly, begin: func(p *player, keys []string) {
		p.jump(time.Date(2026, 11, 28, 17, 20, 1, 304e6, time.UTC))
		p.buys(keyR, monthly, "first title", "order 01TAG", 50, "56895647-a125-4e09-aaa9-27762f7f1459")
		p.buys(keyR, term("2026-11-28T17:20:03.036Z", "2026-12-01T17:20:02.980Z"), "range", "d", 0,
			"4d5cf742-fb49-41bf-adca-1942e6c2321c")
		p.knows("uuid", "a3aa3bc1-d245-4d04-8120-5cb932a3d962", p.accounts[keyS].ID())
	}},
	"m2-owner": {
		gap: shortly,
		begin: func(p *player, keys []string) {
			p.accounts[keyOfAdmin].a.admin = true
			p.named(keyS, "u7")
		},
		before: map[int]func(p *player){
			3: func(p *player) { p.jump(time.Date(2026, 11, 28, 17, 20, 8, 386e6, time.UTC)) },
		},
	},
	"n1-no-stripe": {begin: func(p *player, keys []string) {
		p.accounts[keyT].AddCredit(100000-p.accounts[keyT].Balance(), "credit")
		p.jump(atSecond(18, 307))
		p.buys(keyT, monthly, "renews", "d", 65, licenseT)
		p.accounts[keyT].SetStripeCustomer(false)
		p.ends(65, endsAt(23, 995))
		p.renews(0)
	}},
	"n2-credit": {begin: func(p *player, keys []string) {
		p.accounts[keyT].SetStripeCustomer(true)
		p.jump(atSecond(27, 585))
		p.renews(1)
	}},
	"n4-edited": {begin: func(p *player, keys []string) {
		// n3-two-at-once, which has no requests
		for _, end := range []time.Time{endsAt(32, 485), endsAt(36, 108), endsAt(39, 855), endsAt(44, 216)} {
			p.ends(65, end)
			p.jump(end.Add(time.Second).AddDate(0, 0, -4))
			p.server.Inject(Fault{Effect: DoubleRenewals, Times: 1})
			p.renews(2)
		}
		p.ends(65, endsAt(47, 713))
	}},
	"n5-lapsed-and-cancelled": {begin: func(p *player, keys []string) {
		p.renews(1)
		p.jump(atSecond(51, 608))
		p.ends(65, p.now().AddDate(0, 0, -20))
		p.renews(1)
	}},
	"n6-no-credit": {begin: func(p *player, keys []string) {
		p.ends(65, time.Date(2026, 11, 29, 17, 31, 54, 296e6, time.UTC))
		p.renews(0)
		p.jump(atSecond(57, 414))
		p.buysFor(3, keyT, monthly, "no credit", "d", 66, licenseU)
		a := p.accounts[keyT]
		a.AddCredit(100-a.Balance(), "all but a dollar is gone")
		p.ends(66, endsAt(57, 756))
		p.renews(0)
	}},
}

// atSecond is a moment of the recording of renewals by the server, on 28 November 2026 at 17:31.
func atSecond(second, ms int) time.Time {
	return time.Date(2026, 11, 28, 17, 31, second, ms*1e6, time.UTC)
}

// endsAt is four days later: the end of a period that is charged.
func endsAt(second, ms int) time.Time { return atSecond(second, ms).AddDate(0, 0, 4) }

// renews runs the server's job of renewals, which makes so many charges.
func (p *player) renews(charges int) {
	p.t.Helper()
	if n := p.server.RunRenewals(); n != charges {
		p.t.Errorf("renewals by the server: got %d charges, want %d", n, charges)
	}
}

// ends moves the end of a subscription's period and of its license.
func (p *player) ends(recorded int, end time.Time) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	for _, u := range p.server.subscriptions {
		if fmt.Sprint(u.id) != p.mapping.there["subscription/"+fmt.Sprint(recorded)] {
			continue
		}
		u.periodEnd = end
		for _, l := range p.server.licenses {
			if l.id == u.licenseID {
				l.expires = end
			}
		}
	}
}

// The recorded IDs of a monthly license, and of one with a fixed term.
const (
	licenseE = "3c6a508b-0b78-4fa1-9a87-9cfba36839b8"
	licenseF = "1239e65f-50a0-42b9-abb9-73bfc0db0921"
	licenseT = "91092315-3992-4b1c-ace5-2da8eb790754"
	licenseU = "5ff7ac01-d67b-411d-bfe2-42dbbdb25554"
)

// pairsAtOnce are pairs of requests by the step of the first; see setup.
type pairsAtOnce map[int]time.Duration

func pairs(steps ...int) pairsAtOnce { return pairsAtOnce{}.with(overlapping, steps...) }

func (all pairsAtOnce) with(stagger time.Duration, steps ...int) pairsAtOnce {
	for _, step := range steps {
		all[step] = stagger
	}
	return all
}

// These are the edits between the recorded races: they undo the last one.
var (
	two   = func(p *player) { p.edit(keyO, licenseE, `{"quantity":2}`) }
	three = func(p *player) { p.edit(keyO, licenseE, `{"quantity":3}`) }
	fresh = func(p *player) { p.edit(keyO, licenseE, `{"quantity":2,"custom_ram":4}`) }
)

// edit edits a license beside the recorded requests.
func (p *player) edit(key, recorded, changes string) {
	if _, err := p.accounts[key].EditLicense(p.mapping.there["uuid/"+recorded], changes); err != nil {
		p.t.Error(err)
	}
}

// buys lets the owner of a recorded key buy a license like those in these recordings: 2 projects, business.
// subscription and license are its recorded ids, if no answer shows them in time.
func (p *player) buys(key, period, title, description string, subscription int, license string) {
	p.buysFor(2, key, period, title, description, subscription, license)
}

// buysFor buys a license like buys, for a number of projects.
func (p *player) buysFor(n int, key, period, title, description string, subscription int, license string) {
	a := p.accounts[key]
	a.AddToCart(siteLicense, `{"ram":4,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"business",`+
		`"boost":false,`+period+`,"run_limit":`+strconv.Itoa(n)+`,"title":"`+title+`","description":"`+description+`"}`)
	if err := a.Checkout(); err != nil {
		p.t.Error(err)
	}
	if subscription > 0 {
		p.knows("subscription", fmt.Sprint(subscription), fmt.Sprint(p.server.ids.subscription))
	}
	if license != "" {
		p.knows("uuid", license, p.server.licenses[len(p.server.licenses)-1].id)
	}
}

func (p *player) knows(kind, recorded, simulated string) {
	if err := p.mapping.relate(kind, recorded, simulated); err != nil {
		p.t.Error(err)
	}
}

// named sets the first name of the owner of a recorded key.
func (p *player) named(key, first string) {
	p.accounts[key].a.firstName, p.accounts[key].a.lastName = first, "X"
}

const (
	monthly = `"period":"monthly"`
	yearly  = `"period":"yearly"`
)

func term(from, to string) string { return `"period":"range","range":["` + from + `","` + to + `"]` }

// pay moves the end of a subscription and of its license.
func (p *player) pay(recorded int, until time.Time) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	for _, u := range p.server.subscriptions {
		if fmt.Sprint(u.id) != p.mapping.there["subscription/"+fmt.Sprint(recorded)] {
			continue
		}
		u.periodStart, u.periodEnd = addMonths(until, -u.months()), until
		for _, l := range p.server.licenses {
			if l.id == u.licenseID {
				l.expires = until
			}
		}
	}
}

// moves sets the dates of a license in the database; a zero one stays.
func (p *player) moves(recorded string, activates, expires time.Time) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	for _, l := range p.server.licenses {
		if l.id != p.mapping.there["uuid/"+recorded] {
			continue
		}
		if !activates.IsZero() {
			l.activates = activates
		}
		if !expires.IsZero() {
			l.expires = expires
		}
	}
}

// empty takes all credit away, also what is less than a cent in the sum of 32-bit floats.
func (p *player) empty(key string) {
	id := p.accounts[key].ID()
	for i := 0; p.server.balance(id) != 0 && i < 10; i++ {
		p.server.purchases = append(p.server.purchases, &purchase{
			id: next(&p.server.ids.purchase), accountID: id, time: p.now(), service: "credit",
			cost: float32(p.server.balance(id)), description: object{{"type", "credit"}},
		})
	}
}

// lapse ends a canceled subscription.
func (p *player) lapse(recorded int, end time.Time) {
	p.pay(recorded, end)
	for _, u := range p.server.subscriptions {
		if fmt.Sprint(u.id) == p.mapping.there["subscription/"+fmt.Sprint(recorded)] {
			u.status = "canceled"
		}
	}
}

// heldOut reports whether a file is in the third of the recordings that was not used while the simulator was written.
// The hash of its name decides.
func heldOut(file string) bool {
	sum := 0
	for _, b := range sha256.Sum256([]byte(file)) {
		sum += int(b)
	}
	return sum%3 == 1
}

// heldOutMatches has the number of matching steps of each file that was held out. The others are in laterLife.
var heldOutMatches = map[string][2]int{
	"after-purchase": {83, 83}, "checkout": {64, 64}, "flow": {19, 19},
	"later-edit-license": {128, 128}, "later-license-management": {53, 53}, "later-renewal-by-the-server": {8, 9},
}

// judgeHeldOut checks the numbers of matching steps of the files that were held out.
func (p *player) judgeHeldOut() {
	p.t.Helper()
	for file, got := range p.perFile {
		want, listed := heldOutMatches[file]
		switch {
		case heldOut(file) != listed:
			p.t.Errorf("%s: got it listed %t, want %t, as it is held out", file, listed, heldOut(file))
		case listed && got != want:
			p.t.Errorf("%s: %d of %d steps match, and %d of %d are recorded", file, got[0], got[1], want[0], want[1])
		}
	}
}

// laterLife lists, by scenario, the steps after a purchase in which the simulator differs.
var laterLife = map[string]map[string]string{ // step or from-to: why
	"n6-no-credit": {"0": "the recorded server has no Stripe that answers, so it leaves no invoice"},
}

// laterSteps lists them one by one.
func laterSteps(t *testing.T) map[string]string {
	all := map[string]string{}
	for scenario, some := range laterLife {
		for span, why := range some {
			from, to, wide := strings.Cut(span, "-")
			if !wide {
				to = from
			}
			first, err := strconv.Atoi(from)
			last, err2 := strconv.Atoi(to)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			for i := first; i <= last; i++ {
				all[fmt.Sprintf("%s[%d]", scenario, i)] = why
			}
		}
	}
	return all
}

// TestReplay_Later replays the recordings of licenses after their purchase. What the bot reads matches: subscriptions,
// balance, purchases, licenses, and the results of canceling and resuming. Requests that it never sends are listed.
func TestReplay_Later(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t)
		p.listed = laterSteps(t)
		defer p.server.Close()
		for _, file := range laterFiles {
			p.playFile(file)
		}
		t.Logf("transcripts: %d of %d steps match, %d are of the later life of licenses", p.matched, p.total, p.excluded)
		p.judgeHeldOut()
		if got := p.perFile["later-subscriptions"]; got != [2]int{93, 93} {
			t.Errorf("got %d of %d steps of the file that was not held out that match, want all 93", got[0], got[1])
		}
		if p.total != 283 || p.excluded != len(p.listed) {
			t.Errorf("got %d steps replayed and %d passed over, want 283 and the %d that are listed", p.total, p.excluded,
				len(p.listed))
		}
	})
}
