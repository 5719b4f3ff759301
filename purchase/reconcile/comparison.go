package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// entry is one license that the purchase log says was bought.
type entry struct {
	number    uint64 // in the log
	order     purchase.OrderID
	item      int64
	row       int64 // CoCalc's purchase; 0: not known
	license   string
	charged   purchase.Cents // including corrections
	byWord    bool           // an admin resolved it as bought; CoCalc doesn't show it
	unchecked bool           // the list of purchases was not read since, which may correct the charge
}

// Account is what CoCalc shows of the account's purchases. The lists are complete: CoCalc accepted the key.
type Account struct {
	ID       string               // of the account that the key belongs to
	Rows     []cocalc.PurchaseRow // of licenses
	Licenses []cocalc.License     // that the account manages; nil: not read
	// Upkeep are the renewals, edits and refunds. An older server lists none, and no subscriptions.
	Upkeep        []cocalc.PurchaseRow
	Subscriptions []cocalc.Subscription
	Store         LicenseStore // that answered; nil is the current one
}

// ReadAccount reads everything that CoCalc has sold to the account. The error is CoCalc's.
func ReadAccount(ctx context.Context, shop purchase.Shop) (a Account, err error) {
	store, err := storeOf(ctx, shop, time.Now)
	if err != nil {
		return a, err
	}
	if a, err = store.account(ctx, time.Time{}); err != nil {
		return a, err
	}
	if a.Licenses == nil {
		if a.Licenses, err = shop.Licenses(ctx); err != nil {
			return a, err
		}
	}
	if store.counts() {
		if a.Subscriptions, err = shop.Subscriptions(ctx); err != nil {
			return a, err
		}
	}
	who, err := shop.WhoAmI(ctx) // an empty list is evidence only if CoCalc accepts the key
	a.ID = who.ID
	return a, err
}

// Comparison is the result of comparing a ledger with CoCalc.
type Comparison struct {
	// Agree is the number of licenses of the log that CoCalc sold under the same id and, if HasAmounts is set, for the
	// same amount.
	Agree      int
	HasAmounts bool
	// Upkeep is the number of renewals, edits and refunds of the log that CoCalc shows with the same amount, and
	// OtherUpkeep the number of those of other people's licenses on the account.
	Upkeep, OtherUpkeep int
	// Wrong are contradictions, which can't occur if the ledger is complete and the only one of its account.
	Wrong []purchase.Finding
	// Unrecognized are other people's purchases on the account since the ledger began; Earlier is the number of older
	// ones.
	Unrecognized []purchase.Cause
	Earlier      int
	// Notes are results that are not faults.
	Notes []purchase.Cause
}

// ReadLedgerView reads everything that a ledger says about its CoCalc account. at is the current time. The purchases to
// compare with must be read afterwards. It keeps some 600 bytes for each order in memory: what decides whose a purchase
// is.
func ReadLedgerView(r purchase.Reader, at time.Time) (*LedgerView, error) {
	v := newLedgerView(at)
	v.readAt = at
	account, err := r.Account()
	if err != nil {
		return nil, err
	}
	for o, err := range purchase.AllOrders(r) {
		if err != nil {
			return nil, fmt.Errorf("read the orders: %w", err)
		}
		v.addShort(o)
	}
	v.setAccount(account)
	if err := v.readLog(r); err != nil {
		return nil, err
	}
	if err := v.readOwned(r, account); err != nil {
		return nil, err
	}
	return v, v.readReports(r)
}

// readLog reads the purchase log. It is listed newest first, and is followed oldest first.
func (v *LedgerView) readLog(r purchase.Reader) error {
	var log []loggedEntry
	for before := uint64(0); ; {
		page, err := r.Purchases(before, purchase.PageSize)
		if err != nil {
			return fmt.Errorf("read the purchase log: %w", err)
		}
		for _, p := range page {
			before = p.Number
			e := entry{
				number: p.Number, order: p.Order, item: p.ItemID, row: p.PurchaseID, license: p.LicenseID,
				charged: p.Charged,
			}
			if p.Kind.IsUpkeep() {
				v.upkeep.entries = append(v.upkeep.entries, e)
				continue
			}
			log = append(log, loggedEntry{e, p.Duplicate, p.Correction})
		}
		if len(page) < purchase.PageSize || before <= 1 {
			break
		}
	}
	own := map[purchase.OrderID]int{} // the index of the order's own purchase, which is no double buy
	for _, p := range slices.Backward(log) {
		v.enterLog(p, own)
	}
	return nil
}

