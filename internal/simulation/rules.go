package simulation

import (
	"fmt"
	"strings"
	"time"

	"licensebot/purchase"
)

// Rules are the settings that say who may spend how much. A restart may change them while orders wait.
type Rules struct {
	Budget       int64 // cents a month, of all orders
	PersonBudget int64 // cents a month, of one person's; 0: no limit
	PersonOrders int   // orders a day, of one person's; 0: no limit
	OrderLimit   int64 // cents of one order; 0: no limit
	Asks         bool  // whether there are approvers
	AutoApprove  int64 // cents up to which no approval is needed
	AskRenewing  bool
	Approvals    int // how many have to agree
}

// The user groups of the workspace, and where approvers are asked.
const (
	buyersGroup    = "SBUYERS"
	approversGroup = "SAPPROVERS"
	approvals      = "CAPPROVALS"
)

// approvers may agree to others' orders: bob, who also buys, by his name, frank and heidi by their group. So may gwen,
// by the list alone.
var approvers = []string{"bob", "frank", "heidi"}

// policy returns the policy of these settings. Carol may buy by her group, the others by their names.
func (r Rules) policy() purchase.Policy {
	limit := func(cents int64) purchase.Limit {
		return purchase.Limit{Max: purchase.Cents(cents), None: cents == 0}
	}
	p := purchase.Policy{
		Buyers: map[string]bool{user("alice"): true, user("bob"): true, buyersGroup: true, user(guest): true},
		Admins: map[string]bool{user(admin): true}, Approvals: r.Approvals,
		AutoApprove: purchase.Cents(r.AutoApprove), AskRenewing: r.AskRenewing, OrderLimit: limit(r.OrderLimit),
		MonthlyBudget: limit(r.Budget),
		PersonBudget:  purchase.Cents(r.PersonBudget), PersonOrders: r.PersonOrders,
	}
	if r.Asks {
		p.Approvers = map[string]bool{user("bob"): true, approversGroup: true, user(guest): true}
	}
	return p
}

// asks reports whether an order needs approval.
func (r Rules) asks(o purchase.Order) bool {
	return r.Asks && (int64(o.Price) > r.AutoApprove || r.AskRenewing && o.Renews > 0)
}

// settings are the rules as the audit notes them at a start.
func (r Rules) settings() map[string]string {
	return map[string]string{
		"MONTHLY_BUDGET": dollars(r.Budget), "PERSON_BUDGET": dollars(r.PersonBudget),
		"PERSON_ORDERS": fmt.Sprint(r.PersonOrders), "ORDER_LIMIT": dollars(r.OrderLimit),
		"APPROVERS": fmt.Sprint(r.Asks), "AUTO_APPROVE_LIMIT": dollars(r.AutoApprove),
		"APPROVE_RENEWING": fmt.Sprint(r.AskRenewing), "APPROVALS_REQUIRED": fmt.Sprint(r.Approvals),
	}
}

func (r Rules) String() string {
	words := []string{dollars(r.Budget) + " a month"}
	if r.PersonBudget > 0 {
		words = append(words, dollars(r.PersonBudget)+" for each person")
	}
	if r.PersonOrders > 0 {
		words = append(words, fmt.Sprintf("%d orders a day for each", r.PersonOrders))
	}
	if r.OrderLimit > 0 {
		words = append(words, dollars(r.OrderLimit)+" for each order")
	}
	if r.Asks {
		words = append(words, fmt.Sprintf("%d have to agree to what is above %s", r.Approvals, dollars(r.AutoApprove)))
		if r.AskRenewing {
			words = append(words, "or renews")
		}
	}
	return strings.Join(words, ", ")
}

// rules draws the settings of the run: those at its beginning, and those of later restarts.
func (p *planner) rules() {
	r := Rules{Budget: 500_00, Approvals: 1}
	if p.one(3) {
		r.Budget = int64(60_00 + p.IntN(200_00))
	}
	if p.one(3) {
		r.PersonBudget = int64(40_00 + p.IntN(200_00))
	}
	if p.one(4) {
		r.PersonOrders = 1 + p.IntN(4)
	}
	if r.Asks = p.one(2); r.Asks {
		r.AutoApprove = []int64{0, 10_00, 50_00}[p.IntN(3)]
		r.AskRenewing = p.one(3)
		r.Approvals = 1 + p.IntN(3)*p.IntN(2)
	}
	p.plan.Rules = []Rules{r}
	p.plan.TTL = p.between(4*time.Minute, 40*time.Minute)
	for p.one(4) {
		p.plan.Rules = append(p.plan.Rules, p.changed(r))
	}
}

// changed are the settings with one of them changed, often so that less is allowed than before.
func (p *planner) changed(r Rules) Rules {
	switch p.IntN(6) {
	case 0:
		r.Budget = int64(20_00 + p.IntN(300_00))
	case 1:
		r.PersonBudget = int64(p.IntN(2) * (20_00 + p.IntN(100_00)))
	case 2:
		r.PersonOrders = p.IntN(3)
	case 3:
		r.OrderLimit = int64(p.IntN(4) * 20_00)
	case 4:
		r.Asks, r.AutoApprove = !r.Asks || p.one(2), int64(p.IntN(3)*20_00)
	case 5:
		r.Approvals = 1 + p.IntN(3)
	}
	return r
}
