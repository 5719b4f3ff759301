package purchase

// Verdict is what an admin found out about an order whose outcome is unknown.
type Verdict string

// What an admin can find out.
const (
	WasBought    Verdict = "bought"
	WasNotBought Verdict = "not-bought"
)

// Settlement is an admin's decision on an order whose outcome is unknown.
type Settlement struct {
	Verdict   Verdict
	LicenseID string // of the license that was bought, when it is known
	Reason    string // how they know; required, and kept in the ledger
}
