package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The buttons with which approvers decide on an order.
const (
	actionApprove = "order_approve"
	actionDeny    = "order_deny" // opens the form that asks for the reason
)

// approvalFacts is what the approvers' card shows beside the order itself.
type approvalFacts struct {
	now    time.Time
	needed int // approvals
	budget *orders.BudgetReport
	// similar are active licenses that give the same; known is false if CoCalc didn't answer.
	similar []purchase.License
	known   bool
	unsold  string         // why nothing can be bought on this CoCalc server; empty while it sells licenses
	loc     *time.Location // of dates where there is no format
}

// decidable reports whether approvers can still decide on an order.
func decidable(o purchase.Order, now time.Time) bool {
	return o.State == purchase.AwaitingApproval && now.Before(o.ApproveBy)
}

// approvalCard asks approvers to decide about an order, and later shows its outcome. It is a function of its arguments
// alone.
func approvalCard(o purchase.Order, f approvalFacts) content {
	o = withoutIDs(o)
	head := fmt.Sprintf("<@%s> requests a CoCalc license for %s%s", o.Requester.ID, o.Price,
		perPeriod(string(o.Spec.Period)))
	sign := ":raised_hand:" // in a channel full of cards it shows where one stands
	if !decidable(o, f.now) {
		head = strings.Replace(head, " requests ", " requested ", 1)
		sign = outcomeSign(o)
	}
	blocks := []slack.Block{section(sign + " *" + head + "*\n" + renewal(o.Spec, o.Renews))}
	blocks = append(blocks, requestBlocks(o)...)
	if !decidable(o, f.now) {
		outcome, said := approvalOutcome(o, f.loc)
		blocks = append(blocks, decisionBlocks(o)...)
		return content{said + " " + head + ".", append(blocks, section(outcome), orderIDBlock(o))}
	}
	blocks = append(blocks, fields(costFields(o, f)...))
	if f.unsold != "" {
		blocks = append(append(blocks, section(f.unsold)), decisionBlocks(o)...)
		return content{fmt.Sprintf("%s: %s. It can't be bought now.", head, summary(o.Spec)), append(blocks, onlyDeny(o)...)}
	}
	if text := similarWords(f); text != "" {
		blocks = append(blocks, section(text))
	}
	blocks = append(blocks, decisionBlocks(o)...)
	yes := button(actionApprove, string(o.ID), "Approve")
	yes.Style = slack.StylePrimary
	yes.Confirm = slack.NewConfirmationBlockObject(plain("Approve this order?"),
		plain(summary(o.Spec), fmt.Sprintf("%s now. %s", o.Price, renewal(o.Spec, o.Renews))), plain("Approve"),
		plain("Not yet"))
	no := denyButton(o)
	ask := fmt.Sprintf("Expires %s.", formatTime(o.ApproveBy))
	if f.needed > 1 {
		ask = approvalsWords(f.needed, len(o.Approvals)) + " " + ask
	}
	blocks = append(blocks, slack.NewActionBlock("ask_actions", yes, no),
		contextBlock(mrkdwn(ask+" You can't approve your own order. No buttons? Type `/license approve "+string(o.ID)+"`.")))
	expires := o.ApproveBy.UTC().Format(purchase.MomentStyle)
	return content{fmt.Sprintf("%s: %s. Expires %s.", head, summary(o.Spec), expires), blocks}
}

func denyButton(o purchase.Order) *slack.ButtonBlockElement {
	no := button(actionDeny, string(o.ID), "Deny")
	no.Style = slack.StyleDanger
	return no
}

// onlyDeny ends the approvers' card while the server sells no licenses: an approval would lead to nothing.
func onlyDeny(o purchase.Order) []slack.Block {
	return []slack.Block{
		slack.NewActionBlock("ask_actions", denyButton(o)),
		contextBlock(mrkdwn(
			fmt.Sprintf("Expires %s. Denying it releases %s to the budget. No buttons? Type `/license deny %s` with a reason.",
				formatTime(o.ApproveBy), o.Price, o.ID))),
	}
}

// approvalCardWithoutPrice replaces the approvers' card in a channel that not only members read. The approvers get the
// details in direct messages.
func approvalCardWithoutPrice(o purchase.Order, now time.Time) content {
	head := fmt.Sprintf("<@%s> requested a CoCalc license.", o.Requester.ID)
	sign, said := outcomeSign(o), "Approvers: I've sent you the details in a direct message."
	if !decidable(o, now) {
		_, said = approvalOutcome(o, nil)
	}
	return content{head + " " + said, []slack.Block{section(sign + " *" + head + "*\n" + said), orderIDBlock(o)}}
}

// withoutIDs returns the order with whole ids removed from its texts: everyone in the approvers' channel reads them.
func withoutIDs(o purchase.Order) purchase.Order {
	o.Reason, o.Spec.Title, o.Spec.Description = purchase.ShortenIDs(o.Reason), purchase.ShortenIDs(o.Spec.Title),
		purchase.ShortenIDs(o.Spec.Description)
	if o.Project != nil {
		project := *o.Project
		project.Title = purchase.ShortenIDs(project.Title)
		o.Project = &project
	}
	o.Approvals = slices.Clone(o.Approvals)
	for i := range o.Approvals {
		o.Approvals[i].Reason = purchase.ShortenIDs(o.Approvals[i].Reason)
	}
	return o
}

