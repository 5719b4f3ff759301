package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// LicenseStore is the license store of a CoCalc server. There are two generations, which report different things.
type LicenseStore interface {
	// Preview returns the amount that a checkout would charge for the order now.
	Preview(ctx context.Context, o purchase.Order) (CheckoutPreview, error)
	// purchases lists the license purchases of the account since from; nil if the store has no such list.
	purchases(ctx context.Context, from time.Time) ([]cocalc.PurchaseRow, error)
	// counts reports whether the store lists purchases. If not, a license is the only evidence of a purchase, and
	// nothing can be counted again later.
	counts() bool
	// account returns the license purchases of the account since from, after CoCalc has accepted the key.
	account(ctx context.Context, from time.Time) (Account, error)
	// missing returns the finding about an entry of the log (record) for which the account has no purchase.
	missing(record string, e entry) purchase.Finding
	// Charge completes the receipt of a bought order. After an error, another attempt may find another charge.
	Charge(ctx context.Context, o purchase.Order, item cocalc.CartItem, r *purchase.Receipt) error
}

// StoreOf returns the store of the server.
func (rc *Reconciler) StoreOf(ctx context.Context) (LicenseStore, error) {
	return storeOf(ctx, rc.shop, rc.now)
}

func storeOf(ctx context.Context, shop purchase.Shop, now func() time.Time) (LicenseStore, error) {
	kind, err := shop.Store(ctx)
	switch {
	case err != nil:
		return nil, err
	case kind == cocalc.StoreOlder:
		return olderStore{shop, now}, nil
	default:
		return currentStore{shop, now}, nil
	}
}

// Counts reports whether the store lists purchases; true while the server does not say which store it has.
func (rc *Reconciler) Counts(ctx context.Context) bool {
	store, err := rc.StoreOf(ctx)
	return err != nil || store.counts()
}

// currentStore lists purchases and previews a checkout.
type currentStore struct {
	shop purchase.Shop
	now  func() time.Time
}

func (s currentStore) Preview(ctx context.Context, o purchase.Order) (CheckoutPreview, error) {
	look := CheckoutPreview{Amount: o.Price}
	params, err := s.shop.CheckoutParams(ctx)
	for _, item := range params.Items {
		look.Checked = append(look.Checked, item.CartItem)
		if item.ID == o.ItemID {
			look.Amount = item.LineItemAmount
		}
	}
	credit := params.Balance - params.MinBalance
	look.Credit = &credit
	return look, err
}

func (s currentStore) purchases(ctx context.Context, from time.Time) ([]cocalc.PurchaseRow, error) {
	return ListPurchases(ctx, s.shop, from)
}

func (currentStore) counts() bool { return true }

func (s currentStore) account(ctx context.Context, from time.Time) (a Account, err error) {
	services := []string{""} // one list of the last days
	if s.now().Sub(from) > 2*overlap {
		// What an account paid for other services in years can be more than CoCalc lists. A refund is read before what it
		// gives back, so that both are seen.
		services = []string{cocalc.ServiceRefund, cocalc.ServiceEdit, cocalc.ServiceLicense}
	}
	for _, service := range services {
		rows, err := listRows(ctx, s.shop, from, service)
		if err != nil {
			return a, err
		}
		for _, row := range rows {
			switch row.Service {
			case cocalc.ServiceLicense:
				if row.Cost >= 0 { // a negative cost is a refund
					a.Rows = append(a.Rows, row)
				}
			case cocalc.ServiceEdit, cocalc.ServiceRefund:
				a.Upkeep = append(a.Upkeep, row)
			}
		}
	}
	_, err = s.shop.WhoAmI(ctx)
	a.Store = s
	return a, err
}

func (currentStore) missing(record string, e entry) purchase.Finding {
	return purchase.NewFinding(record, purchase.FoundPurchaseMissing, e.number, e.order, cmp.Or(e.license, "unknown"),
		e.charged)
}

