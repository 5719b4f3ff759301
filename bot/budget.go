package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/commands"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// What a report of the budget shows at most: on a phone more would not be read, and a pie has six pieces.
const (
	budgetMonths  = 6
	budgetPersons = 10
	budgetPieces  = 6
)

// showBudget shows what each month and each person spent, and what is left. Buyers see the team's months and their own
// part.
func (h *Handler) showBudget(ctx context.Context, s purchase.Sight) content {
	report, err := h.desk.Budgets(ctx, budgetMonths)
	if err != nil {
		h.log.Error().Err(err).Msg("fail to read the budget")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	report.Persons = slices.DeleteFunc(report.Persons,
		func(p orders.PersonShare) bool { return !s.Cost(purchase.Actor{ID: p.ID}) })
	names := map[string]string{}
	for _, p := range report.Persons[:min(len(report.Persons), budgetPieces)] {
		names[p.ID] = h.people.name(ctx, p.ID)
	}
	return budgetPage(report, h.readRenewals(ctx), names)
}

// budgetPage is the budget report: charts first, then the same in words. names are people's names for the charts, which
// can't contain mentions.
func budgetPage(r orders.BudgetReport, renewals renewalsReport, names map[string]string) content {
	present := r.Months[0]
	head := fmt.Sprintf("*%s*: %s spent%s", monthName(r.Now), present.Spent, upkeepWords(present.Upkeep))
	if present.Reserved > 0 {
		head += fmt.Sprintf(", %s reserved", present.Reserved)
	}
	if due := present.Due; due.Counts && due.Amount > 0 {
		head += fmt.Sprintf(", %s due for renewals", due.Amount)
	}
	if left, limited := r.Left(); limited {
		head += fmt.Sprintf(", *%s of %s left*. The next budget starts on %s.", max(left, 0), r.Limit, r.Resets)
	} else {
		head += ". There's no monthly limit."
	}
	text := strings.ReplaceAll(head, "*", "")
	blocks := append([]slack.Block{section(head)}, budgetCharts(r, names)...)
	if lines := personLines(r); len(lines) > 0 {
		title := "*By person*"
		if r.Each > 0 {
			title += fmt.Sprintf(", up to %s each per month", r.Each)
		}
		blocks = append(blocks, section(title+"\n"+strings.Join(lines, "\n")))
	}
	var before []string
	for _, m := range r.Months[1:] {
		before = append(before, fmt.Sprintf("%s: %s spent%s, %s", monthName(m.Month), m.Spent, upkeepWords(m.Upkeep),
			plural(m.Bought, "license"))+reservedWords(m.Reserved))
	}
	if len(before) > 0 {
		blocks = append(blocks, section("*Earlier months*\n"+strings.Join(before, "\n")))
	}
	return content{text, append(blocks, section(renewals.words(present.Due.Counts)))}
}

func reservedWords(reserved purchase.Cents) string {
	if reserved == 0 {
		return ""
	}
	return fmt.Sprintf(", %s reserved", reserved)
}

func personLines(r orders.BudgetReport) []string {
	var lines []string
	for _, p := range r.Persons[:min(len(r.Persons), budgetPersons)] {
		lines = append(lines, fmt.Sprintf("%s: %s spent", mention(p.ID), p.Spent)+reservedWords(p.Reserved))
	}
	if more := r.Persons[len(lines):]; len(more) > 0 {
		var spent, reserved purchase.Cents
		for _, p := range more {
			spent, reserved = spent+p.Spent, reserved+p.Reserved
		}
		lines = append(lines, fmt.Sprintf("%s more: %s spent", countPeople(len(more)), spent)+reservedWords(reserved))
	}
	return lines
}

func countPeople(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// budgetCharts are bars by month and a pie by person. Where there is nothing to compare there is no chart.
func budgetCharts(r orders.BudgetReport, names map[string]string) []slack.Block {
	var charts []slack.Block
	axis := slack.DataVisualizationAxisConfig{YLabel: "Dollars"}
	spent := slack.DataVisualizationDataSeries{Name: "Spent"}
	reserved := slack.DataVisualizationDataSeries{Name: "Reserved"}
	something := false
	for _, m := range slices.Backward(r.Months) {
		label := monthName(m.Month)
		axis.Categories = append(axis.Categories, label)
		spent.Data = append(spent.Data, slack.NewDataVisualizationDataPoint(label, dollars(m.Spent)))
		reserved.Data = append(reserved.Data, slack.NewDataVisualizationDataPoint(label, dollars(m.Reserved)))
		something = something || m.Spent != 0 || m.Reserved != 0
	}
	if something {
		charts = append(charts, slack.NewDataVisualizationBlock("Licenses by month",
			slack.NewDataVisualizationBarChart(axis, spent, reserved)))
	}
	var pieces []slack.DataVisualizationSegment
	var others purchase.Cents
	for _, p := range r.Persons {
		amount := p.Spent + p.Reserved
		switch {
		case amount <= 0: // a pie has no piece of nothing
		case len(pieces) < budgetPieces-1 || len(r.Persons) == budgetPieces:
			pieces = append(pieces, slack.NewDataVisualizationSegment(chartLabel(names[p.ID], p.ID), dollars(amount)))
		default:
			others += amount
		}
	}
	if others > 0 {
		pieces = append(pieces, slack.NewDataVisualizationSegment("Others", dollars(others)))
	}
	if len(pieces) > 1 {
		charts = append(charts, slack.NewDataVisualizationBlock(monthName(r.Now)+" by person",
			slack.NewDataVisualizationPieChart(pieces...)))
	}
	return charts
}

func dollars(c purchase.Cents) float64 { return float64(c) / 100 }

// chartLabel is a name as a chart takes it: at most 20 characters of one line.
func chartLabel(name, otherwise string) string {
	if name = commands.OneLine(name); name == "" {
		name = otherwise
	}
	return cut(name, 20)
}

// renewalsReport is what CoCalc will charge for renewals, or why that is unknown.
type renewalsReport struct {
	committed purchase.Renewals
	trouble   string // a sentence
}

func (h *Handler) readRenewals(ctx context.Context) renewalsReport {
	committed, err := h.renewals.get(ctx, struct{}{})
	switch {
	case errors.Is(err, errTooSlow):
		return renewalsReport{trouble: "I couldn't check renewals: CoCalc took too long."}
	case err != nil:
		return renewalsReport{trouble: RefusalText(h.desk.Rules().Policy.RenewalsMessage(err),
			h.desk.Rules().Policy.TimeZone())}
	}
	return renewalsReport{committed: committed}
}

// words describes the account's subscriptions. deducted is set if those of this ledger's licenses are deducted from the
// budget.
func (f renewalsReport) words(deducted bool) string {
	c := f.committed
	if f.trouble != "" {
		return ":information_source: " + f.trouble
	}
	if c.Active == 0 {
		return "*Renewals*: no active subscriptions."
	}
	var sums []string
	if c.Monthly > 0 {
		sums = append(sums, fmt.Sprintf("%s a month", c.Monthly))
	}
	if c.Yearly > 0 {
		sums = append(sums, fmt.Sprintf("%s a year", c.Yearly))
	}
	if len(sums) == 0 {
		sums = []string{"nothing"}
	}
	included := "not included above"
	if deducted {
		included = "those of licenses bought here are included above"
	}
	text := fmt.Sprintf("*Renewals*: %s on the CoCalc account, %s (%s).", subscriptions(c.Active),
		strings.Join(sums, " and "), included)
	if c.DueThisMonth > 0 {
		text += fmt.Sprintf(" %s is due this month.", c.DueThisMonth)
	}
	if !c.Next.IsZero() {
		text += fmt.Sprintf(" Next charge %s.", formatDate(c.Next))
	}
	return text
}

func subscriptions(n int) string {
	if n == 1 {
		return "1 active subscription"
	}
	return fmt.Sprintf("%d active subscriptions", n)
}
