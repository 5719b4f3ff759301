package reconcile

import (
	"licensebot/cocalc"
	"licensebot/purchase"
)

// CheckoutPreview is what a checkout would buy now.
type CheckoutPreview struct {
	Checked []cocalc.CartItem
	Amount  purchase.Cents  // for the order's item
	Credit  *purchase.Cents // that may be spent; nil on an older server, which does not tell
}
