package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// unknownCard shows that the outcome is unknown, and that the person need not do anything.
func unknownCard(o purchase.Order, f cardFacts) content {
	if f.unsold != "" {
		return unresolvableCard(o)
	}
	why := "CoCalc hasn't confirmed this purchase. I'm checking"
	if o.Unresolved != nil {
		why = fmt.Sprintf("%s. I'm checking until at least %s", mrkdwnWords(Holds, o.Unresolved.Cause, Reader{}),
			formatClock(o.Unresolved.Until))
	}
	text := ":hourglass_flowing_sand: *Not confirmed yet*\n" + why +
		", and I'll tell you here. You won't be charged twice, and there's nothing " +
		"you need to do."
	if o.IsReserved() {
		text += " Other orders wait until then."
	}
	text += " `/license order " + string(o.ID) + "` shows what CoCalc reports; an admin can resolve it."
	return content{
		"CoCalc hasn't confirmed your purchase yet. You won't be charged twice; I'll tell you how it ends.",
		[]slack.Block{
			section(text),
			slack.NewActionBlock("order_actions", button(actionRefresh, string(o.ID), "Check again")),
			orderFooter(o),
		},
	}
}

// failedCard says that nothing was bought, why, and what to do next.
func failedCard(o purchase.Order, f cardFacts) content {
	why, fallback := section(":x: *Not bought.* The purchase didn't go through."), "The purchase didn't go through."
	switch {
	case o.Failure == nil:
	case f.unsold != "" && plainFailures[o.Failure.Code] != "":
		fallback = plainFailures[o.Failure.Code]
		why = section(":x: *Not bought.* " + fallback)
	case quotesPeople(o.Failure.Cause): // text that a person wrote
		why = plainSection("❌ Not bought. " + FailureWords(o.Failure, Reader{Zone: f.loc}))
		if fallback = "an admin resolved it."; o.Failure.Code != purchase.FailByAdmin {
			fallback = mrkdwnWords(Failures, o.Failure.Cause, Reader{Zone: f.loc})
		}
	default:
		fallback = mrkdwnWords(Failures, o.Failure.Cause, Reader{Zone: f.loc})
		why = section(":x: *Not bought.* " + fallback)
	}
	blocks := []slack.Block{why, contextBlock(plain(summary(o.Spec)))}
	switch {
	case f.unsold != "" && o.Failure != nil && o.Failure.Code == purchase.FailNotSold: // the sentence says it
	case f.unsold != "":
		blocks = append(blocks, section(f.unsold))
	case o.Offers(f.now):
		blocks = append(blocks, slack.NewActionBlock("order_actions", yesButton(actionNewPrice, o, o.Failure.NewPrice, f)))
	default:
		blocks = append(blocks, slack.NewActionBlock("order_actions", button(actionAgain, string(o.ID), "Try again")))
	}
	return content{"Not bought: " + fallback, append(blocks, orderFooter(o))}
}

// endedCard is the card of an order that has ended.
func endedCard(o purchase.Order, f cardFacts, sentence string) content {
	blocks := []slack.Block{section(sentence)}
	if f.unsold != "" {
		blocks = append(blocks, contextBlock(plain(summary(o.Spec))), section(f.unsold))
	} else {
		blocks = append(blocks, contextBlock(plain(fmt.Sprintf("%s for %s", summary(o.Spec), o.Price))),
			slack.NewActionBlock("order_actions", button(actionAgain, string(o.ID), "Order again")))
	}
	return content{sentence, append(blocks, orderFooter(o))}
}

// extraText names every license of a double buy, with the amount.
func extraText(r purchase.Receipt) string {
	var ids []string
	if r.LicenseID != "" {
		ids = append(ids, codeSpan(r.LicenseID))
	}
	var sum purchase.Cents
	for _, x := range r.Duplicates {
		ids = append(ids, codeSpan(x.LicenseID))
		sum += x.Charged
	}
	return fmt.Sprintf(
		":rotating_light: *CoCalc sold this more than once*, because another checkout ran on the account at the same time. "+
			"The licenses are %s. %s was charged too much: ask the support of your CoCalc server for a refund. Buying "+
			"is paused until an admin resumes it.",
		strings.Join(ids, " and "), sum)
}

// purchaseLineWithoutPrice is the line for a channel that others than members read.
func purchaseLineWithoutPrice(o purchase.Order) content {
	text := fmt.Sprintf("<@%s> bought a CoCalc license. Details: `/license order %s`", o.Requester.ID, o.ID)
	return content{text, []slack.Block{section(text)}}
}
