package purchase

// OrderFacts is the part of an order that a check of the whole ledger compares with other records.
type OrderFacts struct {
	ID        OrderID
	State     State
	Requester string // the person's id in the workspace
	Month     string
	Price     Cents
	Again     Cents // see Order.Again
	// HasCheckout is set if Order.CheckoutSent is, and IsReleased if Order.Released is.
	HasCheckout, IsReleased bool
	Receipt                 *ReceiptFacts // nil if the order has none
}

// ReceiptFacts is the part of a receipt that a check of the whole ledger compares with the purchase log.
type ReceiptFacts struct {
	LicenseID    string
	Charged      Cents
	Duplicates   int   // the number of further purchases of the same cart item
	ExtraCharged Cents // the sum of their charges
}

// Facts returns the part of the order that a check compares.
func (o *Order) Facts() OrderFacts {
	f := OrderFacts{
		ID: o.ID, State: o.State, Requester: o.Requester.ID, Month: o.Month, Price: o.Price, Again: o.Again,
		HasCheckout: !o.CheckoutSent.IsZero(), IsReleased: !o.Released.IsZero(),
	}
	if r := o.Receipt; r != nil {
		f.Receipt = &ReceiptFacts{LicenseID: r.LicenseID, Charged: r.Charged, Duplicates: len(r.Duplicates)}
		for _, d := range r.Duplicates {
			f.Receipt.ExtraCharged += d.Charged
		}
	}
	return f
}

// Reservation is Order.Reservation.
func (f *OrderFacts) Reservation() Cents { return f.Price + f.Again }

// IsReserved is Order.IsReserved.
func (f *OrderFacts) IsReserved() bool { return f.State.promised() && !f.IsReleased }

// EntryFacts is the part of a log entry that a check of the whole ledger compares with other records; see Purchase.
type EntryFacts struct {
	Number     uint64
	Month      string
	Order      OrderID
	Requester  string // the person's id in the workspace
	Charged    Cents
	PurchaseID int64
	LicenseID  string
	Kind       EntryKind

	Duplicate, Correction bool
}

// Facts returns the part of the entry that a check compares.
func (p *Purchase) Facts() EntryFacts {
	return EntryFacts{
		Number: p.Number, Month: p.Month, Order: p.Order, Requester: p.Requester.ID, Charged: p.Charged,
		PurchaseID: p.PurchaseID, LicenseID: p.LicenseID, Kind: p.Kind, Duplicate: p.Duplicate, Correction: p.Correction,
	}
}

// EventFacts is the part of an audit record that a check of the whole ledger compares with other records; see Event.
type EventFacts struct {
	Number uint64
	Kind   string
	Order  OrderID
	Amount Cents
}

// Facts returns the part of the audit record that a check compares.
func (e *Event) Facts() EventFacts {
	return EventFacts{Number: e.Number, Kind: e.Kind, Order: e.Order, Amount: e.Amount}
}