// Charge leaves the receipt as the purchases filled it in.
func (currentStore) Charge(context.Context, purchase.Order, cocalc.CartItem, *purchase.Receipt) error {
	return nil
}

// olderStore reports neither prices nor charges. It charges what cocalc.Price computes.
type olderStore struct {
	shop purchase.Shop
	now  func() time.Time
}

func (s olderStore) Preview(ctx context.Context, o purchase.Order) (CheckoutPreview, error) {
	look := CheckoutPreview{Amount: o.Price}
	all, err := s.shop.Cart(ctx, cocalc.InCart)
	for _, item := range all {
		if !item.Checked {
			continue
		}
		look.Checked = append(look.Checked, item)
		if cost, err := cocalc.PriceDescription(item.Description, s.now()); err == nil && item.ID == o.ItemID {
			look.Amount = min(cost.LineItemAmount, look.Amount) // a fixed term that has begun costs less with time
		}
	}
	return look, err
}

func (olderStore) purchases(context.Context, time.Time) ([]cocalc.PurchaseRow, error) {
	return nil, nil
}

func (olderStore) counts() bool { return false }

// account returns the purchases that licenses with a tag prove; the store doesn't show who bought other licenses. A
// list of licenses proves the key.
func (s olderStore) account(ctx context.Context, from time.Time) (Account, error) {
	licenses, err := s.shop.Licenses(ctx)
	if err != nil {
		return Account{}, err
	}
	a := Account{Licenses: licenses, Store: s}
	for _, l := range licenses {
		if _, tagged := purchase.ParseTag(l.Description); tagged && !l.Created.Before(from) {
			a.Rows = append(a.Rows, cocalc.PurchaseRow{
				LicenseID: l.ID, Time: l.Created, PeriodEnd: l.Expires, Text: l.Description,
			})
		}
	}
	return a, nil
}

func (olderStore) missing(record string, e entry) purchase.Finding {
	return purchase.NewFinding(record, purchase.FoundLicenseNotListed, cmp.Or(e.license, "(unknown)"), e.number, e.order)
}

// Charge computes the charge.
func (s olderStore) Charge(ctx context.Context, o purchase.Order, item cocalc.CartItem,
	r *purchase.Receipt,
) (err error) {
	r.Unchecked = false
	r.Charged, err = s.charged(ctx, o, item)
	return err
}

// CheckoutPreview is what a checkout would charge now, and the credit that it could use.
type CheckoutPreview struct {
	Checked []cocalc.CartItem
	Amount  purchase.Cents  // for the order's item
	Credit  *purchase.Cents // that may be spent; nil on an older server, which doesn't report it
}

// purchasesPage is how many purchases one request reads: the maximum that CoCalc returns.
const purchasesPage = 500

// maxPurchasePages is how many pages are read at most: 200,000 purchases. A longer list counts as an error of the
// server.
const maxPurchasePages = 400

// ListPurchases reads the account's license purchases since a time (zero: all), newest first. A row that is on two
// pages, because the list grew meanwhile, is returned once. It returns an error if it could not read the whole list,
// since a part of it would look like an account that bought less.
func ListPurchases(ctx context.Context, shop purchaseLister, since time.Time) ([]cocalc.PurchaseRow, error) {
	rows, err := listRows(ctx, shop, since, cocalc.ServiceLicense)
	return slices.DeleteFunc(rows, func(row cocalc.PurchaseRow) bool {
		return row.Cost < 0 // a refund
	}), err
}

// purchaseLister lists purchases; purchase.Shop is one.
type purchaseLister interface {
	Purchases(context.Context, cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error)
}

