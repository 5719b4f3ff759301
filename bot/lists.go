package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The action ids of what can be browsed. Their values are pages, or ids.
const (
	actionListPage     = "list_page"     // value: listing as JSON
	actionLicense      = "license_show"  // value: looking as JSON
	actionLicenseAgain = "license_again" // value: the license's id
	actionHistoryPage  = "history_page"  // value: the page
)

// pageSize is how many licenses or purchases a page shows: what fits on a phone without getting lost.
const pageSize = 10

// listState says which page of which licenses is shown.
type listState struct {
	Filter string `json:"f"` // one of filters
	Page   int    `json:"p"` // from 1
}

var filters = []string{"active", "expired", "all"}

func (l listState) value() string {
	data, _ := json.Marshal(l) // cannot fail
	return string(data)
}

// detailState says which license is shown, and from which page of the list one came.
type detailState struct {
	ID   string     `json:"id"`
	From *listState `json:"from,omitempty"`
}

func (l detailState) value() string {
	data, _ := json.Marshal(l) // cannot fail
	return string(data)
}

// showPage answers the buttons of lists: the new page takes the place of the old one.
func (h *Handler) showPage(kind, argument string, at replyTarget, action purchase.Action) socket.Reply {
	lane := socket.LaneRead
	if kind == actionHistoryPage {
		lane = socket.LaneLedger
	}
	return h.read(lane, at, func(ctx context.Context) answer {
		action.Actor = h.people.LookUp(ctx, action.Actor)
		if kind == actionLicenseAgain {
			return h.repeatLicense(ctx, argument, at, action)
		}
		sight, err := h.mayView(ctx, action)
		if err != nil { // in the place of what they could see before
			return h.replyFunc(at, h.refusalMessage(err), true)
		}
		switch kind {
		case actionListPage:
			var l listState
			if json.Unmarshal([]byte(argument), &l) != nil || l.Page < 1 || !slices.Contains(filters, l.Filter) {
				l = listState{"active", 1}
			}
			list := h.readable(action.Actor,
				func(ctx context.Context, s purchase.Sight) content { return h.showLicenses(ctx, l, s) })
			return h.replyFunc(at, list(ctx, sight), true)
		case actionLicense:
			var l detailState
			if json.Unmarshal([]byte(argument), &l) != nil {
				return h.replyFunc(at, textMessage("This button has expired. Run `/license list` again."), false)
			}
			one := h.readable(action.Actor,
				func(ctx context.Context, s purchase.Sight) content { return h.showLicense(ctx, l.ID, l.From, s) })
			return h.replyFunc(at, one(ctx, sight), true)
		case actionHistoryPage:
			page := 1
			if _, err := fmt.Sscanf(argument, "%d", &page); err != nil || page < 1 {
				page = 1
			}
			return h.replyFunc(at, h.showHistory(ctx, page, sight), true)
		}
		return nil
	})
}

// repeatLicense proposes another license like one of the account's.
func (h *Handler) repeatLicense(ctx context.Context, id string, at replyTarget, action purchase.Action) answer {
	if _, err := h.desk.Allowed(ctx, action, "", orders.Buy); err != nil { // before they learn anything of the license
		return h.replyFunc(at, h.refusalMessage(err), isUnsold(err)) // where nothing is sold, no button to buy stays
	}
	owned, err := h.licenses.one(ctx, id)
	if err != nil {
		return h.replyFunc(at, textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc)), false)
	}
	spec := purchasedSpec(owned.License, h.defaults)
	if owned.Purchase != nil {
		spec = repeatSpec(owned.Purchase.Spec, h.now(), owned.Purchase.Time, h.loc)
	}
	reply, _ := h.propose(ctx, at, action, spec, "")
	return reply.After
}

// licenseState returns a license's state as a word and an emoji.
func licenseState(l purchase.License, now time.Time) (word, sign string) {
	switch {
	case !l.Expires.IsZero() && !l.Expires.After(now):
		return "expired", ":white_circle:"
	case l.Activates.After(now):
		return "not begun", ":large_blue_circle:"
	}
	return "active", ":large_green_circle:"
}

