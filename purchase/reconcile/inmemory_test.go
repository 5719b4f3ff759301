package reconcile_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"licensebot/purchase"
)

// checkInMemory is what CheckConsistency has to find: it compares all records of a ledger at once, with all of them in
// memory.
func checkInMemory(r purchase.Reader) ([]purchase.Finding, error) {
	account, err := r.Account()
	if err != nil {
		return nil, fmt.Errorf("read the account: %w", err)
	}
	b := consistency{
		account: account, orders: map[purchase.OrderID]*orderAudit{}, months: map[string]*purchase.Budget{},
		licenses: map[string]uint64{}, rows: map[int64]uint64{}, bought: map[string]bool{},
	}
	for _, read := range []func(purchase.Reader) error{b.readOrders, b.readLog, b.readAudit} {
		if err := read(r); err != nil {
			return nil, err
		}
	}
	if err := b.checkBudgets(r); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(b.orders)) {
		b.checkOrder(b.orders[id])
	}
	return b.findings, nil
}

// consistency is one check of a ledger: what its records say, and the findings.
type consistency struct {
	account  purchase.AccountState
	orders   map[purchase.OrderID]*orderAudit
	months   map[string]*purchase.Budget // budgets as orders and log add up to them, by month
	licenses map[string]uint64           // the number of the log entry of each license
	rows     map[int64]uint64            // the number of the log entry of each of CoCalc's purchases
	bought   map[string]bool             // licenses of entries that are no upkeep
	findings []purchase.Finding
}

// orderAudit is what the order's record, the log and the audit records say about one order.
type orderAudit struct {
	id      purchase.OrderID
	state   purchase.State
	month   string
	price   purchase.Cents
	receipt *purchase.Receipt
	sent    time.Time // when the checkout was sent; zero: not yet
	entries []purchase.Purchase
	last    purchase.State // the state in its last audit record; empty: no record
	lastAt  uint64         // the number of that record
	paid    bool           // an audit record says that its checkout was about to be sent
}

func (b *consistency) find(record string, code purchase.FindingCode, args ...any) {
	b.findings = append(b.findings, purchase.NewFinding(record, code, args...))
}

// month returns the expected budget of a month, which the caller may change.
func (b *consistency) month(name string) *purchase.Budget {
	if b.months[name] == nil {
		b.months[name] = &purchase.Budget{Month: name}
	}
	return b.months[name]
}

func (b *consistency) readOrders(r purchase.Reader) error {
	for o, err := range purchase.AllOrders(r) {
		if err != nil {
			return fmt.Errorf("read the orders: %w", err)
		}
		b.orders[o.ID] = &orderAudit{
			id: o.ID, state: o.State, month: o.Month, price: o.Price, receipt: o.Receipt,
			sent: o.CheckoutSent,
		}
		if o.IsReserved() {
			b.reserve(o)
		}
	}
	return nil
}

// reserve adds an order's price to what is reserved for its requester, under the ledger's key for that person. In a
// ledger of an older version, each id has a key of its own until the next start merges them.
func (b *consistency) reserve(o purchase.Order) {
	month := b.month(o.Month)
	month.Reserve(b.account.Key(purchase.Actor{ID: o.Requester.ID}), o.Reservation(), 1)
}

func (b *consistency) readLog(r purchase.Reader) error {
	var all []purchase.Purchase
	for before := uint64(0); ; {
		page, err := r.Purchases(before, purchase.PageSize)
		if err != nil {
			return fmt.Errorf("read the purchase log: %w", err)
		}
		for _, p := range page {
			before = p.Number
			all = append(all, p)
			b.bought[p.LicenseID] = b.bought[p.LicenseID] || !p.Kind.IsUpkeep() && p.LicenseID != ""
		}
		if len(page) < purchase.PageSize || before <= 1 {
			break
		}
	}
	for _, p := range all {
		b.enterLog(p)
	}
	return nil
}

func (b *consistency) enterLog(p purchase.Purchase) {
	record := fmt.Sprintf("entry %d", p.Number)
	month := b.month(p.Month)
	key := b.account.Key(purchase.Actor{ID: p.Requester.ID})
	if p.Kind.IsUpkeep() {
		month.SpendUpkeep(key, p.Charged)
		if !b.bought[p.LicenseID] {
			b.find(record, purchase.FoundUpkeepWithoutPurchase, p.Number, p.LicenseID)
		}
	} else {
		month.Spend(key, p.Charged, 0)
	}
	if !p.Correction {
		if !p.Kind.IsUpkeep() {
			month.Bought++
			if other := b.licenses[p.LicenseID]; other != 0 && p.LicenseID != "" {
				b.find(record, purchase.FoundEntriesOfOneLicense, p.Number, other, p.LicenseID)
			}
			b.licenses[p.LicenseID] = p.Number
		}
		if other := b.rows[p.PurchaseID]; other != 0 && p.PurchaseID != 0 {
			b.find(record, purchase.FoundEntriesOfOnePurchase, p.Number, other, p.PurchaseID)
		}
		b.rows[p.PurchaseID] = p.Number
	}
	if p.Kind.IsUpkeep() {
		return
	}
	if d := b.orders[p.Order]; d != nil {
		d.entries = append(d.entries, p)
	} else {
		b.find(record, purchase.FoundEntryWithoutOrder, p.Number, p.Order)
	}
}