// listRows reads the account's purchases of a service (empty: of all) like ListPurchases, with refunds.
func listRows(ctx context.Context, shop purchaseLister, since time.Time, service string,
) (rows []cocalc.PurchaseRow, err error) {
	type key struct {
		id      int64
		license string
	}
	seen := map[key]bool{}
	for offset := 0; ; offset += purchasesPage {
		page, err := shop.Purchases(ctx, cocalc.PurchaseFilter{
			Service: service, Since: since, Limit: purchasesPage,
			Offset: offset,
		})
		if err != nil {
			return nil, err
		}
		before, older := len(seen), false
		for _, row := range page {
			if row.Time.Before(since.Truncate(time.Millisecond)) { // CoCalc's times have milliseconds
				older = true
				continue
			}
			if k := (key{row.ID, row.LicenseID}); !seen[k] {
				seen[k] = true
				rows = append(rows, row)
			}
		}
		switch {
		case len(page) < purchasesPage, older: // newest first: the rest is older
			return rows, nil
		case offset/purchasesPage+1 == maxPurchasePages:
			return nil, &cocalc.Error{
				Op: "purchases/get-purchases", Outcome: cocalc.Rejected,
				Text: fmt.Sprintf("there is no end after %d purchases", len(seen)),
			}
		case len(seen) == before:
			return nil, &cocalc.Error{
				Op: "purchases/get-purchases", Outcome: cocalc.Rejected,
				Text: fmt.Sprintf("page after page is the same, from number %d on", offset),
			}
		}
	}
}

// Differs returns an error if the item in the cart differs from what was sent for the order.
func (rc *Reconciler) Differs(o purchase.Order, item cocalc.CartItem) error {
	return differs(o, item, rc.now())
}

func differs(o purchase.Order, item cocalc.CartItem, now time.Time) error {
	if item.Product != "site-license" {
		return fmt.Errorf("product is %q", item.Product)
	}
	if item.ProjectID != o.Spec.ProjectID {
		return fmt.Errorf("project is %q", item.ProjectID)
	}
	return cocalc.DescriptionMatches(clampStart(o.Sent, item.Description, now), item.Description)
}

// clampStart returns the description that was sent, with the start that the server may show now. Each time that the
// cart is read, the server moves a start in the past to its current time: the longer an item waits, the later it begins
// and the less it costs, without an edit. A start in the future doesn't move. DescriptionMatches tolerates the
// differences that adding an item makes.
func clampStart(sent, got json.RawMessage, now time.Time) json.RawMessage {
	var have struct {
		Range []time.Time `json:"range"`
	}
	var fields map[string]json.RawMessage
	var want []time.Time
	if json.Unmarshal(got, &have) != nil || json.Unmarshal(sent, &fields) != nil ||
		json.Unmarshal(fields["range"], &want) != nil || len(have.Range) != 2 || len(want) != 2 {
		return sent
	}
	start := have.Range[0].Add(-cocalc.RangeTolerance)
	if !start.After(want[0]) || have.Range[0].After(now.Add(cocalc.RangeTolerance)) {
		return sent
	}
	moved, err := json.Marshal([]time.Time{start, want[1]})
	if err != nil {
		return sent
	}
	fields["range"] = moved
	out, err := json.Marshal(fields)
	if err != nil {
		return sent
	}
	return out
}

// HasTag reports whether the item has the order's tag.
func HasTag(item cocalc.CartItem, id purchase.OrderID) bool {
	found, ok := purchase.ParseTag(item.Text())
	return ok && found == id
}

// soldFrom returns the time, by CoCalc's clock, since which purchases are searched for the order's: a day before its
// add, whichever of CoCalc's machines dates them. It is zero (all purchases) if the machine's clock was ahead when the
// order was created and CoCalc's time then is unknown.
func (rc *Reconciler) soldFrom(o purchase.Order) time.Time {
	switch {
	case !o.AddedAfter.IsZero():
		return o.AddedAfter.Add(-overlap)
	case o.Created.After(rc.reg.ServerTimeOrNow().Add(time.Hour)):
		return time.Time{}
	}
	return o.Created.Add(-overlap)
}

