package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// findStore finds out which store the server has, whatever it had before.
//
// A current server answers the older checkout with the page for a missing route, and an older one the current
// endpoints with the same; CoCalc's successor has neither, and no licenses. So it is asked for what only reads: the
// parameters of a checkout, the cart, the list of licenses.
//
// The error is of kind NotSoldHere where the endpoints are missing. A program that answers them, but nothing that
// CoCalc says, is an error whose reason is OtherJSON.
func (c *Client) findStore(ctx context.Context) (Store, error) {
	found := StoreCurrent
	first, err := c.look(ctx, checkoutParams, struct{}{}, isParams)
	if err == nil && !first.there {
		found = StoreOlder
		first, err = c.look(ctx, cartGet, struct{}{}, isList)
	}
	if err != nil {
		return storeUnknown, err
	}
	missing := &Error{
		Op: checkoutParams, Outcome: Rejected, Kind: NotSoldHere, Status: http.StatusNotFound, Reason: NoEndpoint, Text: "the server has no store for licenses",
	}
	if !first.there {
		return storeUnknown, missing
	}
	licenses, err := c.look(ctx, getManaged, map[string]int{"limit": 1}, isList)
	switch {
	case err != nil:
		return storeUnknown, err
	case !licenses.there:
		return storeUnknown, missing
	case !first.speaks && !licenses.speaks:
		return storeUnknown, c.misread(getManaged, licenses.body, errors.New("nothing of it is known of CoCalc"))
	}
	return found, nil
}

// sight is what an endpoint shows to a request that reads.
type sight struct {
	there  bool // the server has it
	speaks bool // it said something that only CoCalc says
	body   []byte
}

// look reads from an endpoint. An application error proves that it exists, and where it is a known one, that it is
// CoCalc's. An answer of another shape than fits is an error.
func (c *Client) look(ctx context.Context, endpoint string, params any, fits func(body []byte) bool) (sight, error) {
	body, err := c.call(ctx, reads, endpoint, params)
	if err == nil {
		if !fits(body) {
			return sight{}, c.misread(endpoint, body, errors.New("it has another shape"))
		}
		return sight{there: true, speaks: true, body: body}, nil
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Reason == NoEndpoint:
		return sight{}, nil
	case ok && e.Status == http.StatusOK && (e.Outcome == Rejected || e.Kind == Throttled):
		return sight{there: true, speaks: e.Kind != Other}, nil
	}
	return sight{}, err
}

func isList(body []byte) bool { return bytes.HasPrefix(body, []byte("[")) }

func isParams(body []byte) bool {
	var params struct {
		Cart json.RawMessage `json:"cart"`
	}
	return json.Unmarshal(body, &params) == nil && isList(params.Cart)
}
