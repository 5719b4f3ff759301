package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// findStore finds out which store the server has, without using what was found out before.
//
// Each generation answers the endpoints of the others with the page of a missing route; CoCalc's successor has no
// endpoint for licenses. So findStore requests what only reads: the parameters of a checkout, the cart and the list of
// licenses.
//
// The error's kind is NotSoldHere if the endpoints are missing. Its reason is OtherJSON if they exist but no answer is
// one that only CoCalc gives.
func (c *Client) findStore(ctx context.Context) (Store, error) {
	found := StoreCurrent
	first, err := c.probeEndpoint(ctx, checkoutParams, struct{}{}, isParams)
	if err == nil && !first.exists {
		found = StoreOlder
		first, err = c.probeEndpoint(ctx, cartGet, struct{}{}, isList)
	}
	if err != nil {
		return storeUnknown, err
	}
	missing := &Error{
		Op: checkoutParams, Outcome: Rejected, Kind: NotSoldHere, Status: http.StatusNotFound, Reason: NoEndpoint,
		Text: "the server has no store for licenses",
	}
	if !first.exists {
		return storeUnknown, missing
	}
	licenses, err := c.probeEndpoint(ctx, getManaged, map[string]int{"limit": 1}, isList)
	switch {
	case err != nil:
		return storeUnknown, err
	case !licenses.exists:
		return storeUnknown, missing
	case !first.known && !licenses.known:
		return storeUnknown, c.unexpectedAnswer(getManaged, licenses.body, errors.New("nothing of it is known of CoCalc"))
	}
	return found, nil
}

// probe is the result of reading from an endpoint.
type probe struct {
	exists bool // whether the server has the endpoint
	known  bool // whether the answer is one that only CoCalc gives
	body   []byte
}

// probeEndpoint reads from an endpoint. An application error proves that the endpoint exists, and a known one that it
// is CoCalc's. probeEndpoint returns an error for a successful answer that fits does not accept.
func (c *Client) probeEndpoint(ctx context.Context, endpoint string, params any, fits func(body []byte) bool) (probe,
	error,
) {
	body, err := c.call(ctx, readOnly, endpoint, params)
	if err == nil {
		if !fits(body) {
			return probe{}, c.unexpectedAnswer(endpoint, body, errors.New("it has another shape"))
		}
		return probe{exists: true, known: true, body: body}, nil
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Reason == NoEndpoint:
		return probe{}, nil
	case ok && e.Status == http.StatusOK && (e.Outcome == Rejected || e.Kind == Throttled):
		return probe{exists: true, known: e.Kind != Other}, nil
	}
	return probe{}, err
}

func isList(body []byte) bool { return bytes.HasPrefix(body, []byte("[")) }

func isParams(body []byte) bool {
	var params struct {
		Cart json.RawMessage `json:"cart"`
	}
	return json.Unmarshal(body, &params) == nil && isList(params.Cart)
}
