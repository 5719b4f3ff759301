package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// LedgerView are what a ledger says about the CoCalc account at one moment: what was bought, and which cart items are its
// orders'. Compare holds them against what CoCalc says.
type LedgerView struct {
	readAt  time.Time // when the ledger said so
	account string    // of the CoCalc account; empty: unknown
	since   time.Time // every purchase of the account since then must be explained
	entries []entry   // oldest first
	orders  map[purchase.OrderID]purchase.Order
	items   map[int64]purchase.OrderID
	// The licenses that were reported as not the ledger's, and CoCalc's numbers of their purchases.
	reportedLicenses  map[string]bool
	reportedPurchases map[int64]bool
	// acceptedAnew is set if a person accepted this ledger in place of a missing one. Tagged purchases up to earlier
	// are then the missing ledger's.
	acceptedAnew bool
	earlier      time.Time // when the newest of these was made
}

// entry is one license that the ledger says was bought.
type entry struct {
	entry    uint64 // number in the purchase log
	order    purchase.OrderID
	item     int64
	row      int64 // CoCalc's purchase; 0: not known
	license  string
	charged  purchase.Cents // with the corrections
	settled  bool           // by the word of an admin
	counting bool           // it is still to be counted, which may correct it
}

// Account are what CoCalc says was bought with the account. The lists are whole, and were read beside a proof of the key.
type Account struct {
	ID       string               // whose key it is
	Rows     []cocalc.PurchaseRow // of licenses
	Licenses []cocalc.License     // that the account manages
	Older    bool                 // a server without a list of purchases: its licenses are all there is
}

// Comparison is what came of holding a ledger against CoCalc.
type Comparison struct {
	// licenses of the log that CoCalc sold under the same id for the same amount (a server without a list tells no
	// amounts)
	Agree int
	// Wrong are what cannot be if the ledger is whole and the only one of its account.
	Wrong []purchase.Finding
	// Unrecognized are other people's purchases on the account since the ledger began; Earlier is the number of older
	// ones.
	Unrecognized []purchase.Cause
	Earlier      int
	// Notes are what is no fault, and should be known all the same.
	Notes []purchase.Cause
}

func newLedgerView(at time.Time) LedgerView {
	return LedgerView{
		readAt: at, orders: map[purchase.OrderID]purchase.Order{}, items: map[int64]purchase.OrderID{},
		reportedLicenses:  map[string]bool{},
		reportedPurchases: map[int64]bool{},
	}
}

