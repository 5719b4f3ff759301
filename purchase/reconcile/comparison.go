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

// Claims are what a ledger says about the CoCalc account at one moment: what was bought, and which cart items are its
// orders'. Compare holds them against what CoCalc says.
type Claims struct {
	at      time.Time // when the ledger said so
	account string    // of the CoCalc account; empty: unknown
	since   time.Time // every purchase of the account since then must be explained
	bought  []claim   // oldest first
	orders  map[purchase.OrderID]purchase.Order
	byItem  map[int64]purchase.OrderID
	// The licenses that were reported as not the ledger's, and CoCalc's numbers of their purchases.
	reportedLicenses  map[string]bool
	reportedPurchases map[int64]bool
	// acceptedAnew is set if a person accepted this ledger in place of a missing one. Tagged purchases up to earlier
	// are then the missing ledger's.
	acceptedAnew bool
	earlier      time.Time // when the newest of these was made
}

// claim is one license that the ledger says was bought.
type claim struct {
	entry    uint64 // number in the purchase log
	order    purchase.OrderID
	item     int64
	row      int64 // CoCalc's purchase; 0: not known
	license  string
	charged  purchase.Cents // with the corrections
	settled  bool           // by the word of an admin
	counting bool           // it is still to be counted, which may correct it
}

// Sales are what CoCalc says was bought with the account. The lists are whole, and were read beside a proof of the key.
type Sales struct {
	Account  string               // whose key it is
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
	// Strangers are other people's purchases on the account since the ledger began; Earlier is the number of older
	// ones.
	Strangers []purchase.Cause
	Earlier   int
	// Notes are what is no fault, and should be known all the same.
	Notes []purchase.Cause
}

func newClaims(at time.Time) Claims {
	return Claims{
		at: at, orders: map[purchase.OrderID]purchase.Order{}, byItem: map[int64]purchase.OrderID{},
		reportedLicenses:  map[string]bool{},
		reportedPurchases: map[int64]bool{},
	}
}

// ReadClaims reads what a ledger claims. at is the present.
func ReadClaims(r purchase.Reader, at time.Time) (Claims, error) {
	c := newClaims(at)
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

func (c *Claims) readOrders(r purchase.Reader) error {
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
			c.byItem[o.ItemID] = o.ID
		}
	}
	return nil
}

func (c *Claims) readLog(r purchase.Reader) error {
	log, err := r.Purchases(0, 1<<31-1)
	if err != nil {
		return fmt.Errorf("read the purchase log: %w", err)
	}
	own := map[purchase.OrderID]int{} // where the order's own purchase is, which is no double buy
	for _, p := range slices.Backward(log) {
		if i, known := own[p.Order]; known && p.Correction {
			b := &c.bought[i]
			b.charged += p.Charged
			b.row, b.license = cmp.Or(p.PurchaseID, b.row), cmp.Or(p.LicenseID, b.license)
			continue
		}
		b := claim{
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
			own[p.Order] = len(c.bought)
		}
		c.bought = append(c.bought, b)
	}
	return nil
}

// readReports gathers what was reported as not the ledger's: once is enough.
func (c *Claims) readReports(r purchase.Reader) error {
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
func (c *Claims) isReported(row cocalc.PurchaseRow) bool {
	return c.reportedLicenses[row.LicenseID] || c.reportedPurchases[row.ID]
}

// Compare holds the ledger against CoCalc. It decides nothing and writes nothing: a running bot compares by itself, and
// enters or reports what it finds.
func (c Claims) Compare(s Sales) Comparison {
	v := comparing{Claims: c, Sales: s, taken: map[int]bool{}, managed: map[string]bool{}}
	if c.account != "" && s.Account != c.account {
		v.wrong("account", purchase.FoundOtherAccount, s.Account, c.account)
		return v.said
	}
	for _, l := range s.Licenses {
		v.managed[l.ID] = true
	}
	if s.Older {
		v.Rows = rowsOf(s.Licenses)
	}
	v.Rows = slices.Clone(v.Rows)
	slices.SortStableFunc(v.Rows, func(x, y cocalc.PurchaseRow) int { return cmp.Compare(x.ID, y.ID) })
	for _, b := range c.bought {
		v.claimed(b)
	}
	for i, row := range v.Rows {
		if !v.taken[i] {
			v.sold(row)
		}
	}
	return v.said
}

// rowsOf are the purchases that licenses with a tag of ours tell of, on a server without a list of purchases.
func rowsOf(licenses []cocalc.License) (rows []cocalc.PurchaseRow) {
	for _, l := range licenses {
		if _, ours := purchase.ParseTag(l.Description); ours {
			rows = append(rows, cocalc.PurchaseRow{LicenseID: l.ID, Time: l.Created, PeriodEnd: l.Expires, Text: l.Description})
		}
	}
	return rows
}

// comparing is a comparison while it is made.
type comparing struct {
	Claims
	Sales
	taken   map[int]bool // rows that a claim has found
	managed map[string]bool
	said    Comparison
}

func (v *comparing) wrong(record string, code purchase.FindingCode, args ...any) {
	v.said.Wrong = append(v.said.Wrong, purchase.NewFinding(record, code, args...))
}

func (v *comparing) note(code purchase.CauseCode, pairs ...string) {
	v.said.Notes = append(v.said.Notes, purchase.NewCause(code, pairs...))
}

// claimed looks for the purchase that an entry of the log speaks of.
func (v *comparing) claimed(b claim) {
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
	v.taken[at] = true
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
	v.said.Agree++
}

// rowOf finds the purchase of a claim: by its number, else by its license, else by the order's tag or cart item. -1:
// none.
func (v *comparing) rowOf(b claim) int {
	o := v.orders[b.order]
	for _, fits := range []func(cocalc.PurchaseRow) bool{
		func(row cocalc.PurchaseRow) bool { return b.row != 0 && row.ID == b.row },
		func(row cocalc.PurchaseRow) bool { return b.license != "" && row.LicenseID == b.license },
		func(row cocalc.PurchaseRow) bool {
			return b.license == "" && b.item != 0 && row.CartItemID == b.item && o.Owns(row.Text, row.Time)
		},
	} {
		for i, row := range v.Rows {
			if !v.taken[i] && fits(row) {
				return i
			}
		}
	}
	return -1
}

// sold finds out whose a purchase is that no entry of the log speaks of.
func (v *comparing) sold(row cocalc.PurchaseRow) {
	id, isTagged := purchase.ParseTag(row.Text)
	if !isTagged {
		if id = v.byItem[row.CartItemID]; id != "" {
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
		v.said.Strangers = append(v.said.Strangers, purchase.NewCause(purchase.NotedStranger, append(what, pairs...)...))
	}
	switch {
	case row.Time.After(v.at) || row.Time.After(v.at.Add(-time.Hour)) && newer(id, v.at):
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
		v.said.Earlier++
	case id != "":
		v.wrong("order "+string(id), purchase.FoundUnknownTag, row.ID, purchase.ArgTime(row.Time), row.LicenseID,
			int64(row.Cost), id)
	case row.Time.Before(v.since):
		v.said.Earlier++
	default:
		stranger()
	}
}

// newer reports whether an order was proposed after a moment, which its id tells.
func newer(id purchase.OrderID, than time.Time) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return err == nil && ulid.Time(parsed.Time()).After(than)
}
