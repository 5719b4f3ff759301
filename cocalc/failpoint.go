package cocalc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"licensebot/internal/failpoint"
)

// WithFailpoints returns a transport that passes a failpoint before each request and one after it: before a byte of the
// request is sent, and after the header of the answer came, before the client sees it. [Options.Wrap] takes it.
func WithFailpoints(next http.RoundTripper) http.RoundTripper { return failpointTransport{next} }

// failpointTransport sends requests between their failpoints.
type failpointTransport struct{ next http.RoundTripper }

func (t failpointTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	params, err := io.ReadAll(request.Body)
	if err := errors.Join(err, request.Body.Close()); err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Body = io.NopCloser(bytes.NewReader(params))
	_, endpoint, _ := strings.Cut(request.URL.Path, "/api/v2/")
	name := failpointOf(endpoint, params)
	failpoint.Hit(failpoint.Before, name)
	response, err := t.next.RoundTrip(request)
	failpoint.Hit(failpoint.After, name)
	return response, err
}

// CloseIdleConnections closes the idle connections of the transport.
func (t failpointTransport) CloseIdleConnections() { closeIdle(t.next) }

// failpointOf returns the failpoint of a request with these parameters in JSON.
func failpointOf(endpoint string, params []byte) failpoint.Name {
	var p struct {
		ID                          *int64
		Checked, Purchased, Removed bool
	}
	_ = json.Unmarshal(params, &p) // parameters of another shape belong to endpoints without variants
	switch endpoint {
	case cartAdd:
		return failpoint.Add
	case cartGet:
		switch {
		case p.ID != nil:
			return failpoint.Item
		case p.Purchased && p.Removed:
			return failpoint.CartBoth
		case p.Purchased:
			return failpoint.CartBought
		case p.Removed:
			return failpoint.CartRemoved
		}
		return failpoint.Cart
	case cartChecked:
		if p.Checked {
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
	case cancelSubscription:
		return failpoint.CancelSubscription
	case resumeSubscription:
		return failpoint.ResumeSubscription
	case userQuery, profile: // two ways to read the account
		return failpoint.WhoAmI
	}
	return failpoint.Name("cocalc: " + endpoint) // not in the list of failpoints, which a test that hits it reports
}
