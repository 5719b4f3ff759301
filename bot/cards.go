package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The action ids of the buttons. A button that belongs to an order carries the order's id as its value.
const (
	actionBuy      = "order_buy"
	actionNewPrice = "order_buy_new_price"
	actionEdit     = "order_edit"
	actionCancel   = "order_cancel"
	actionAgain    = "order_again"   // propose the same specification again
	actionRefresh  = "order_refresh" // show the card as the order is now
	actionLink     = "link"
)

// content is a message as Slack takes it: blocks, and the text that notifications and screen readers get.
type content struct {
	text   string
	blocks []slack.Block
}

// cardFacts is what an order's card shows beside the order itself.
type cardFacts struct {
	site    purchase.Site // CoCalc's pages
	now     time.Time
	loc     *time.Location // of dates where there is no format
	ahead   int            // orders that are bought before this one
	left    purchase.Cents
	limited bool            // whether left is limited at all
	asks    bool            // it needs approval
	sum     purchase.DaySum // why it needs approval, if it is today's sum
	needed  int             // how many have to approve it
	// unsold is why nothing can be bought on this CoCalc server; empty while it sells licenses.
	unsold string
}

// factsOf returns what a card says beside an order, as the view has it. loc is for dates where there is no format.
func factsOf(v orders.View, seller Seller, now time.Time, loc *time.Location) cardFacts {
	rules := seller.Rules()
	return cardFacts{
		site: rules.Site, now: now, loc: loc, ahead: v.Ahead, left: v.Left, limited: v.Limited, asks: v.NeedsApproval,
		sum: v.Sum, needed: rules.Policy.Approvals, unsold: unsold(seller),
	}
}

// card shows an order as it is now. It is a function of its arguments alone: shown again, it says the same.
func card(o purchase.Order, f cardFacts) content {
	switch o.State {
	case purchase.Proposed:
		if !f.now.Before(o.Expires) {
			return endedCard(o, f, "This card has expired.")
		}
		if f.unsold != "" {
			return unsoldCard(o, f)
		}
		return proposalCard(o, f)
	case purchase.AwaitingApproval:
		return waitingCard(o, f)
	case purchase.Approved, purchase.Adding, purchase.Carted, purchase.Paying:
		return progressCard(o, f)
	case purchase.Unknown:
		return unknownCard(o, f)
	case purchase.Purchased:
		return receiptCard(o, f)
	case purchase.Failed:
		return failedCard(o, f)
	case purchase.Cancelled:
		if !o.ApproveBy.IsZero() {
			return endedCard(o, f, "Request withdrawn. Nothing was charged.")
		}
		return endedCard(o, f, "Order cancelled. Nothing was charged.")
	case purchase.Denied:
		return deniedCard(o, f)
	case purchase.Expired:
		if !o.ApproveBy.IsZero() {
			return endedCard(o, f, "No one approved this in time, so the request expired. Nothing was charged.")
		}
		return endedCard(o, f, "This card has expired.")
	}
	return endedCard(o, f, "This order is "+string(o.State)+".")
}

// proposalCard is the price with its buttons.
func proposalCard(o purchase.Order, f cardFacts) content {
	price := o.Price.String()
	buy := yesButton(actionBuy, o, o.Price, f)
	blocks := []slack.Block{
		section(fmt.Sprintf("*A CoCalc license for %s%s*\n%s%s", price, perPeriod(string(o.Spec.Period)),
			renewal(o.Spec, o.Renews), saving(o.Saves))),
	}
	blocks = append(blocks, specBlocks(o.Spec, o.Reason)...)
	blocks = append(blocks, projectBlocks(o)...)
	notes := o.Spec.Notes()
	if f.limited {
		notes = append(notes, fmt.Sprintf("%s of this month's budget is left.", f.left))
	}
	if f.asks {
		notes = append(notes, "This order needs approval. Clicking sends it to the approvers.")
		if f.sum.Passed() {
			notes = append(notes, daySumWords(f.sum))
		}
	}
	charged := "You won't be charged until you click Buy."
	if f.asks {
		charged = "You won't be charged unless it's approved."
	}
	notes = append(notes, fmt.Sprintf("%s This price is valid until %s.", charged, formatClock(o.Expires)))
	blocks = append(blocks,
		contextBlock(mrkdwn(strings.Join(notes, " "))),
		slack.NewActionBlock("order_actions", buy, button(actionEdit, string(o.ID), "Edit"),
			button(actionCancel, string(o.ID), "Cancel order")),
	)
	return content{fmt.Sprintf("A CoCalc license for %s%s: %s. %s", price, perPeriod(string(o.Spec.Period)),
		summary(o.Spec),
		charged), blocks}
}

// daySumWords say why an order needs approval that is within the limit by itself.
func daySumWords(s purchase.DaySum) string {
	return fmt.Sprintf("You've used %s of the %s a day that you can spend without approval.", s.Used, s.Limit)
}