// requestBlocks shows what a license gives, short enough that a phone has it in one piece with the money and the
// buttons.
func requestBlocks(o purchase.Order) []slack.Block {
	spec, rest := o.Spec, []string{
		"stops when idle " + idleWords(string(o.Spec.Uptime)), "member hosting",
		string(o.Spec.User) + " use", "runs " + termWords(o.Spec),
	}
	if !spec.Member {
		rest[1] = "no member hosting"
	}
	if spec.Boost {
		rest = append(rest, "boost")
	}
	if o.Saves > 0 {
		rest = append(rest, fmt.Sprintf("%s a year less than paying monthly", o.Saves))
	}
	if spec.ProjectID != "" {
		rest = append(rest, "added to project "+codeSpan(spec.ProjectID))
	}
	blocks := []slack.Block{userText("Reason", o.Reason)}
	blocks = append(blocks, titleBlocks(o)...)
	if spec.Description != "" {
		blocks = append(blocks, userText("Description", spec.Description))
	}
	blocks = append(blocks, projectBlocks(o)...)
	return append(blocks,
		fields(mrkdwn("*Each project gets*\n"+perProject(spec)),
			mrkdwn(fmt.Sprintf("*Projects running at once*\n%d", spec.RunLimit))),
		contextBlock(mrkdwn(strings.Join(rest, " · "))))
}

// titleBlocks returns the order's title, if it has one, which distinguishes orders that look alike.
func titleBlocks(o purchase.Order) []slack.Block {
	if o.Spec.Title == "" {
		return nil
	}
	return []slack.Block{userText("Title", o.Spec.Title)}
}

// approvalsWords returns how many approvals an order needs and has.
func approvalsWords(needed, have int) string {
	return fmt.Sprintf("Needs %d approvals (%d so far).", needed, have)
}

// costFields say what an order costs, and what was spent already.
func costFields(o purchase.Order, f approvalFacts) []*slack.TextBlockObject {
	yearly := "nothing more (fixed term)"
	switch o.Spec.Period {
	case "monthly":
		yearly = fmt.Sprintf("%s if it keeps renewing", o.Renews*12)
	case "yearly":
		yearly = fmt.Sprintf("%s if it keeps renewing", o.Renews)
	default: // a range ends by itself
	}
	pairs := []*slack.TextBlockObject{mrkdwn("*Now*\n" + o.Price.String()), mrkdwn("*Per year*\n" + yearly)}
	if f.budget == nil || len(f.budget.Months) == 0 {
		return pairs
	}
	month := f.budget.Months[0]
	name, _, _ := strings.Cut(monthName(f.budget.Now), " ") // the year goes without saying
	team := spentWords(month.Spent, month.Reserved)
	if left, limited := f.budget.Left(); limited {
		team += fmt.Sprintf("\n%s of %s left", max(left, 0), f.budget.Limit)
	}
	share := f.budget.Share(o.Requester)
	own := spentWords(share.Spent, share.Reserved)
	if f.budget.Each > 0 {
		own += fmt.Sprintf("\n%s of %s left", max(share.Left(f.budget.Each), 0), f.budget.Each)
	}
	return append(pairs, mrkdwn("*Team in "+name+"*\n"+team),
		mrkdwn(fmt.Sprintf("*<@%s> in %s*\n%s", o.Requester.ID, name, own)))
}

// spentWords returns a month's amounts in words. reserved includes the order that needs approval.
func spentWords(spent, reserved purchase.Cents) string {
	text := fmt.Sprintf("%s spent", spent)
	if reserved > 0 {
		text += fmt.Sprintf("\n%s reserved (including this order)", reserved)
	}
	return text
}

// maxSimilar is how many similar licenses the card names.
const maxSimilar = 3

// similarWords lists active licenses that give the same as the order.
func similarWords(f approvalFacts) string {
	switch {
	case !f.known:
		return ":information_source: I couldn't check whether a matching license is already active."
	case len(f.similar) == 0:
		return "No matching license is active."
	}
	var lines []string
	for _, l := range f.similar[:min(len(f.similar), maxSimilar)] {
		lines = append(lines, fmt.Sprintf("\n• %s: %s, %d running now, %s", codeSpan(purchase.ShortID(l.ID)),
			plural(l.RunLimit, "project")+" at once", l.NumberRunning, lastUse(l)))
	}
	text := fmt.Sprintf(":information_source: *%s already active*%s", matching(len(f.similar)), strings.Join(lines, ""))
	if more := len(f.similar) - maxSimilar; more > 0 {
		text += fmt.Sprintf("\n• and %d more", more)
	}
	return text
}

func matching(n int) string {
	if n == 1 {
		return "A matching license is"
	}
	return fmt.Sprintf("%d matching licenses are", n)
}

