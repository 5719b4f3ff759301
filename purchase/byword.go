package purchase

// ByWord reports whether the order counts as bought by the word of an admin alone: CoCalc has shown no purchase of it.
func (o *Order) ByWord() bool {
	return o.State == Purchased && o.Receipt != nil && o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0
}