// yesButton is the button that buys or requests approval.
func yesButton(action string, o purchase.Order, price purchase.Cents, f cardFacts) *slack.ButtonBlockElement {
	words, confirm := "Buy for "+price.String(), confirmBuy
	if f.asks {
		words, confirm = "Request approval ("+price.String()+")", confirmAsk
	}
	yes := button(action, string(o.ID), words)
	yes.Style = slack.StylePrimary
	yes.Confirm = confirm(o, price)
	return yes
}

// confirmBuy is Slack's own question before the click counts.
func confirmBuy(o purchase.Order, price purchase.Cents) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(plain("Buy this license?"),
		plain(summary(o.Spec), fmt.Sprintf("%s now. %s", price, renewal(o.Spec, price))),
		plain(cut("Buy for "+price.String(), 30)), plain("Not yet"))
}

// confirmAsk is the confirmation dialog of an order that needs approval.
func confirmAsk(o purchase.Order, price purchase.Cents) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(plain("Request approval?"),
		plain(summary(o.Spec), fmt.Sprintf("%s once it's approved. %s", price, renewal(o.Spec, price))),
		plain("Request approval"), plain("Not yet"))
}

// specBlocks show what a license gives. What people wrote is plain text: it never becomes a mention, link or format.
func specBlocks(spec purchase.Spec, reason string) []slack.Block {
	hosting := "Yes"
	if !spec.Member {
		hosting = "No"
	}
	pairs := []*slack.TextBlockObject{
		mrkdwn("*Each project gets*\n" + perProject(spec)),
		mrkdwn(fmt.Sprintf("*Projects running at once*\n%d", spec.RunLimit)),
		mrkdwn("*Stops when idle*\n" + idleWords(string(spec.Uptime))),
		mrkdwn("*Member hosting*\n" + hosting),
		mrkdwn("*For*\n" + string(spec.User) + " use"),
		mrkdwn("*Runs*\n" + termWords(spec)),
	}
	if spec.Boost {
		pairs = append(pairs, mrkdwn("*Boost*\nYes"))
	}
	if spec.ProjectID != "" {
		pairs = append(pairs, mrkdwn("*Added to project*\n"+codeSpan(spec.ProjectID)))
	}
	blocks := []slack.Block{fields(pairs...)}
	for _, said := range []struct{ label, text string }{
		{"Title", spec.Title}, {"Description", spec.Description}, {"Reason", reason},
	} {
		if said.text != "" {
			blocks = append(blocks, userText(said.label, said.text))
		}
	}
	return blocks
}

// projectBlocks name the license's project if it can surprise: CoCalc can't take a license off a project.
func projectBlocks(o purchase.Order) (blocks []slack.Block) {
	if o.Project == nil {
		return nil
	}
	if o.Project.Title != "" {
		blocks = append(blocks, userText("Project", o.Project.Title))
	}
	if o.Project.Collaborator {
		blocks = append(blocks, section(
			":warning: The team's CoCalc account doesn't own this project; it is only a collaborator. "+
				"A license can't be taken off a project again."))
	}
	return blocks
}

func idleWords(uptime string) string {
	switch uptime {
	case "short":
		return "after 30 minutes"
	case "medium":
		return "after 2 hours"
	case "day":
		return "after 1 day"
	}
	return "never"
}

// The steps of a purchase as people see them, with the state in which each is being done.
var steps = []struct {
	state purchase.State
	doing string
	done  string
}{
	{purchase.Approved, "Waiting for its turn", "Confirmed"},
	{purchase.Adding, "Adding it to the CoCalc cart", "Added to the CoCalc cart"},
	{purchase.Carted, "Checking that the price hasn't changed", "Price checked"},
	{purchase.Paying, "Paying", "Paid"},
}

// progressCard shows the steps while they happen. It has no buttons that could no longer mean anything.
func progressCard(o purchase.Order, f cardFacts) content {
	lines := []string{fmt.Sprintf("*Buying a license for %s: %s*", o.Price, summary(o.Spec))}
	doing, reached := "", false
	for _, s := range steps {
		switch {
		case s.state == o.State:
			reached = true
			doing = s.doing
			if s.state == purchase.Approved && f.ahead > 0 {
				doing += ", after " + plural(f.ahead, "other order")
			}
			lines = append(lines, ":hourglass_flowing_sand: "+doing+" …")
		case reached:
			lines = append(lines, ":white_circle: "+s.doing)
		default:
			lines = append(lines, ":white_check_mark: "+s.done)
		}
	}
	blocks := []slack.Block{section(strings.Join(lines, "\n"))}
	switch {
	case f.unsold != "" && o.State == purchase.Approved && (o.Blocked == nil || o.Blocked.Code != purchase.WaitsForServer):
		blocks = append(blocks, section(":warning: This order is on hold. "+f.unsold))
	case o.Blocked != nil:
		blocks = append(blocks, section(":warning: "+mrkdwnWords(Waits, o.Blocked.Cause, Reader{Zone: f.loc})))
	}
	if o.State == purchase.Approved {
		blocks = append(blocks, slack.NewActionBlock("order_actions",
			button(actionCancel, string(o.ID), "Cancel order")))
	}
	blocks = append(blocks, orderFooter(o))
	return content{fmt.Sprintf("Buying a license for %s: %s.", o.Price, strings.ToLower(doing)), blocks}
}

