package cocalctest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Money is a double in the server's JavaScript and a real (32 bits) in its database. Amounts below are in dollars,
// since that is imitated; only the simulator computes with them.

const (
	minPayment     = 2.5   // the smallest card payment, a site setting at its default
	creditSlack    = 3     // a checkout may be short by this much
	maxPurchase    = 99999 // the most that is-purchase-allowed accepts
	realDigits     = 6     // significant digits that a real keeps on its way to decimal
	maxListed      = 500
	defaultListed  = 100
	hoursPerMonth  = 730
	hoursPerYear   = 8760
	limitErrorText = "limit must be specified and at most 500"
)

// fromReal returns the double that JavaScript reads from a real column: that of the shortest text of the 32 bits.
func fromReal(f float32) float64 {
	d, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	return d
}

// throughDecimal is PostgreSQL's cost::decimal::real, which keeps six significant digits.
func throughDecimal(f float32) float32 {
	d, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', realDigits, 64), 32)
	return float32(d)
}

// balance returns the credit of an account in dollars: minus the sum of its purchases, in 32-bit floats.
func (s *Server) balance(accountID string) float64 {
	var sum float32
	for _, p := range s.purchases {
		if p.accountID == accountID {
			sum += throughDecimal(p.cost)
		}
	}
	return fromReal(-sum)
}

// currency formats dollars as the server's texts do: "$562,495,011.48".
func currency(x float64) string {
	text := strconv.FormatFloat(math.Abs(x), 'f', 2, 64)
	for i := len(text) - 6; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if x < 0 {
		return "-$" + text
	}
	return "$" + text
}

// charge returns what is due for a cart.
type charge struct {
	amountDue, chargeAmount, minimumPaymentCharge, cureAmount float64
}

func chargeFor(total, balance, minBalance float64) charge {
	var c charge
	due := total
	c.cureAmount = math.Max(minBalance-balance, 0)
	due += c.cureAmount
	if credit := balance - minBalance + c.cureAmount; credit > 0 {
		due -= math.Min(credit, due)
	}
	if due > 0 {
		c.minimumPaymentCharge = math.Max(due, minPayment) - due
	}
	c.amountDue = math.Max(0, round2up(due))
	if c.amountDue > 0 {
		c.chargeAmount = math.Max(c.amountDue, minPayment)
	}
	return c
}

func insufficientCredit(c charge) error {
	return refusal("Insufficient credit on your account to complete the purchase (you need " + currency(c.chargeAmount) +
		"). Please refresh your browser and try again or contact support.")
}

func (s *Server) getBalance(c *call) (any, error) { return s.visibleBalance(c), nil }

func (s *Server) getMinBalance(c *call) (any, error) { return c.account.minBalance, nil }

func (s *Server) getQuotas(c *call) (any, error) {
	return object{{"services", object{}}, {"minBalance", c.account.minBalance}}, nil
}

// visibleBalance returns the balance in dollars as this request sees it: 0 if a fault hides the credit.
func (s *Server) visibleBalance(c *call) float64 {
	b := s.balance(c.account.id)
	if c.has(NoCredit) {
		b = math.Min(b, 0)
	}
	return b
}

func (s *Server) getClosingDates(c *call) (any, error) {
	now := s.now().UTC()
	last := time.Date(now.Year(), now.Month(), closingDay, 0, 0, 0, 0, time.UTC)
	if last.After(now) {
		last = last.AddDate(0, -1, 0)
	}
	return object{{"last", last}, {"next", last.AddDate(0, 1, 0)}}, nil
}

// closingDay is the day of the month on which statements close. The live server chooses a random one for each account.
const closingDay = 7

// isPurchaseAllowed returns a reason also if it allows the purchase. It ignores checkout's slack and partial credit.
func (s *Server) isPurchaseAllowed(c *call) (any, error) {
	allowed, chargeAmount, reason, err := s.purchaseAllowed(c, c.params.get("service"), c.params.get("cost"))
	if err != nil {
		return nil, err
	}
	answer := object{{"allowed", allowed}, {"chargeAmount", undefined{}}, {"reason", reason}}
	if chargeAmount >= 0 {
		answer = answer.with("chargeAmount", chargeAmount)
	}
	return answer, nil
}