// AddedFrom returns the time since which a list of purchases has those of the order's item, if the clocks of CoCalc's
// machines don't differ by more than purchase.ClocksApart: a checkout dates what it buys with its own beginning, when
// the item was in the cart. Without CoCalc's time of the add, it returns the time since which everything is searched.
func (rc *Reconciler) AddedFrom(o purchase.Order) time.Time {
	if o.AddedAfter.IsZero() {
		return rc.soldFrom(o)
	}
	return o.AddedAfter.Add(-purchase.ClocksApart)
}

// Item reads the order's cart item. If CoCalc returns an item of another order, the error is NotFound.
func (rc *Reconciler) Item(ctx context.Context, o purchase.Order) (cocalc.CartItem, error) {
	item, err := rc.shop.CartItem(ctx, o.ItemID)
	if err == nil && !o.Owns(item.Text(), item.Added) {
		return cocalc.CartItem{}, &cocalc.Error{
			Op: "shopping/cart/get", Outcome: cocalc.Rejected, Kind: cocalc.NotFound,
			Text: fmt.Sprintf("item %d is not the order's", o.ItemID),
		}
	}
	return item, err
}

// FindItem searches the account's cart items for one with the order's tag.
func (rc *Reconciler) FindItem(ctx context.Context, o purchase.Order,
	among ...cocalc.CartFilter,
) (cocalc.CartItem, bool, error) {
	for _, which := range among {
		items, err := rc.shop.Cart(ctx, which)
		if err != nil {
			return cocalc.CartItem{}, false, err
		}
		if i := slices.IndexFunc(items, func(i cocalc.CartItem) bool { return HasTag(i, o.ID) }); i >= 0 {
			return items[i], true, nil
		}
	}
	return cocalc.CartItem{}, false, nil
}

// PurchasesOf reads the account's purchases of the order's cart item: one if the order was bought, more if it was
// bought twice. An older server lists none.
func (rc *Reconciler) PurchasesOf(ctx context.Context, o purchase.Order) ([]cocalc.PurchaseRow, error) {
	store, err := rc.StoreOf(ctx)
	if err != nil {
		return nil, err
	}
	return rc.readPurchases(ctx, store, o, rc.soldFrom(o))
}

// PurchasesSince is PurchasesOf for an order that is known to be bought. It reads the purchases since a time (AddedFrom
// or earlier), so that what else was bought on that day costs nothing, and everything that could be the order's only if
// it isn't among them.
func (rc *Reconciler) PurchasesSince(ctx context.Context, o purchase.Order,
	since time.Time,
) ([]cocalc.PurchaseRow, error) {
	store, err := rc.StoreOf(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := rc.readPurchases(ctx, store, o, since)
	if err == nil && len(rows) == 0 && rc.soldFrom(o).Before(since) {
		return rc.readPurchases(ctx, store, o, rc.soldFrom(o))
	}
	return rows, err
}

// readPurchases reads the account's purchases since a time, remembers them, and returns the order's.
func (rc *Reconciler) readPurchases(ctx context.Context, store LicenseStore, o purchase.Order,
	since time.Time,
) ([]cocalc.PurchaseRow, error) {
	at := rc.reg.Elapsed()
	rows, err := store.purchases(ctx, since)
	if err != nil {
		return nil, err
	}
	rc.last = purchaseList{at: at, since: since, rows: rows}
	return o.PurchasesIn(rows), nil
}

// purchaseList is a list of purchases, when it was requested, and how far back it goes.
type purchaseList struct {
	at    time.Duration // elapsed
	since time.Time
	rows  []cocalc.PurchaseRow
}

// Counted returns the purchases of an order's item that the last list shows: none if it was requested before a moment
// (a value of Register.Elapsed), or doesn't go back to the order's add.
func (rc *Reconciler) Counted(o purchase.Order, after time.Duration) []cocalc.PurchaseRow {
	if rc.last.at < after || rc.last.since.After(rc.AddedFrom(o)) {
		return nil
	}
	return o.PurchasesIn(rc.last.rows)
}