// readAudit follows the states of the orders, and pauses of buying, through the audit records.
func (b *consistency) readAudit(r purchase.Reader) error {
	states := map[purchase.State]bool{}
	for _, s := range purchase.States() {
		states[s] = true
	}
	paused := ""
	for e, err := range purchase.AllEvents(r) {
		if err != nil {
			return fmt.Errorf("read the audit records: %w", err)
		}
		if states[purchase.State(e.Kind)] {
			b.enterEvent(e)
		} else if e.Kind == "paused" || e.Kind == "resumed" {
			paused = e.Kind
		}
	}
	account, err := r.Account()
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	if now := account.Pause != nil; now && paused != "paused" {
		b.find("account", purchase.FoundPauseUnrecorded)
	} else if !now && paused == "paused" {
		b.find("account", purchase.FoundResumeUnrecorded)
	}
	return nil
}

func (b *consistency) enterEvent(e purchase.Event) {
	record := fmt.Sprintf("audit record %d", e.Number)
	d, to := b.orders[e.Order], purchase.State(e.Kind)
	if d == nil {
		b.find(record, purchase.FoundRecordWithoutOrder, e.Number, e.Order, to)
		return
	}
	// Early ledgers have no record of the proposal of an order at a new price.
	if first := d.last == ""; first && to != purchase.Proposed && to != purchase.Approved || !first &&
		!d.last.CanBecome(to) {
		b.find(record, purchase.FoundRecordImpossible, e.Number, e.Order, to, cmp.Or(string(d.last), "nothing"))
	}
	if e.Amount != d.price {
		b.find(record, purchase.FoundRecordPrice, e.Number, e.Order, e.Amount, d.price)
	}
	d.last, d.lastAt = to, e.Number
	d.paid = d.paid || to == purchase.Paying
}

// checkBudgets compares the stored budgets with the sums of the orders and the log.
func (b *consistency) checkBudgets(r purchase.Reader) error {
	kept, err := r.Budgets(1 << 20)
	if err != nil {
		return fmt.Errorf("read the budgets: %w", err)
	}
	have := map[string]purchase.Budget{}
	for _, k := range kept {
		have[k.Month] = k
		b.month(k.Month)
	}
	for _, month := range slices.Sorted(maps.Keys(b.months)) {
		want, got := *b.months[month], have[month]
		record := "budget " + month
		if got.Spent != want.Spent {
			b.find(record, purchase.FoundBudgetSpent, month, got.Spent, want.Spent)
		}
		if got.Upkeep != want.Upkeep {
			b.find(record, purchase.FoundBudgetUpkeep, month, got.Upkeep, want.Upkeep)
		}
		if got.Reserved != want.Reserved {
			b.find(record, purchase.FoundBudgetReserved, month, got.Reserved, want.Reserved)
		}
		if got.Bought != want.Bought {
			b.find(record, purchase.FoundBudgetCount, month, got.Bought, want.Bought)
		}
		if _, older := got.People[purchase.Unattributable]; older || len(got.People) == 0 {
			continue // this month was stored by a version without shares of people
		}
		people := maps.Clone(got.People)
		maps.Copy(people, want.People)
		for _, id := range slices.Sorted(maps.Keys(people)) {
			g, w := got.People[id], want.People[id]
			if g.Spent != w.Spent || g.Reserved != w.Reserved {
				b.find(record, purchase.FoundBudgetPerson,
					month, id, g.Spent, g.Reserved, w.Spent, w.Reserved)
			}
			if g.Upkeep != w.Upkeep {
				b.find(record, purchase.FoundBudgetPersonUpkeep, month, id, g.Upkeep, w.Upkeep)
			}
		}
	}
	return nil
}

// checkOrder compares an order with its entries in the purchase log and with its audit records.
func (b *consistency) checkOrder(d *orderAudit) {
	record := "order " + string(d.id)
	if d.last != d.state {
		b.find(record, purchase.FoundOrderState, d.id, d.state, d.lastAt, cmp.Or(string(d.last), "nothing"))
	}
	if d.paid && d.sent.IsZero() {
		b.find(record, purchase.FoundOrderNotSent, d.id)
	} else if !d.paid && !d.sent.IsZero() {
		b.find(record, purchase.FoundOrderSentUnrecorded, d.id)
	}
	if d.state != purchase.Purchased {
		for _, p := range d.entries {
			b.find(record, purchase.FoundEntryOfUnbought, d.id, d.state, p.Number)
		}
		if d.receipt != nil {
			b.find(record, purchase.FoundReceiptOfUnbought, d.id, d.state)
		}
		return
	}
	if d.receipt == nil {
		b.find(record, purchase.FoundNoReceipt, d.id)
		return
	}
	b.checkReceipt(record, d)
}

// checkReceipt compares the receipt of a bought order with the purchase log.
func (b *consistency) checkReceipt(record string, d *orderAudit) {
	var own, extra int
	var charged, extraCharged, wantExtra purchase.Cents
	named := false
	for _, p := range d.entries {
		if p.Month != d.month {
			b.find(record, purchase.FoundEntryMonth, d.id, d.month, p.Number, p.Month)
		}
		if p.Duplicate {
			extra++
			extraCharged += p.Charged
			continue
		}
		charged += p.Charged
		named = named || p.LicenseID == d.receipt.LicenseID
		if !p.Correction {
			own++
		}
	}
	for _, x := range d.receipt.Duplicates {
		wantExtra += x.Charged
	}
	switch {
	case own == 0:
		b.find(record, purchase.FoundOrderNotLogged, d.id)
	case own > 1:
		b.find(record, purchase.FoundOrderLoggedTwice, d.id, own)
	case !named:
		b.find(record, purchase.FoundReceiptLicense, d.id, d.receipt.LicenseID)
	case charged != d.receipt.Charged:
		b.find(record, purchase.FoundReceiptAmount, d.id, d.receipt.Charged, charged)
	}
	if extra != len(d.receipt.Duplicates) || extraCharged != wantExtra {
		b.find(record, purchase.FoundReceiptExtra,
			d.id, len(d.receipt.Duplicates), wantExtra, extra, extraCharged)
	}
}