// purchaseAllowed returns the parts of the answer, which has no chargeAmount if that is -1.
func (s *Server) purchaseAllowed(c *call, service, cost any) (allowed bool, chargeAmount float64, reason string,
	err error,
) {
	name := "undefined"
	if text, ok := service.(string); ok {
		name = text
	}
	known := false
	for _, each := range strings.Split(services, ", ") {
		known = known || each == name
	}
	if !known {
		return false, -1, fmt.Sprintf("unknown service %q. The valid services are: %s", name, services), nil
	}
	if nullish(cost) {
		return false, -1, fmt.Sprintf("cost estimate for service %q not implemented", name), nil
	}
	amount, isNumber := cost.(float64)
	if !isNumber {
		text, _ := cost.(string)
		if _, e := strconv.ParseFloat(text, 64); e != nil {
			return false, -1, "cost must be finite", nil
		}
		return false, -1, "", refusal("num.toFixed is not a function")
	}
	switch {
	case amount > maxPurchase:
		return false, -1, "Cost exceeds the maximum allowed cost of " + currency(maxPurchase) + ". Please contact support.",
			nil
	case amount <= 0:
		return false, -1, "cost must be positive", nil
	}
	credit := math.Max(0, s.visibleBalance(c)-c.account.minBalance)
	due := round2up(round2up(amount) - credit)
	if due < minPayment && due != 0 {
		reason = fmt.Sprintf("The minimum payment is %s, so a payment of %s is not allowed.", currency(minPayment),
			currency(due))
	} else {
		reason = fmt.Sprintf("Please pay %s.", currency(due))
	}
	if due > 0 {
		chargeAmount = math.Max(due, minPayment)
	}
	return due <= 0, chargeAmount, reason, nil
}

// services are the services that is-purchase-allowed knows.
const services = "credit, auto-credit, refund, compute-server, compute-server-network-usage, compute-server-storage, " +
	"license, edit-license, voucher, openai-gpt-4, openai-gpt-3.5-turbo, openai-gpt-3.5-turbo-16k, " +
	"openai-text-embedding-ada-002, openai-gpt-4-32k, openai-gpt-4-turbo-preview, " +
	"openai-gpt-4-turbo-preview-8k, openai-gpt-4-turbo, openai-gpt-4-turbo-8k, openai-gpt-4o, " +
	"openai-gpt-4o-8k, openai-gpt-4o-mini, openai-gpt-4o-mini-8k, openai-gpt-4.1, openai-gpt-4.1-mini, " +
	"openai-o1-mini-8k, openai-o1-8k, openai-o1-mini, openai-o1, openai-o3-8k, openai-o3, " +
	"openai-o4-mini-8k, openai-o4-mini, openai-gpt-5-8k, openai-gpt-5, openai-gpt-5.2-8k, openai-gpt-5.2, " +
	"openai-gpt-5.5, openai-gpt-5.4-8k, openai-gpt-5.4, openai-gpt-5-mini-8k, openai-gpt-5-mini, " +
	"openai-gpt-5.4-mini-8k, openai-gpt-5.4-mini, google-text-bison-001, google-chat-bison-001, " +
	"google-embedding-gecko-001, google-gemini-1.5-flash, google-gemini-1.5-flash-8k, google-gemini-pro, " +
	"google-gemini-1.0-ultra, google-gemini-1.5-pro-8k, google-gemini-1.5-pro, google-gemini-2.0-flash-8k, " +
	"google-gemini-2.0-flash-lite-8k, google-gemini-2.5-flash-8k, google-gemini-2.5-pro-8k, " +
	"google-gemini-3-flash-preview-16k, google-gemini-3-pro-preview-8k, google-gemini-3.1-pro-preview-8k, " +
	"xai-grok-4-1-fast-non-reasoning-16k, xai-grok-4-1-fast-reasoning-16k, xai-grok-code-fast-1-16k, " +
	"zai-glm-5.1, anthropic-claude-3-opus, anthropic-claude-3-opus-8k, anthropic-claude-3-sonnet, " +
	"anthropic-claude-3-sonnet-4k, anthropic-claude-3-5-sonnet, anthropic-claude-3-5-sonnet-4k, " +
	"anthropic-claude-3-haiku, anthropic-claude-3-haiku-8k, anthropic-claude-3-5-haiku-8k, " +
	"anthropic-claude-4-sonnet-8k, anthropic-claude-4-opus-8k, anthropic-claude-4-5-sonnet-8k, " +
	"anthropic-claude-4-6-sonnet-8k, anthropic-claude-4-5-opus-8k, anthropic-claude-4-6-opus-8k, " +
	"anthropic-claude-4-7-opus-8k, anthropic-claude-4-5-haiku-8k, mistralai-mistral-small-latest, " +
	"mistralai-mistral-medium-latest, mistralai-mistral-large-latest, mistralai-devstral-medium-2507, " +
	"project-upgrade"
