package cocalc

import "licensebot/internal/step"

// stepOf names a request for tests that kill the program around it.
func stepOf(endpoint string, params any) step.What {
	switch endpoint {
	case cartAdd:
		return step.Add
	case cartGet:
		return cartStep(params)
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
	case userQuery, profile: // two ways to ask the same
		return step.WhoAmI
	}
	return step.What("cocalc: " + endpoint) // in no list: a test that meets it says so
}

// cartStep tells the lists of the cart apart, and one item from all.
func cartStep(params any) step.What {
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
