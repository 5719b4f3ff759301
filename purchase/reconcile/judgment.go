package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"licensebot/purchase"
)

// orderRecords is what a ledger says about one order.
type orderRecords struct {
	id      purchase.OrderID
	order   *purchase.OrderFacts // nil: there is no such order
	entries []purchase.EntryFacts
	events  []stateRecord
}

// stateRecord is an audit record that says that an order entered a state.
type stateRecord struct {
	number uint64
	to     purchase.State
	amount purchase.Cents
}

// states returns the kinds of audit records that say that an order entered a state.
var states = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, s := range purchase.States() {
		all[string(s)] = true
	}
	return all
})

// findings collects what a check finds, in any order.
type findings struct {
	log, audit, orders []place
	account, budgets   []purchase.Finding
}

// place is a finding about a log entry or an audit record with a number, or about an order.
type place struct {
	number uint64
	order  purchase.OrderID
	purchase.Finding
}

// all returns the findings about the log, newest first, then those about audit records, oldest first, the account,
// budgets by month, and orders by id.
func (f *findings) all() (all []purchase.Finding) {
	slices.SortStableFunc(f.log, func(a, b place) int { return cmp.Compare(b.number, a.number) })
	slices.SortStableFunc(f.audit, func(a, b place) int { return cmp.Compare(a.number, b.number) })
	slices.SortStableFunc(f.orders, func(a, b place) int { return cmp.Compare(a.order, b.order) })
	for _, places := range [][]place{f.log, f.audit} {
		for _, p := range places {
			all = append(all, p.Finding)
		}
	}
	all = append(append(all, f.account...), f.budgets...)
	for _, p := range f.orders {
		all = append(all, p.Finding)
	}
	return all
}

func (f *findings) isEmpty() bool {
	return len(f.log)+len(f.audit)+len(f.orders)+len(f.account)+len(f.budgets) == 0
}

func (f *findings) inEntry(p *purchase.EntryFacts, code purchase.FindingCode, args ...any) {
	f.log = append(f.log, place{number: p.Number, Finding: purchase.NewFinding(fmt.Sprintf("entry %d", p.Number), code,
		args...)})
}

func (f *findings) inEvent(e stateRecord, code purchase.FindingCode, args ...any) {
	f.audit = append(f.audit, place{number: e.number, Finding: purchase.NewFinding(
		fmt.Sprintf("audit record %d", e.number), code, args...)})
}

func (f *findings) inOrder(id purchase.OrderID, code purchase.FindingCode, args ...any) {
	f.orders = append(f.orders, place{order: id, Finding: purchase.NewFinding("order "+string(id), code, args...)})
}

// judge compares an order with all its log entries and audit records.
func (f *findings) judge(o *orderRecords) {
	if o.order == nil {
		for _, p := range slices.Backward(o.entries) {
			f.inEntry(&p, purchase.FoundEntryWithoutOrder, p.Number, p.Order)
		}
		for _, e := range o.events {
			f.inEvent(e, purchase.FoundRecordWithoutOrder, e.number, o.id, e.to)
		}
		return
	}
	last, paid := stateRecord{}, false
	for _, e := range o.events {
		f.judgeEvent(o, last.to, e)
		last, paid = e, paid || e.to == purchase.Paying
	}
	d := o.order
	if last.to != d.State {
		f.inOrder(o.id, purchase.FoundOrderState, o.id, d.State, last.number, cmp.Or(string(last.to), "nothing"))
	}
	if paid && !d.HasCheckout {
		f.inOrder(o.id, purchase.FoundOrderNotSent, o.id)
	} else if !paid && d.HasCheckout {
		f.inOrder(o.id, purchase.FoundOrderSentUnrecorded, o.id)
	}
	if d.State != purchase.Purchased {
		for _, p := range slices.Backward(o.entries) {
			f.inOrder(o.id, purchase.FoundEntryOfUnbought, o.id, d.State, p.Number)
		}
		if d.Receipt != nil {
			f.inOrder(o.id, purchase.FoundReceiptOfUnbought, o.id, d.State)
		}
		return
	}
	if d.Receipt == nil {
		f.inOrder(o.id, purchase.FoundNoReceipt, o.id)
		return
	}
	f.judgeReceipt(o)
}

// judgeEvent compares an audit record with its order. before is the state in the record before it; empty if it is the
// first.
func (f *findings) judgeEvent(o *orderRecords, before purchase.State, e stateRecord) {
	// Early ledgers have no record of the proposal of an order at a new price.
	if first := before == ""; first && e.to != purchase.Proposed && e.to != purchase.Approved || !first &&
		!before.CanBecome(e.to) {
		f.inEvent(e, purchase.FoundRecordImpossible, e.number, o.id, e.to, cmp.Or(string(before), "nothing"))
	}
	if e.amount != o.order.Price {
		f.inEvent(e, purchase.FoundRecordPrice, e.number, o.id, e.amount, o.order.Price)
	}
}

// judgeReceipt compares the receipt of a bought order with the purchase log.
func (f *findings) judgeReceipt(o *orderRecords) {
	var own, extra int
	var charged, extraCharged purchase.Cents
	named := false
	month, receipt := o.order.Month, o.order.Receipt
	for _, p := range slices.Backward(o.entries) {
		if p.Month != month {
			f.inOrder(o.id, purchase.FoundEntryMonth, o.id, month, p.Number, p.Month)
		}
		if p.Duplicate {
			extra++
			extraCharged += p.Charged
			continue
		}
		charged += p.Charged
		named = named || p.LicenseID == receipt.LicenseID
		if !p.Correction {
			own++
		}
	}
	switch {
	case own == 0:
		f.inOrder(o.id, purchase.FoundOrderNotLogged, o.id)
	case own > 1:
		f.inOrder(o.id, purchase.FoundOrderLoggedTwice, o.id, own)
	case !named:
		f.inOrder(o.id, purchase.FoundReceiptLicense, o.id, receipt.LicenseID)
	case charged != receipt.Charged:
		f.inOrder(o.id, purchase.FoundReceiptAmount, o.id, receipt.Charged, charged)
	}
	if extra != receipt.Duplicates || extraCharged != receipt.ExtraCharged {
		f.inOrder(o.id, purchase.FoundReceiptExtra, o.id, receipt.Duplicates, receipt.ExtraCharged, extra, extraCharged)
	}
}

// judgeUnique finds log entries that are of one license, or of one of CoCalc's purchases. entries are oldest first, and
// none corrects another. Those of a license's upkeep name no license here.
func (f *findings) judgeUnique(entries []purchase.EntryFacts) {
	licenses, rows := map[string]uint64{}, map[int64]uint64{} // the number of the entry
	for _, p := range slices.Backward(entries) {
		if other := licenses[p.LicenseID]; other != 0 && p.LicenseID != "" {
			f.inEntry(&p, purchase.FoundEntriesOfOneLicense, p.Number, other, p.LicenseID)
		}
		if other := rows[p.PurchaseID]; other != 0 && p.PurchaseID != 0 {
			f.inEntry(&p, purchase.FoundEntriesOfOnePurchase, p.Number, other, p.PurchaseID)
		}
		licenses[p.LicenseID], rows[p.PurchaseID] = p.Number, p.Number
	}
}