// receiptCard proves the purchase.
func receiptCard(o purchase.Order, f cardFacts) content {
	r := o.Receipt
	if r == nil { // cannot be: Purchased is only entered with a receipt
		return endedCard(o, f, "Bought.")
	}
	head := fmt.Sprintf(":white_check_mark: *Bought for %s: %s*\n%s", r.Charged, summary(o.Spec),
		firstRenewal(o))
	if r.Charged < o.Price {
		head += fmt.Sprintf(" That's less than the %s you confirmed.", o.Price)
	}
	license := "not known yet"
	if r.LicenseID != "" {
		license = codeSpan(r.LicenseID)
	}
	pairs := []*slack.TextBlockObject{mrkdwn("*License*\n" + license)}
	if end := o.Ends(); !end.IsZero() {
		pairs = append(pairs, mrkdwn("*"+untilWord(o.Spec)+"*\n"+formatEnd(end)))
	}
	blocks := []slack.Block{section(head), fields(pairs...)}
	if o.Spec.Title != "" {
		blocks = append(blocks, userText("Title", o.Spec.Title))
	}
	if r.Settled != nil { // text that an admin wrote
		blocks = append(blocks,
			plainSection("CoCalc didn't confirm this purchase. "+Words(Results, *r.Settled, Reader{Zone: f.loc})))
	}
	if r.Adopted {
		blocks = append(blocks, section(
			":information_source: Another checkout on the same CoCalc account bought it before mine was sent. It was "+
				"charged once."))
	}
	if len(r.Duplicates) > 0 {
		blocks = append(blocks, section(extraText(*r)))
	}
	if m := o.Message(purchase.MessageLine); m != nil && m.Problem != "" {
		why := " because I'm not in it. Type `/invite @licensebot` there."
		if m.Problem != "not_in_channel" && m.Problem != "channel_not_found" {
			why = ". Slack says " + codeSpan(m.Problem) + "."
		}
		blocks = append(blocks, section(":information_source: I couldn't post this in the channel"+why))
	}
	if f.unsold == "" {
		row := []slack.BlockElement{button(actionAgain, string(o.ID), "Buy another like this")}
		if r.LicenseID != "" {
			row = append([]slack.BlockElement{linkButton("Open in CoCalc", f.site.License(r.LicenseID))}, row...)
		}
		blocks = append(blocks, slack.NewActionBlock("order_actions", row...))
	}
	blocks = append(blocks, orderFooter(o))
	text := fmt.Sprintf("Bought for %s: %s.", r.Charged, summary(o.Spec))
	if r.LicenseID != "" {
		text += " License " + r.LicenseID + "."
	}
	return content{text, blocks}
}

func untilWord(spec purchase.Spec) string {
	if spec.Period == "range" {
		return "Expires"
	}
	return "Paid until"
}

func orderFooter(o purchase.Order) *slack.ContextBlock {
	return contextBlock(mrkdwn("Order `" + string(o.ID) + "`" + approvedBy(o)))
}

// purchaseLine is the channel's line about a purchase. Everyone in the channel reads it, so it shows only the end of
// the license's id.
func purchaseLine(o purchase.Order) content {
	text := fmt.Sprintf("<@%s> bought a CoCalc license for %s%s: %s.", o.Requester.ID, o.Receipt.Charged,
		perPeriod(string(o.Spec.Period)), summary(o.Spec))
	if len(o.Receipt.Duplicates) > 0 {
		text += " :rotating_light: CoCalc sold it more than once; see `/license order " + string(o.ID) + "`."
	}
	ids := "Order `" + string(o.ID) + "`"
	if o.Receipt.LicenseID != "" {
		ids = "License " + codeSpan(purchase.ShortID(o.Receipt.LicenseID)) + " · order `" + string(o.ID) + "`"
	}
	return content{text, []slack.Block{section(text), contextBlock(mrkdwn(ids))}}
}

// approvedBy names in small print who approved an order.
func approvedBy(o purchase.Order) string {
	var names []string
	for _, a := range o.Approvals {
		if !a.Denied {
			names = append(names, "<@"+a.By.ID+">")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " · approved by " + strings.Join(names, " and ")
}