// decisionBlocks list who decided what, when and why. The reasons are text that people wrote.
func decisionBlocks(o purchase.Order) []slack.Block {
	var blocks []slack.Block
	for _, a := range o.Approvals {
		if !a.Denied {
			blocks = append(blocks, section(
				fmt.Sprintf(":heavy_check_mark: <@%s> approved, %s.", a.By.ID, formatTime(a.At))))
			continue
		}
		blocks = append(blocks, section(fmt.Sprintf("<@%s> denied it, %s.", a.By.ID, formatTime(a.At))),
			userText("Reason for denying", a.Reason))
	}
	return blocks
}

// requesterFailure returns why an order has failed, for people other than its requester. Sentences about rights and
// limits address the requester.
func requesterFailure(o purchase.Order, zone *time.Location) string {
	said := purchase.ShortenIDs(mrkdwnWords(Failures, o.Failure.Cause, Reader{Zone: zone}))
	if o.Failure.Code == purchase.FailPolicy {
		return fmt.Sprintf("<@%s> was told: %s", o.Requester.ID, said)
	}
	return said
}

// outcomeSign returns the sign of an order's outcome, for people who scan the channel.
func outcomeSign(o purchase.Order) string {
	switch o.State {
	case purchase.AwaitingApproval, purchase.Expired:
		return ":hourglass:"
	case purchase.Denied:
		return ":no_entry:"
	case purchase.Cancelled:
		return ":leftwards_arrow_with_hook:"
	case purchase.Failed:
		return ":x:"
	case purchase.Purchased:
		return ":white_check_mark:"
	default:
		return ":hourglass_flowing_sand:"
	}
}

// approvalOutcome returns the outcome of an order that needed approval: in mrkdwn, and in one word for notifications.
func approvalOutcome(o purchase.Order, zone *time.Location) (text, said string) {
	switch o.State {
	case purchase.AwaitingApproval, purchase.Expired:
		return "*Expired*: no one decided in time.", "Expired."
	case purchase.Denied:
		return "*Denied.*", "Denied."
	case purchase.Cancelled:
		return fmt.Sprintf("*Withdrawn* by <@%s>, %s.", o.Requester.ID, formatTime(o.Updated)), "Withdrawn."
	case purchase.Failed:
		// the admin's own words are on the requester's card
		if o.Failure == nil || o.Failure.Code == purchase.FailByAdmin {
			return "*Not bought.* An admin resolved it.", "Not bought."
		}
		text = "*Not bought.* " + requesterFailure(o, zone)
		if o.Failure.Code == purchase.FailPriceMoved {
			text += " The approval doesn't cover the new price. If the license is still wanted, you'll be asked again."
		}
		return text, "Not bought."
	case purchase.Unknown:
		return "CoCalc hasn't confirmed the purchase yet. I'm checking; it won't be charged twice.", "Approved."
	case purchase.Purchased:
		text = fmt.Sprintf("*Bought for %s.*", o.Receipt.Charged)
		if o.Receipt.LicenseID != "" {
			text += " License " + codeSpan(purchase.ShortID(o.Receipt.LicenseID)) + "."
		}
		return text, "Bought."
	default:
		return "Being bought now.", "Approved."
	}
}

// waitingCard shows the requester that their order waits for approval, and where.
func waitingCard(o purchase.Order, f cardFacts) content {
	where := ""
	if m := o.Message(purchase.MessageAsk); m != nil {
		where = " in <#" + m.Channel + ">"
	}
	text := fmt.Sprintf(
		":raised_hand: *Waiting for approval: a license for %s%s*\nThe approvers decide%s. Expires %s. %s is reserved.",
		o.Price, perPeriod(string(o.Spec.Period)), where, formatTime(o.ApproveBy), o.Price)
	if f.needed > 1 {
		text += " " + approvalsWords(f.needed, len(o.Approvals))
	}
	if f.unsold != "" {
		text += "\n" + f.unsold
	} else {
		text += " I'll message you when it's decided; you can follow it on my Home tab."
	}
	blocks := append([]slack.Block{section(text)}, decisionBlocks(o)...)
	blocks = append(append(blocks, userText("Your reason", o.Reason)), titleBlocks(o)...)
	blocks = append(blocks, contextBlock(plain(summary(o.Spec))),
		slack.NewActionBlock("order_actions", button(actionCancel, string(o.ID), "Withdraw")), orderIDBlock(o))
	return content{fmt.Sprintf("Your license for %s is waiting for approval.", o.Price), blocks}
}

// deniedCard shows the requester who denied the order, and why.
func deniedCard(o purchase.Order, f cardFacts) content {
	c := endedCard(o, f, "Denied. Nothing was charged.")
	if len(o.Approvals) == 0 {
		return c
	}
	c.blocks = slices.Concat([]slack.Block{section(":no_entry: *Denied.* Nothing was charged.")}, decisionBlocks(o),
		titleBlocks(o), c.blocks[1:])
	return c
}

// orderIDBlock shows an order's id in small print, for cards that list the approvers elsewhere.
func orderIDBlock(o purchase.Order) *slack.ContextBlock {
	return contextBlock(mrkdwn("Order `" + string(o.ID) + "`"))
}
