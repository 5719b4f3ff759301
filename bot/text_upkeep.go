package bot

import (
	"fmt"
	"strings"

	"licensebot/purchase"
)

// upkeepText says what was charged or given back for a license that was bought before.
func upkeepText(t renderer) text {
	amount, license := t.money("amount"), t.Args["license"]
	row := t.say("(CoCalc purchase %s)", t.Args["purchase"])
	switch {
	case t.Code == purchase.ResultRenewed:
		return t.say("License `%s` was renewed for %s, until %s %s.", license, amount, t.dateTime("until"), row)
	case t.Code == purchase.ResultRefunded:
		return t.say("CoCalc refunded %s of purchase %s for license `%s` %s.", -amount, t.Args["refunds"], license, row)
	case amount < 0:
		return t.say("A change of license `%s` gave %s back %s.", license, -amount, row)
	}
	return t.say("A change of license `%s` cost %s %s.", license, amount, row)
}

// subscriptionText says how a subscription changed at CoCalc, outside the bot.
func subscriptionText(t renderer) text {
	license, price := t.Args["license"], t.say("%s a %s", t.money("amount"), t.Args["period"])
	switch {
	case t.Code == purchase.SubscriptionCancelled:
		return t.say("The subscription of license `%s` (%s) was cancelled. The license ends on %s.", license, price,
			t.dateTime("until"))
	case t.Code == purchase.SubscriptionResumed:
		return t.say("The subscription of license `%s` (%s) was resumed. It is paid until %s.", license, price,
			t.dateTime("until"))
	}
	return t.say("The subscription of license `%s` now costs %s.", license, price)
}

// chargedTwiceText says what CoCalc charged for one effect. Admins also get a text for CoCalc's support.
func chargedTwiceText(t renderer) text {
	one := t.say("purchase %s on %s for %s", t.Args["other"], t.dateTime("other-at"), t.money("other-amount"))
	two := t.say("purchase %s on %s for %s", t.Args["purchase"], t.dateTime("at"), t.money("amount"))
	said := t.say("CoCalc charged twice for license `%s`, but only one of the charges had an effect: %s, and %s.",
		t.Args["license"], one, two)
	if t.has("differs") {
		said = t.say("License `%s` was changed twice at the same moment. CoCalc charged both, but only one of the changes "+
			"had an effect: %s, and %s.", t.Args["license"], one, two)
	}
	if !t.Admin {
		return said + " The admins have a text for CoCalc's support."
	}
	refund := t.say("purchase %s", t.Args["purchase"])
	if t.has("differs") {
		refund = "the one that had none"
	}
	t.Zone = nil // CoCalc's own times are in UTC
	return said + "\n" + "Please ask CoCalc's support for a refund. You can send this:\n" +
		t.say("On account %s, purchases %s (%s, %s) and %s (%s, %s) of license %s were both charged, but only one of them "+
			"had an effect. Please refund %s.", t.Args["account"], t.Args["other"],
			t.at("other-at").Format(purchase.SecondStyle), t.money("other-amount"), t.Args["purchase"],
			t.at("at").Format(purchase.SecondStyle), t.money("amount"), t.Args["license"], refund)
}

// upkeepNote says what an entry of the history is for, about a license that was bought before. What a change cost shows
// only with money.
func upkeepNote(p purchase.Purchase, money bool) string {
	switch {
	case p.Kind == purchase.EntryRenewal:
		return fmt.Sprintf("Renewed until %s: %s", formatEnd(p.Expires), summary(p.Spec))
	case p.Kind == purchase.EntryRefund:
		return fmt.Sprintf("Refund by CoCalc of purchase %d: %s", p.Refunds, summary(p.Spec))
	case money && p.Charged < 0:
		return "Changed, with money back: " + summary(p.Spec)
	}
	return "Changed: " + summary(p.Spec)
}

// upkeepLines are what happened to a license since it was bought, newest first, with amounts if money is set; a line
// each, which begins with a line break.
func upkeepLines(o purchase.LicenseEntry, money bool) string {
	var lines strings.Builder
	for _, e := range o.Upkeep {
		fmt.Fprintf(&lines, "\n%s: ", formatTime(e.Time))
		switch amount := e.Charged; {
		case e.Kind == purchase.EntryRenewal && money:
			fmt.Fprintf(&lines, "renewed for %s, until %s.", amount, formatEnd(e.Expires))
		case e.Kind == purchase.EntryRenewal:
			fmt.Fprintf(&lines, "renewed until %s.", formatEnd(e.Expires))
		case e.Kind == purchase.EntryRefund && money:
			fmt.Fprintf(&lines, "CoCalc refunded %s.", -amount)
		case e.Kind == purchase.EntryRefund:
			lines.WriteString("CoCalc gave a refund.")
		case money && amount < 0:
			fmt.Fprintf(&lines, "changed to %s; %s back.", summary(e.Spec), -amount)
		case money:
			fmt.Fprintf(&lines, "changed to %s for %s.", summary(e.Spec), amount)
		default:
			fmt.Fprintf(&lines, "changed to %s.", summary(e.Spec))
		}
	}
	if o.Owned != nil && money {
		for _, d := range o.Owned.Doubles {
			fmt.Fprintf(&lines, "\n:rotating_light: %s", doubleLine(d))
		}
	}
	return lines.String()
}

// doubleLine says what became of two charges that had one effect.
func doubleLine(d purchase.DoubleCharge) string {
	said := fmt.Sprintf("CoCalc charged twice (purchases %d and %d, %s).", d.With, d.Row, d.Amount)
	switch {
	case !d.IsOpen():
		return said + fmt.Sprintf(" Refunded with purchase %d.", d.Refund)
	case !d.Requested.IsZero():
		return said + fmt.Sprintf(" %s requested a refund %s.", mention(d.By), formatDate(d.Requested))
	}
	return said + " A refund hasn't been requested yet."
}

// renewalsText says that renewals pass the monthly budget by themselves, and what an admin can set.
func renewalsText(t renderer) text {
	var sums []string
	if t.has("monthly") {
		sums = append(sums, fmt.Sprintf("%s a month", t.money("monthly")))
	}
	if t.has("yearly") {
		sums = append(sums, fmt.Sprintf("%s a year", t.money("yearly")))
	}
	said := t.say("%s that renew cost %s, up to %s in one month. The monthly budget is %s", plural(t.number("licenses"),
		"license"), strings.Join(sums, " and "), t.money("most"), t.money("limit"))
	if t.has("counted") {
		return said + ". Renewals are deducted from it now."
	}
	return said + t.say(", so renewals are shown and not deducted from it. To have them deducted, raise `MONTHLY_BUDGET` "+
		"above that, or set `RENEWALS_LIMIT`.")
}
