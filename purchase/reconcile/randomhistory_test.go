package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/storage/storagetest"
)

// randomHistory writes the history of a ledger: orders that go random ways through the state graph, with their budgets,
// log entries and audit records.
type randomHistory struct {
	*rand.Rand
	ledger  *storagetest.Memory
	orders  []purchase.OrderID
	entries int

	// meddling is the chance, in percent, that a change is written wrongly.
	meddling int
	late     []purchase.Event // records that are written after later ones
}

func newRandomHistory(seed uint64, meddling int) *randomHistory {
	return &randomHistory{Rand: rand.New(rand.NewPCG(seed, 1)), ledger: &storagetest.Memory{}, meddling: meddling}
}

// write writes so many changes.
func (h *randomHistory) write(t *testing.T, changes int) {
	t.Helper()
	for range changes {
		if err := h.ledger.Update(t.Context(), h.change); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *randomHistory) meddles() bool { return h.IntN(100) < h.meddling }

func (h *randomHistory) change(w purchase.Writer) error {
	w = meddler{w, h}
	switch n := h.IntN(20); {
	case n == 0:
		return h.pause(w)
	case n == 1:
		return w.AppendEvent(purchase.Event{Kind: "refused", Order: h.anyID(), By: "U1"})
	case n < 8 || len(h.orders) == 0:
		return h.propose(w)
	}
	for range 5 { // most orders have ended
		o, err := w.Order(h.orders[max(0, len(h.orders)-1-h.IntN(20))])
		if err != nil {
			return err
		}
		if o.State == purchase.Purchased && h.IntN(4) == 0 {
			return h.correct(w, o)
		}
		if o.State == purchase.Purchased && h.IntN(4) == 0 {
			return h.renew(w, o)
		}
		var ways []purchase.State
		for _, s := range purchase.States() {
			if o.State.CanBecome(s) {
				ways = append(ways, s)
			}
		}
		if len(ways) > 0 && (!o.State.Final() || h.IntN(10) == 0) {
			return h.move(w, o, ways[h.IntN(len(ways))])
		}
	}
	return nil
}

// anyID returns the id of an order, or one that no order has.
func (h *randomHistory) anyID() purchase.OrderID {
	if h.IntN(3) > 0 && len(h.orders) > 0 {
		return h.orders[h.IntN(len(h.orders))]
	}
	return []purchase.OrderID{"", "01", "01JNEVER", orderNumber(h.IntN(len(h.orders)+9)) + "x", "zzz"}[h.IntN(5)]
}

func orderNumber(n int) purchase.OrderID { return purchase.OrderID(fmt.Sprintf("01J%08d", n)) }

func (h *randomHistory) pause(w purchase.Writer) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	kind := "paused"
	if account.Pause == nil {
		account.Pause = &purchase.Pause{By: "U1"}
	} else {
		kind, account.Pause = "resumed", nil
	}
	return errors.Join(w.PutAccount(account), w.AppendEvent(purchase.Event{Kind: kind, By: "U1"}))
}

func (h *randomHistory) propose(w purchase.Writer) error {
	o := purchase.Order{
		ID: orderNumber(len(h.orders)), State: purchase.Proposed, Price: purchase.Cents(100 + h.IntN(3)),
		Requester: purchase.Actor{ID: fmt.Sprint("U", h.IntN(4))},
	}
	h.orders = append(h.orders, o.ID)
	if h.IntN(10) == 0 { // as in early ledgers
		return h.move(w, o, purchase.Approved)
	}
	return errors.Join(w.PutOrder(o), w.AppendEvent(record(o)))
}

func record(o purchase.Order) purchase.Event {
	return purchase.Event{Kind: string(o.State), Order: o.ID, By: "U1", Amount: o.Price}
}

