package bot

import (
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// incidentWords say why buying is paused. People who are no admins read nothing of other people's money, keys and
// ledger entries.
var incidentWords = map[purchase.CauseCode]wording{
	purchase.IncidentSaid: func(t renderer) text { return t.say("%s.", quote(t.Args["reason"])) },
	purchase.IncidentForeignKey: forAdmins("I'm connected to a different CoCalc account than before.",
		func(t renderer) text {
			return t.say("The API key (%s) belongs to CoCalc account %s, but the ledger belongs to account %s, "+
				"and a ledger is for one account. Restart me with a key of the ledger's account, or with a new ledger.",
				t.Args["key"], t.Args["account"], t.Args["ledger"])
		}),
	purchase.IncidentUnknown: forAdmins("CoCalc left two purchases unconfirmed within a day.", func(t renderer) text {
		return t.say("CoCalc left two purchases unconfirmed within a day: orders %s and %s.",
			t.Args["first"], t.Args["second"])
	}),
	purchase.IncidentCharged: forAdmins("CoCalc charged a different amount than agreed.", func(t renderer) text {
		return t.say("CoCalc charged %s for order %s instead of %s.", t.money("charged"), t.Args["order"], t.money("agreed"))
	}),
	purchase.IncidentUnexplained: forAdmins("I can't explain a purchase that has my tag.", func(t renderer) text {
		return t.say("I can't explain a purchase that has my tag: license %s.", t.Args["license"])
	}),
	purchase.IncidentUnattributed: forAdmins(lookAtAccount, orStored(Incidents, func(t renderer) text {
		return t.say("A purchase for %s (license %s) has the tag of order %s, which is in no ledger that I can read. "+
			"I recorded it without a person.",
			t.money("amount"), t.Args["license"], t.Args["order"])
	})),
	purchase.IncidentDoubleBuy: forAdmins("CoCalc sold a license more than once.", func(t renderer) text {
		return t.say("Cart item %s of order %s was bought %s times, and CoCalc charged %s too much.",
			t.Args["item"], t.Args["order"], t.Args["times"], t.money("amount"))
	}),
	purchase.IncidentNewLedger: forAdmins(lookAtAccount, func(t renderer) text {
		return t.say("The ledger is new and empty, but this bot has made %s on the CoCalc account: "+
			"the ledger that lists them is missing. "+
			"Put it back in its place, or use `/license resume` to accept the new one.",
			plural(t.number("purchases"), "purchase"))
	}),
	purchase.IncidentBooks: forAdmins("My records don't add up.", orStored(Incidents, func(t renderer) text {
		said := "The ledger contradicts itself. " + t.inner(Findings)
		if more := t.number("more"); more > 0 {
			said += t.say(" `bot verify` shows %d more.", more)
		}
		return said
	})),
	purchase.IncidentOther: forAdmins(lookAtAccount, func(t renderer) text {
		return t.say("%s", capitalize(ensurePeriod(t.Args["text"])))
	}),
}

const lookAtAccount = "An admin needs to look at the CoCalc account."

// maxReasons is how many reasons of a pause are shown: the first and the last ones.
const maxReasons = 4

// pauseText says who paused buying, when and why: "carol paused it on …". The reasons are the causes beneath it.
func pauseText(t renderer) text {
	by := "I"
	if !t.is("by", purchase.BotName) {
		by = t.person("by", "name")
	}
	return t.say("%s paused it on %s. Reason: %s", by, t.dateTime("since"), reasonsText(t))
}

// pauseBlocks shows a refusal because of a pause: who paused buying, as a mention, and when, as a Slack date; then the
// reasons in plain text, since people wrote them. It returns nil for other refusals.
func pauseBlocks(no *purchase.Refusal, loc *time.Location) []slack.Block {
	t := renderer{no.Cause, Reader{Admin: no.ToAdmin, Zone: loc, Place: Marked}}
	by := text("I")
	switch id := t.Args["by"]; {
	case isPerson(id):
		by = text(mention(id))
	case id != purchase.BotName:
		by = t.say("%s", t.person("by", "name"))
	}
	who := text("An admin")
	if t.Admin {
		who = "You"
	}
	head := t.say("Buying is paused. %s paused it %s. %s can resume it with `/license resume`.",
		by, text(formatTime(t.at("since"))), who)
	switch {
	case t.Code == purchase.AlreadyDone && t.is("doing", "pause"):
		head = t.say("Buying is already paused. %s paused it %s.", by, text(formatTime(t.at("since"))))
	case t.Code != purchase.Paused:
		return nil
	}
	if t.has("uncharged") {
		head += " Nothing was charged."
	}
	t.Place = Plain
	return []slack.Block{section(string(head)), plainSection("Reason: " + finish(string(reasonsText(t)), Plain))}
}

// reasonsText returns the reasons of a pause.
func reasonsText(t renderer) text {
	var reasons []string
	for _, c := range t.Causes {
		reason := string(t.with(c).render(Incidents))
		if !t.Admin {
			reason = purchase.ShortenIDs(reason)
		}
		reasons = append(reasons, reason)
	}
	if more := len(reasons) - maxReasons; more > 0 {
		reasons = slices.Insert(slices.Delete(reasons, 1, 1+more), 1, string(t.say("%d more incidents.", more)))
	}
	return text(strings.Join(reasons, " Since then: "))
}

// ReasonsWords returns why buying is paused, in plain text. A person's reason stands as they wrote it.
func ReasonsWords(p *purchase.Pause, r Reader) string {
	r.Place = Plain
	t := renderer{p.Cause(), r}
	if len(t.Causes) == 0 || t.Causes[0].Code != purchase.IncidentSaid {
		return finish(string(reasonsText(t)), Plain)
	}
	reason := t.Causes[0].Args["reason"]
	if t.Causes = t.Causes[1:]; len(t.Causes) == 0 {
		return finish(string(t.say("%s", reason)), Plain)
	}
	return finish(string(t.say("%s Since then: %s", ensurePeriod(reason), reasonsText(t))), Plain)
}

// EventWords returns an audit record's note, or else its cause, for an operator. It is empty if the record has neither.
func EventWords(e purchase.Event, r Reader) string {
	if e.Note != "" || e.Code == "" {
		return e.Note
	}
	r.Admin = true
	for _, noun := range []Noun{Incidents, Notices, Results} {
		if table[noun][e.Code] != nil {
			return Words(noun, e.Cause, r)
		}
	}
	return e.Cause.String()
}
