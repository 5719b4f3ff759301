package cocalc

import "licensebot/internal/step"

// failpointOf returns the failpoint of a request, at which tests kill the program.
func failpointOf(endpoint string, params any) step.What {
	switch endpoint {
	case cartAdd:
		return step.Add
	case cartGet:
		return cartFailpoint(params)
	case cartChecked:
		if p, ok := params.(map[string]any); ok && p["checked"] == true {
			return step.Check
		}
		return step.Park
	case cartRemove:
		return step.Remove
	case checkoutParams:
		return step.Params
	case currentCheckout, olderCheckout:
		return step.Checkout
	case getPurchases:
		return step.Purchases
	case getManaged:
		return step.Licenses
	case getLicense:
		return step.License
	case getSubscriptions:
		return step.Subscriptions
	case userQuery, profile: // two ways to read the account
		return step.WhoAmI
	}
	return step.What("cocalc: " + endpoint) // not in the list of failpoints, which a test that hits it reports
}

// cartFailpoint returns the failpoint of a request for the cart: one for each filter, and one for a single item.
func cartFailpoint(params any) step.What {
	filter, ok := params.(map[string]bool)
	switch {
	case !ok && params != struct{}{}:
		return step.Item
	case filter["purchased"] && filter["removed"]:
		return step.CartBoth
	case filter["purchased"]:
		return step.CartBought
	case filter["removed"]:
		return step.CartRemoved
	}
	return step.Cart
}