// loggedEntry is an entry of the purchase log.
type loggedEntry struct {
	entry
	duplicate, correction bool
}

// enterLog adds an entry of the log, or corrects the one that it corrects.
func (v *LedgerView) enterLog(p loggedEntry, own map[purchase.OrderID]int) {
	if p.license != "" {
		v.licenses[p.license] = p.order
	}
	if i, known := own[p.order]; known && p.correction {
		e := &v.entries[i]
		e.charged += p.charged
		e.row, e.license = cmp.Or(p.row, e.row), cmp.Or(p.license, e.license)
		return
	}
	e := p.entry
	if o, _ := v.order(p.order); o.Receipt != nil && !p.duplicate {
		e.byWord, e.unchecked = o.Receipt.Settled != nil, o.Receipt.Unchecked
		if e.row == 0 {
			e.row = o.Receipt.PurchaseID // learned when it was counted, at the price that was logged
		}
	}
	if !p.duplicate {
		own[p.order] = len(v.entries)
	}
	v.entries = append(v.entries, e)
}

// readReports reads which purchases were reported as not the ledger's, and whether the ledger was accepted in place of
// a missing one. A ledger that doesn't know since when it watches the account watches it since its first record.
func (v *LedgerView) readReports(r purchase.Reader) error {
	for e, err := range purchase.AllEvents(r) {
		if err != nil {
			return fmt.Errorf("read the audit records: %w", err)
		}
		if v.since.IsZero() {
			v.since = e.Time
		}
		if e.Cause.Code == purchase.AcceptsNewLedger {
			v.isAccepted = true
		}
		if license, number := e.ReportedLicense(); license != "" || number != 0 {
			v.reported.add(number, license)
		}
	}
	return nil
}

// Compare compares the ledger with CoCalc. It writes nothing: a running bot compares by itself, and enters or reports
// what it finds.
func (v *LedgerView) Compare(a Account) Comparison {
	if a.Store == nil {
		a.Store = currentStore{}
	}
	c := comparer{view: v, account: a, matched: map[int]bool{}, managed: map[string]bool{}}
	c.result.HasAmounts = a.Store.counts()
	if v.account != "" && a.ID != v.account {
		c.wrong("account", purchase.FoundOtherAccount, a.ID, v.account)
		return c.result
	}
	for _, l := range a.Licenses {
		c.managed[l.ID] = true
	}
	c.rows = slices.Clone(a.Rows)
	slices.SortStableFunc(c.rows, func(x, y cocalc.PurchaseRow) int { return cmp.Compare(x.ID, y.ID) })
	for _, e := range v.entries {
		c.matchEntry(e)
	}
	for i, row := range c.rows {
		if !c.matched[i] {
			c.classify(row)
		}
	}
	c.compareUpkeep()
	return c.result
}

// comparer compares a ledger with an account.
type comparer struct {
	view    *LedgerView
	account Account
	rows    []cocalc.PurchaseRow // of the account, oldest first
	matched map[int]bool         // rows that an entry of the log names
	managed map[string]bool      // licenses
	result  Comparison
}

func (c *comparer) wrong(record string, code purchase.FindingCode, args ...any) {
	c.result.Wrong = append(c.result.Wrong, purchase.NewFinding(record, code, args...))
}

func (c *comparer) note(code purchase.CauseCode, pairs ...string) {
	c.result.Notes = append(c.result.Notes, purchase.NewCause(code, pairs...))
}

