package purchase

// AwayRefusal refuses what would reserve money while the ledger's file is away.
func (p Policy) AwayRefusal() *Refusal {
	return NewRefusal(LedgerAway, "told", p.AdminsTold())
}

// Begins reports whether the order's next step begins something or pays, so that the next start must find it.
func (o *Order) Begins() bool {
	return o.State == Approved && len(o.Parked) == 0 || o.State == Adding && o.AddSent.IsZero() || o.State == Carted &&
		o.Failure == nil
}