// move makes an order enter a state, with all that belongs to it.
func (h *randomHistory) move(w purchase.Writer, o purchase.Order, to purchase.State) error {
	before := o
	o.State = to
	if o.Month == "" {
		o.Month = fmt.Sprint("2026-0", 1+h.IntN(4))
	}
	switch to {
	case purchase.Paying:
		o.CheckoutSent = time.Unix(1, 0)
	case purchase.Purchased:
		if o.Receipt == nil {
			h.entries++
			o.Receipt = &purchase.Receipt{
				LicenseID: fmt.Sprint("license-", h.entries), Charged: o.Price, PurchaseID: int64(h.entries),
			}
		}
	default:
	}
	var all []error
	all = append(all, purchase.ChangeBudget(w, o.Month, func(b *purchase.Budget) {
		if was, is := before.IsReserved(), o.IsReserved(); was != is {
			b.Reserve(o.Requester.ID, o.Price, map[bool]int{true: 1, false: -1}[is])
		}
	}))
	if to == purchase.Purchased {
		all = append(all, h.enter(w, &o, *o.Receipt, false))
		for h.IntN(10) == 0 {
			h.entries++
			again := purchase.DuplicatePurchase{
				LicenseID: fmt.Sprint("license-", h.entries), Charged: o.Price, PurchaseID: int64(h.entries),
			}
			o.Receipt.Duplicates = append(o.Receipt.Duplicates, again)
			all = append(all, h.enter(w, &o, purchase.Receipt{
				LicenseID: again.LicenseID, Charged: again.Charged, PurchaseID: again.PurchaseID,
			}, true))
		}
	}
	return errors.Join(append(all, w.PutOrder(o), w.AppendEvent(record(o)))...)
}

// enter adds an entry to the log and to the budget.
func (h *randomHistory) enter(w purchase.Writer, o *purchase.Order, r purchase.Receipt, duplicate bool) error {
	_, err := w.AddPurchase(purchase.Purchase{
		Order: o.ID, Requester: o.Requester, Month: o.Month, Charged: r.Charged, LicenseID: r.LicenseID,
		PurchaseID: r.PurchaseID, Duplicate: duplicate,
	})
	return errors.Join(err, purchase.ChangeBudget(w, o.Month, func(b *purchase.Budget) {
		b.Spend(o.Requester.ID, r.Charged, 1)
	}))
}

// correct corrects the charge of a bought order.
func (h *randomHistory) correct(w purchase.Writer, o purchase.Order) error {
	difference := purchase.Cents(h.IntN(9) + 1)
	if o.Receipt == nil {
		return nil
	}
	o.Receipt.Charged += difference
	_, err := w.AddPurchase(purchase.Purchase{
		Order: o.ID, Requester: o.Requester, Month: o.Month, Charged: difference, LicenseID: o.Receipt.LicenseID,
		PurchaseID: o.Receipt.PurchaseID, Correction: true,
	})
	return errors.Join(err, w.PutOrder(o), w.AppendEvent(purchase.Event{Kind: "corrected", Order: o.ID, By: "U1"}),
		purchase.ChangeBudget(w, o.Month, func(b *purchase.Budget) { b.Spend(o.Requester.ID, difference, 0) }))
}

// renew charges a bought license again, in another month.
func (h *randomHistory) renew(w purchase.Writer, o purchase.Order) error {
	if o.Receipt == nil {
		return nil
	}
	h.entries++
	month := fmt.Sprint("2026-0", 1+h.IntN(6))
	_, err := w.AddPurchase(purchase.Purchase{
		Kind: purchase.EntryRenewal, Order: o.ID, Requester: o.Requester, Month: month, Charged: o.Price,
		LicenseID: o.Receipt.LicenseID, PurchaseID: int64(h.entries),
	})
	return errors.Join(err, w.AppendEvent(purchase.Event{Kind: "renewed", Order: o.ID, By: "U1"}),
		purchase.ChangeBudget(w, month, func(b *purchase.Budget) { b.SpendUpkeep(o.Requester.ID, o.Price) }))
}

// meddler writes what a history writes, and sometimes something else.
type meddler struct {
	purchase.Writer
	h *randomHistory
}

func (m meddler) AppendEvent(e purchase.Event) error {
	if len(m.h.late) > 0 && m.h.IntN(3) == 0 {
		if err := m.Writer.AppendEvent(m.h.late[0]); err != nil {
			return err
		}
		m.h.late = m.h.late[1:]
	}
	if e.Kind == "corrected" || e.Kind == "renewed" || !m.h.meddles() {
		return m.Writer.AppendEvent(e)
	}
	switch m.h.IntN(6) {
	case 0:
		return nil
	case 1:
		return errors.Join(m.Writer.AppendEvent(e), m.Writer.AppendEvent(e))
	case 2:
		m.h.late = append(m.h.late, e)
		return nil
	case 3:
		e.Order = m.h.anyID()
	case 4:
		e.Amount++
	case 5:
		e.Kind = string(purchase.States()[m.h.IntN(12)])
	}
	return m.Writer.AppendEvent(e)
}