// ReadLedgerView reads what a ledger claims. at is the present.
func ReadLedgerView(r purchase.Reader, at time.Time) (LedgerView, error) {
	c := newLedgerView(at)
	account, err := r.Account()
	if err != nil {
		return c, err
	}
	c.account, c.since, c.earlier = account.CoCalc, account.Watching, account.Earlier
	for _, read := range []func(purchase.Reader) error{c.readOrders, c.readLog, c.readReports} {
		if err := read(r); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *LedgerView) readOrders(r purchase.Reader) error {
	for o, err := range purchase.AllOrders(r) {
		if err != nil {
			return fmt.Errorf("read the orders: %w", err)
		}
		// What the comparison needs, and no more: a ledger can have very many.
		c.orders[o.ID] = purchase.Order{
			ID: o.ID, State: o.State, ItemID: o.ItemID, AddSent: o.AddSent, AddedAfter: o.AddedAfter,
			WatchUntil: o.WatchUntil, Receipt: o.Receipt,
		}
		if o.ItemID != 0 {
			c.items[o.ItemID] = o.ID
		}
	}
	return nil
}

func (c *LedgerView) readLog(r purchase.Reader) error {
	log, err := r.Purchases(0, 1<<31-1)
	if err != nil {
		return fmt.Errorf("read the purchase log: %w", err)
	}
	own := map[purchase.OrderID]int{} // where the order's own purchase is, which is no double buy
	for _, p := range slices.Backward(log) {
		if i, known := own[p.Order]; known && p.Correction {
			b := &c.entries[i]
			b.charged += p.Charged
			b.row, b.license = cmp.Or(p.PurchaseID, b.row), cmp.Or(p.LicenseID, b.license)
			continue
		}
		b := entry{
			entry: p.Number, order: p.Order, item: p.ItemID, row: p.PurchaseID, license: p.LicenseID,
			charged: p.Charged,
		}
		if o := c.orders[p.Order]; o.Receipt != nil && !p.Duplicate {
			b.settled, b.counting = o.Receipt.Settled != nil, o.Receipt.Unchecked
			if b.row == 0 {
				b.row = o.Receipt.PurchaseID // learned when it was counted, at the price that was logged
			}
		}
		if !p.Duplicate {
			own[p.Order] = len(c.entries)
		}
		c.entries = append(c.entries, b)
	}
	return nil
}

// readReports gathers what was reported as not the ledger's: once is enough.
func (c *LedgerView) readReports(r purchase.Reader) error {
	for e, err := range purchase.AllEvents(r) {
		if err != nil {
			return fmt.Errorf("read the audit records: %w", err)
		}
		if c.since.IsZero() {
			c.since = e.Time
		}
		if e.Cause.Code == purchase.AcceptsNewLedger {
			c.acceptedAnew = true
		}
		license, purchase := e.ReportedLicense()
		if license != "" {
			c.reportedLicenses[license] = true
		}
		if purchase != 0 {
			c.reportedPurchases[purchase] = true
		}
	}
	return nil
}

// isReported reports whether a purchase was reported. Reports from a server without a list of purchases name the
// license only.
func (c *LedgerView) isReported(row cocalc.PurchaseRow) bool {
	return c.reportedLicenses[row.LicenseID] || c.reportedPurchases[row.ID]
}

// Compare holds the ledger against CoCalc. It decides nothing and writes nothing: a running bot compares by itself, and
// enters or reports what it finds.
func (c LedgerView) Compare(s Account) Comparison {
	v := comparer{LedgerView: c, Account: s, matched: map[int]bool{}, managed: map[string]bool{}}
	if c.account != "" && s.ID != c.account {
		v.wrong("account", purchase.FoundOtherAccount, s.ID, c.account)
		return v.result
	}
	for _, l := range s.Licenses {
		v.managed[l.ID] = true
	}
	if s.Older {
		v.Rows = taggedPurchases(s.Licenses)
	}
	v.Rows = slices.Clone(v.Rows)
	slices.SortStableFunc(v.Rows, func(x, y cocalc.PurchaseRow) int { return cmp.Compare(x.ID, y.ID) })
	for _, b := range c.entries {
		v.matchEntry(b)
	}
	for i, row := range v.Rows {
		if !v.matched[i] {
			v.classify(row)
		}
	}
	return v.result
}

// taggedPurchases are the purchases that licenses with a tag of ours tell of, on a server without a list of purchases.
func taggedPurchases(licenses []cocalc.License) (rows []cocalc.PurchaseRow) {
	for _, l := range licenses {
		if _, ours := purchase.ParseTag(l.Description); ours {
			rows = append(rows, cocalc.PurchaseRow{LicenseID: l.ID, Time: l.Created, PeriodEnd: l.Expires, Text: l.Description})
		}
	}
	return rows
}

// comparer is a comparison while it is made.
type comparer struct {
	LedgerView
	Account
	matched map[int]bool // rows that a claim has found
	managed map[string]bool
	result  Comparison
}

func (v *comparer) wrong(record string, code purchase.FindingCode, args ...any) {
	v.result.Wrong = append(v.result.Wrong, purchase.NewFinding(record, code, args...))
}

func (v *comparer) note(code purchase.CauseCode, pairs ...string) {
	v.result.Notes = append(v.result.Notes, purchase.NewCause(code, pairs...))
}

// matchEntry looks for the purchase that an entry of the log speaks of.
func (v *comparer) matchEntry(b entry) {
	record := fmt.Sprintf("entry %d", b.entry)
	at := v.rowOf(b)
	switch {
	case at < 0 && b.settled:
		v.note(purchase.NotedByWord, "entry", strconv.FormatUint(b.entry, 10), "order", string(b.order), "charged",
			purchase.ArgCents(b.charged))
		return
	case at < 0 && v.Older:
		v.wrong(record, purchase.FoundLicenseNotListed, cmp.Or(b.license, "(unknown)"), b.entry, b.order)
		return
	case at < 0:
		v.wrong(record, purchase.FoundPurchaseMissing, b.entry, b.order, cmp.Or(b.license, "unknown"), b.charged)
		return
	}
	v.matched[at] = true
	row := v.Rows[at]
	switch {
	case b.license != row.LicenseID && (b.license != "" || !b.counting):
		v.wrong(record, purchase.FoundOtherLicense, b.entry, cmp.Or(b.license, "(none)"), row.ID, row.LicenseID)
		return
	case v.Older: // tells no amounts
	case b.charged != row.Cost && b.counting:
		v.note(purchase.NotedCounting, "entry", strconv.FormatUint(b.entry, 10), "logged", purchase.ArgCents(b.charged),
			"charged",
			purchase.ArgCents(row.Cost))
		return
	case b.charged != row.Cost:
		v.wrong(record, purchase.FoundOtherAmount, b.entry, b.license, b.charged, row.Cost, row.ID)
		return
	}
	if !v.managed[row.LicenseID] {
		v.note(purchase.NotedNotManaged, "license", row.LicenseID, "entry", strconv.FormatUint(b.entry, 10))
	}
	v.result.Agree++
}

// rowOf finds the purchase of a claim: by its number, else by its license, else by the order's tag or cart item. -1:
// none.
func (v *comparer) rowOf(b entry) int {
	o := v.orders[b.order]
	for _, fits := range []func(cocalc.PurchaseRow) bool{
		func(row cocalc.PurchaseRow) bool { return b.row != 0 && row.ID == b.row },
		func(row cocalc.PurchaseRow) bool { return b.license != "" && row.LicenseID == b.license },
		func(row cocalc.PurchaseRow) bool {
			return b.license == "" && b.item != 0 && row.CartItemID == b.item && o.Owns(row.Text, row.Time)
		},
	} {
		for i, row := range v.Rows {
			if !v.matched[i] && fits(row) {
				return i
			}
		}
	}
	return -1
}

// classify finds out whose a purchase is that no entry of the log speaks of.
func (v *comparer) classify(row cocalc.PurchaseRow) {
	id, isTagged := purchase.ParseTag(row.Text)
	if !isTagged {
		if id = v.items[row.CartItemID]; id != "" {
			if o := v.orders[id]; !o.Owns(row.Text, row.Time) {
				id = ""
			}
		}
	}
	o, known := v.orders[id]
	what := []string{
		"purchase", purchase.ArgSomeID(row.ID), "at", purchase.ArgTime(row.Time), "license", row.LicenseID, "amount",
		purchase.ArgCents(row.Cost),
	}
	stranger := func(pairs ...string) {
		v.result.Unrecognized = append(v.result.Unrecognized, purchase.NewCause(purchase.NotedStranger, append(what, pairs...)...))
	}
	switch {
	case row.Time.After(v.readAt) || row.Time.After(v.readAt.Add(-time.Hour)) && createdAfter(id, v.readAt):
		// since the ledger was read; clocks differ
	case known && o.IsActive():
		v.note(purchase.NotedUnderWay, append(what, "order", string(id))...)
	case v.isReported(row):
		stranger("but", "reported")
	case known && o.ItemID != 0 && row.CartItemID != 0 && o.ItemID != row.CartItemID:
		stranger("but", "copied", "order", string(id))
	case known:
		v.wrong("order "+string(id), purchase.FoundNotLogged, row.ID, purchase.ArgTime(row.Time), row.LicenseID,
			int64(row.Cost), id)
	case id != "" && v.acceptedAnew && (row.Time.Before(v.since) || !row.Time.After(v.earlier)):
		v.result.Earlier++
	case id != "":
		v.wrong("order "+string(id), purchase.FoundUnknownTag, row.ID, purchase.ArgTime(row.Time), row.LicenseID,
			int64(row.Cost), id)
	case row.Time.Before(v.since):
		v.result.Earlier++
	default:
		stranger()
	}
}

// createdAfter reports whether an order was proposed after a moment, which its id tells.
func createdAfter(id purchase.OrderID, than time.Time) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return err == nil && ulid.Time(parsed.Time()).After(than)
}