// showLicenses returns a page of the account's licenses. It shows an empty list only if CoCalc has accepted the key,
// and an error otherwise.
func (h *Handler) showLicenses(ctx context.Context, l listState, s purchase.Sight) content {
	all, err := h.licenses.list(ctx)
	if err != nil {
		h.log.Warn().Err(err).Msg("fail to list the licenses")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	return licenseList(all, l, h.now(), s)
}

func licenseList(all []purchase.LicenseEntry, l listState, now time.Time, s purchase.Sight) content {
	var shown []purchase.LicenseEntry
	for _, o := range all {
		word, _ := licenseState(o.License, now)
		if l.Filter == "all" || (l.Filter == "expired") == (word == "expired") {
			shown = append(shown, o)
		}
	}
	pages := max((len(shown)+pageSize-1)/pageSize, 1)
	l.Page = min(l.Page, pages)
	from := (l.Page - 1) * pageSize
	head := fmt.Sprintf("*%s*", plural(len(shown), l.kind()+"license"))
	if len(shown) == 0 {
		head = fmt.Sprintf("No %slicenses.", l.kind())
		if len(all) > 0 {
			head += fmt.Sprintf(" `/license list all` shows all %d.", len(all))
		} else {
			head = fmt.Sprintf("No %slicenses yet. `/license buy` to get one.", l.kind())
		}
	}
	if pages > 1 {
		head += fmt.Sprintf(" · page %d of %d", l.Page, pages)
	}
	blocks := []slack.Block{section(head)}
	for _, o := range shown[from:min(from+pageSize, len(shown))] {
		blocks = append(blocks, licenseRow(o, l, now, s)...)
	}
	blocks = append(blocks, slack.NewActionBlock("list_pages", listButtons(l, pages)...))
	return content{strings.ReplaceAll(head, "*", ""), blocks}
}

func (l listState) kind() string {
	if l.Filter == "all" {
		return ""
	}
	return l.Filter + " "
}

// licenseRow is a license in the list: what people wrote is plain text.
func licenseRow(o purchase.LicenseEntry, l listState, now time.Time, s purchase.Sight) []slack.Block {
	_, sign := licenseState(o.License, now)
	row := slack.NewSectionBlock(plain(licenseName(o.License)), nil,
		slack.NewAccessory(button(actionLicense+":"+o.License.ID, detailState{o.License.ID, &l}.value(), "Details")))
	facts := []string{plural(o.License.RunLimit, "project") + " at once"}
	if displayTitle(o.License.Title) != "" { // otherwise its name is already its description
		facts = append([]string{quotaOf(o.License)}, facts...)
	}
	text := fmt.Sprintf("%s %s\n%s · %s\n%s", sign, strings.Join(facts, " · "), expiry(o, now, s), lastUse(o.License),
		codeSpan(o.License.ID))
	return []slack.Block{slack.NewDividerBlock(), row, contextBlock(mrkdwn(text))}
}

// licenseName returns the title of a license, or a description of it if it has none.
func licenseName(l purchase.License) string {
	if title := displayTitle(l.Title); title != "" {
		return title
	}
	return quotaOf(l)
}

func quotaOf(l purchase.License) string { return resources(l.Quota.RAM, l.Quota.CPU, l.Quota.Disk) }

func resources(ram, cpu, disk float64) string {
	cores := "cores"
	if cpu == 1 {
		cores = "core"
	}
	return fmt.Sprintf("%g GB RAM · %g %s · %g GB disk", ram, cpu, cores, disk)
}

// expiry says when a license ends, or when it is charged again, with the price for those who may see it.
func expiry(o purchase.LicenseEntry, now time.Time, s purchase.Sight) string {
	word, _ := licenseState(o.License, now)
	end := o.Ends()
	switch {
	case end.IsZero():
		return "never expires"
	case word == "not begun":
		return fmt.Sprintf("from %s until %s", formatStart(o.License.Activates), formatEnd(end))
	case word == "expired":
		return "expired " + formatEnd(end)
	case o.Unread:
		return "paid until " + formatEnd(end)
	case o.Subscription == nil:
		return "until " + formatEnd(end)
	}
	at, price := o.NextCharge()
	amount := ""
	if s.Cost(o.Requester()) {
		amount = fmt.Sprintf(" for %s", price)
	}
	switch {
	case at.IsZero():
		return "cancelled, ends " + formatEnd(end)
	case !at.After(now): // an account without a payment method is not charged
		return fmt.Sprintf("should have renewed %s%s, ends %s", formatDate(at), amount, formatEnd(end))
	}
	return fmt.Sprintf("renews %s%s", formatDate(at), amount)
}

func lastUse(l purchase.License) string {
	if l.LastUsed.IsZero() {
		return "never used"
	}
	return "last used " + formatDate(l.LastUsed)
}

// listButtons turn pages and choose which licenses are shown.
func listButtons(l listState, pages int) []slack.BlockElement {
	var row []slack.BlockElement
	if l.Page > 1 {
		row = append(row, button(actionListPage+":back", listState{l.Filter, l.Page - 1}.value(), "← Back"))
	}
	if l.Page < pages {
		row = append(row, button(actionListPage+":more", listState{l.Filter, l.Page + 1}.value(), "More →"))
	}
	for _, filter := range filters {
		if filter != l.Filter {
			row = append(row, button(actionListPage+":"+filter, listState{filter, 1}.value(),
				strings.ToUpper(filter[:1])+filter[1:]))
		}
	}
	return row
}

// showLicense shows one license, with a way back when one came from the list.
func (h *Handler) showLicense(ctx context.Context, id string, from *listState, s purchase.Sight) content {
	o, err := h.licenses.one(ctx, id)
	if err != nil {
		h.log.Warn().Str("error", purchase.ShortenIDs(err.Error())).Msg("fail to read a license")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	return licenseDetails(o, from, h.now(), s, h.desk.Rules().Site)
}

// usedFor describes who a license is for. A value that isn't one of CoCalc's is shown as it is.
func usedFor(user string) string {
	if user == "business" || user == "academic" {
		return user + " use"
	}
	return codeSpan(user) + " use"
}

func licenseDetails(o purchase.LicenseEntry, from *listState, now time.Time, s purchase.Sight,
	site purchase.Site,
) content {
	l := o.License
	word, sign := licenseState(l, now)
	hosting := "No"
	if l.Quota.Member {
		hosting = "Yes"
	}
	pairs := []*slack.TextBlockObject{
		mrkdwn("*State*\n" + sign + " " + word),
		mrkdwn("*Each project gets*\n" + quotaOf(l)),
		mrkdwn(fmt.Sprintf("*Projects running at once*\n%d, %d running now", l.RunLimit, l.NumberRunning)),
		mrkdwn("*Stops when idle*\n" + idleWords(l.Quota.Uptime)),
		mrkdwn("*Member hosting*\n" + hosting),
		mrkdwn("*For*\n" + usedFor(l.Quota.User)),
		mrkdwn("*Runs*\n" + expiry(o, now, s)),
		mrkdwn("*Used*\n" + lastUse(l)),
	}
	blocks := []slack.Block{slack.NewSectionBlock(plain(licenseName(l)), nil, nil), fields(pairs...)}
	if o.Purchase != nil {
		p := o.Purchase
		text := fmt.Sprintf("Bought by %s %s, order `%s`.", mention(p.Requester.ID), formatTime(p.Time), p.Order)
		if s.Cost(p.Requester) {
			text = fmt.Sprintf("Bought by %s %s for %s, order `%s`.", mention(p.Requester.ID), formatTime(p.Time),
				p.Charged, p.Order)
		}
		if o.Owned != nil {
			text += upkeepLines(o, s.Cost(p.Requester))
		}
		blocks = append(blocks, section(text))
	}
	if o.Owned != nil && o.Owned.Decision.IsPending() {
		blocks = append(blocks, section(pendingDecision(o.Owned.Decision)))
	}
	row := []slack.BlockElement{
		linkButton("Open in CoCalc", site.License(l.ID)),
		button(actionLicenseAgain, l.ID, "Buy another like this"),
	}
	row = append(row, renewalButtons(o, now, s)...)
	if from != nil {
		row = append(row, button(actionListPage+":list", from.value(), "← Back to list"))
	}
	blocks = append(blocks, slack.NewActionBlock("license_actions", row...),
		contextBlock(mrkdwn("License "+codeSpan(l.ID))))
	return content{fmt.Sprintf("License %s: %s.", l.ID, word), blocks}
}

// renewalButtons are the buttons with which a person who may ends or keeps the subscription of a license.
func renewalButtons(o purchase.LicenseEntry, now time.Time, s purchase.Sight) []slack.BlockElement {
	sub := o.Subscription
	if sub == nil || !s.Renewal(o) || o.Owned != nil && o.Owned.Decision.IsPending() {
		return nil
	}
	switch {
	case sub.Status == purchase.StatusActive:
		return []slack.BlockElement{button(actionAskEnd, o.License.ID, "End subscription")}
	case now.Before(sub.CurrentPeriodEnd):
		return []slack.BlockElement{button(actionAskKeep, o.License.ID, "Keep subscription")}
	}
	return nil
}

// showHistory is a page of the purchase log, with what the months have cost.
func (h *Handler) showHistory(ctx context.Context, page int, s purchase.Sight) content {
	past, err := h.desk.History(ctx, page, pageSize)
	if err != nil {
		h.log.Error().Err(err).Msg("fail to read the purchase log")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	return historyPage(past, s)
}

func historyPage(h orders.History, s purchase.Sight) content {
	var totals []string
	for _, m := range h.Months {
		text := fmt.Sprintf("*%s*: %s spent%s, %s", monthName(m.Month), m.Spent, upkeepWords(m.Upkeep),
			plural(m.Bought, "license"))
		if m.Reserved > 0 {
			text += fmt.Sprintf(", %s reserved", m.Reserved)
		}
		if left, limited := h.Limit.Left(m); m.Month == h.Now && limited {
			text += fmt.Sprintf(", %s of %s left", max(left, 0), h.Limit)
		}
		totals = append(totals, text)
	}
	head := strings.Join(totals, "\n")
	if h.Pages > 1 {
		head += fmt.Sprintf("\npage %d of %d", h.Page, h.Pages)
	}
	blocks := []slack.Block{section(head)}
	if len(h.Purchases) == 0 {
		blocks = append(blocks, section("No purchases yet."))
	}
	for _, p := range h.Purchases {
		blocks = append(blocks, slack.NewDividerBlock(), section(historyEntry(p, s.Cost(p.Requester))))
		if title := displayTitle(p.Spec.Title); title != "" {
			blocks = append(blocks, slack.NewSectionBlock(plain(title), nil, nil))
		}
		blocks = append(blocks, contextBlock(
			mrkdwn(fmt.Sprintf("License %s · order `%s` · #%d", codeSpan(p.LicenseID), p.Order, p.Number))))
	}
	var row []slack.BlockElement
	if h.Page > 1 {
		row = append(row, button(actionHistoryPage+":back", fmt.Sprint(h.Page-1), "← Newer"))
	}
	if h.More {
		row = append(row, button(actionHistoryPage+":more", fmt.Sprint(h.Page+1), "Older →"))
	}
	if len(row) > 0 {
		blocks = append(blocks, slack.NewActionBlock("history_pages", row...))
	}
	return content{strings.ReplaceAll(strings.Join(totals, "; "), "*", ""), slices.Clip(blocks)}
}

// upkeepWords says how much of what was spent was for licenses bought before.
func upkeepWords(upkeep purchase.Cents) string {
	if upkeep == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s of it for renewals, changes and refunds)", upkeep)
}

// historyEntry shows a purchase of the log, without amounts unless money is set.
func historyEntry(p purchase.Purchase, money bool) string {
	head, gave := fmt.Sprintf("%s · %s", formatTime(p.Time), mention(p.Requester.ID)), summary(p.Spec)
	if money {
		head, gave = fmt.Sprintf("*%s* · %s", p.Charged, head), gave+" · "+renewalNote(p)
	}
	switch {
	case p.Kind.IsUpkeep():
		gave = upkeepNote(p, money)
	case p.Correction:
		gave = "Correction: CoCalc charged a different amount for this order"
	}
	if p.Duplicate {
		gave += "\n:rotating_light: Bought twice by overlapping checkouts. Ask CoCalc for a refund."
	}
	return head + "\n" + gave
}

func renewalNote(p purchase.Purchase) string {
	if p.Renews == 0 {
		return "paid once"
	}
	return fmt.Sprintf("%s%s", p.Renews, perPeriod(string(p.Spec.Period)))
}

func monthName(month string) string {
	t, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	return t.Format("January 2006")
}
