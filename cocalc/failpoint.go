package cocalc

import "licensebot/internal/failpoint"

// failpointOf returns the failpoint of a request, at which tests kill the program.
func failpointOf(endpoint string, params any) failpoint.Name {
	switch endpoint {
	case cartAdd:
		return failpoint.Add
	case cartGet:
		return cartFailpoint(params)
	case cartChecked:
		if p, ok := params.(map[string]any); ok && p["checked"] == true {
			return failpoint.Check
		}
		return failpoint.Park
	case cartRemove:
		return failpoint.Remove
	case checkoutParams:
		return failpoint.Params
	case currentCheckout, olderCheckout:
		return failpoint.Checkout
	case getPurchases:
		return failpoint.Purchases
	case getManaged:
		return failpoint.Licenses
	case getLicense:
		return failpoint.License
	case getSubscriptions:
		return failpoint.Subscriptions
	case userQuery, profile: // two ways to read the account
		return failpoint.WhoAmI
	}
	return failpoint.Name("cocalc: " + endpoint) // not in the list of failpoints, which a test that hits it reports
}

// cartFailpoint returns the failpoint of a request for the cart: one for each filter, and one for a single item.
func cartFailpoint(params any) failpoint.Name {
	filter, ok := params.(map[string]bool)
	switch {
	case !ok && params != struct{}{}:
		return failpoint.Item
	case filter["purchased"] && filter["removed"]:
		return failpoint.CartBoth
	case filter["purchased"]:
		return failpoint.CartBought
	case filter["removed"]:
		return failpoint.CartRemoved
	}
	return failpoint.Cart
}