func (m meddler) AddPurchase(p purchase.Purchase) (purchase.Purchase, error) {
	if !m.h.meddles() {
		return m.Writer.AddPurchase(p)
	}
	switch m.h.IntN(9) {
	case 0:
		return p, nil
	case 1:
		if _, err := m.Writer.AddPurchase(p); err != nil {
			return p, err
		}
	case 2:
		p.Order = m.h.anyID()
	case 3:
		p.Month = "2026-09"
	case 4:
		p.LicenseID = fmt.Sprint("license-", m.h.IntN(m.h.entries+1))
	case 5:
		p.PurchaseID = int64(m.h.IntN(m.h.entries + 1))
	case 6:
		p.Charged++
	case 7:
		p.Correction = !p.Correction
	case 8:
		p.Duplicate, p.Requester.ID = !p.Duplicate, "U9"
	}
	return m.Writer.AddPurchase(p)
}

// tamper changes a record of the ledger, as no bot does.
func (h *randomHistory) tamper(t *testing.T) {
	t.Helper()
	err := h.ledger.Update(t.Context(), func(w purchase.Writer) error {
		switch h.IntN(6) {
		case 0:
			account, err := w.Account()
			if account.Pause = nil; h.IntN(2) == 0 {
				account.Pause = &purchase.Pause{By: "U1"}
			}
			account.Twins = map[string]string{"U1": "U2"}
			return errors.Join(err, w.PutAccount(account))
		case 1:
			return purchase.ChangeBudget(w, fmt.Sprint("2026-0", h.IntN(6)), func(b *purchase.Budget) {
				switch h.IntN(5) {
				case 0:
					b.Spent++
				case 1:
					b.Reserved++
				case 2:
					b.Bought++
				case 3:
					b.People = map[string]purchase.Share{"U1": {Spent: 1}, "U7": {Upkeep: 1}}
				case 4:
					b.Upkeep++
				}
			})
		}
		if len(h.orders) == 0 {
			return nil
		}
		o, err := w.Order(h.orders[h.IntN(len(h.orders))])
		h.edit(&o)
		return errors.Join(err, w.PutOrder(o))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *randomHistory) edit(o *purchase.Order) {
	switch h.IntN(9) {
	case 0:
		o.State = append(purchase.States(), "another")[h.IntN(13)]
	case 1:
		o.Month = "2026-08"
	case 2:
		o.Price = -o.Price
	case 3:
		o.Receipt = nil
	case 4:
		o.Receipt = &purchase.Receipt{LicenseID: "other", Duplicates: make([]purchase.DuplicatePurchase, h.IntN(2))}
	case 5:
		o.CheckoutSent = time.Time{}
	case 6:
		o.CheckoutSent = time.Unix(1, 0)
	case 7:
		o.Released = time.Unix(1, 0)
	case 8:
		if o.Receipt != nil {
			o.Receipt.Charged++
		}
	}
}

// findings returns what the check with all records in memory finds.
func (h *randomHistory) findings(t *testing.T) (want []purchase.Finding) {
	t.Helper()
	err := h.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		want, err = checkInMemory(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// codesOf adds the codes of findings to those that were found.
func codesOf(all map[purchase.FindingCode]int, found []purchase.Finding) {
	for _, f := range found {
		all[f.Code]++
	}
}

// consistencyCodes are the codes of CheckConsistency.
var consistencyCodes = []purchase.FindingCode{
	purchase.FoundEntriesOfOneLicense, purchase.FoundEntriesOfOnePurchase, purchase.FoundEntryWithoutOrder,
	purchase.FoundPauseUnrecorded, purchase.FoundResumeUnrecorded, purchase.FoundRecordWithoutOrder,
	purchase.FoundRecordImpossible, purchase.FoundRecordPrice, purchase.FoundBudgetSpent, purchase.FoundBudgetReserved,
	purchase.FoundBudgetCount, purchase.FoundBudgetPerson, purchase.FoundOrderState, purchase.FoundOrderNotSent,
	purchase.FoundOrderSentUnrecorded, purchase.FoundEntryOfUnbought, purchase.FoundReceiptOfUnbought,
	purchase.FoundNoReceipt, purchase.FoundEntryMonth, purchase.FoundOrderNotLogged, purchase.FoundOrderLoggedTwice,
	purchase.FoundReceiptLicense, purchase.FoundReceiptAmount, purchase.FoundReceiptExtra,
	purchase.FoundUpkeepWithoutPurchase, purchase.FoundBudgetUpkeep, purchase.FoundBudgetPersonUpkeep,
}

// missing returns the codes that were not found.
func missing(found map[purchase.FindingCode]int) []purchase.FindingCode {
	return slices.DeleteFunc(slices.Clone(consistencyCodes), func(c purchase.FindingCode) bool { return found[c] > 0 })
}
