package purchase

// restoring refuses orders as long as an older copy of the ledger was not compared with CoCalc.
func restoring(account AccountState) *Refusal {
	if account.Restored == nil {
		return nil
	}
	return NewRefusal(Restoring)
}