// matchEntry finds the purchase that an entry of the log names, and compares the two.
func (c *comparer) matchEntry(e entry) {
	number := strconv.FormatUint(e.number, 10)
	record := "entry " + number
	at := c.rowOf(e)
	switch {
	case at < 0 && e.byWord:
		c.note(purchase.NotedByWord, "entry", number, "order", string(e.order), "charged", purchase.ArgCents(e.charged))
		return
	case at < 0:
		c.result.Wrong = append(c.result.Wrong, c.account.Store.missing(record, e))
		return
	}
	c.matched[at] = true
	row := c.rows[at]
	switch {
	case e.license != row.LicenseID && (e.license != "" || !e.unchecked):
		c.wrong(record, purchase.FoundOtherLicense, e.number, cmp.Or(e.license, "(none)"), row.ID, row.LicenseID)
		return
	case !c.result.HasAmounts:
	case e.charged != row.Cost && e.unchecked:
		c.note(purchase.NotedCounting, "entry", number, "logged", purchase.ArgCents(e.charged),
			"charged", purchase.ArgCents(row.Cost))
		return
	case e.charged != row.Cost:
		c.wrong(record, purchase.FoundOtherAmount, e.number, e.license, e.charged, row.Cost, row.ID)
		return
	}
	if !c.managed[row.LicenseID] {
		c.note(purchase.NotedNotManaged, "license", row.LicenseID, "entry", number)
	}
	c.result.Agree++
}

// rowOf returns the index of an entry's purchase: by its number, else by its license, else by the order's tag or cart
// item. It returns -1 if there is none.
func (c *comparer) rowOf(e entry) int {
	o, _ := c.view.order(e.order)
	for _, fits := range []func(cocalc.PurchaseRow) bool{
		func(row cocalc.PurchaseRow) bool { return e.row != 0 && row.ID == e.row },
		func(row cocalc.PurchaseRow) bool { return e.license != "" && row.LicenseID == e.license },
		func(row cocalc.PurchaseRow) bool {
			return e.license == "" && e.item != 0 && row.CartItemID == e.item && o.Owns(row.Text, row.Time)
		},
	} {
		for i, row := range c.rows {
			if !c.matched[i] && fits(row) {
				return i
			}
		}
	}
	return -1
}

// classify adds the result for a purchase that no entry of the log names. If the bot bought it, an entry is missing,
// even if the running bot will add one at its next comparison.
func (c *comparer) classify(row cocalc.PurchaseRow) {
	verdict := Classify(c.view, row)
	id := string(verdict.Order)
	what := []string{
		"purchase", purchase.ArgSomeID(row.ID), "at", purchase.ArgTime(row.Time), "license", row.LicenseID, "amount",
		purchase.ArgCents(row.Cost),
	}
	unrecognized := func(pairs ...string) {
		c.result.Unrecognized = append(c.result.Unrecognized,
			purchase.NewCause(purchase.NotedStranger, append(what, pairs...)...))
	}
	wrong := func(code purchase.FindingCode) {
		c.wrong("order "+id, code, row.ID, purchase.ArgTime(row.Time), row.LicenseID, int64(row.Cost), verdict.Order)
	}
	if verdict.Reported {
		unrecognized("but", "reported")
		return
	}
	switch verdict.Kind {
	case KindUnread:
	case KindUnderWay:
		c.note(purchase.NotedUnderWay, append(what, "order", id)...)
	case KindAccounted, KindAwaited, KindBoughtLate, KindDuplicate, KindEndedByRestore, KindNeverSent:
		wrong(purchase.FoundNotLogged)
	case KindLost, KindUnattributed, KindUnknownTag:
		wrong(purchase.FoundUnknownTag)
	case KindMissingLedger:
		if !c.view.isAccepted {
			wrong(purchase.FoundUnknownTag)
			return
		}
		c.result.Earlier++
	case KindEarlier:
		c.result.Earlier++
	case KindForeign:
		if verdict.Mismatch == "" {
			unrecognized()
			return
		}
		unrecognized("but", string(verdict.Mismatch), "order", id)
	}
}
