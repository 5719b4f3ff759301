package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const (
	getManaged = "licenses/get-managed"
	getLicense = "licenses/get-license"

	// pageSize is how many licenses or subscriptions one request asks for; 500 is the most that the server gives of
	// subscriptions.
	pageSize = 500
	// maxPasses is how often a list is read from its beginning before its order counts as too unstable.
	maxPasses = 5
	// maxPages is how many pages are read at most: 100,000 licenses or subscriptions.
	maxPages = 200
)

// Licenses lists all licenses that the account manages, newest first.
//
// The server answers an empty list also to a wrong key and while its database is down. So an empty answer only counts
// beside a WhoAmI that succeeded, and read again after it.
func (c *Client) Licenses(ctx context.Context) ([]License, error) {
	return readPages(ctx, pages[License]{
		endpoint: getManaged,
		page: func(ctx context.Context, skip int) ([]License, error) {
			return c.believed(ctx, func(ctx context.Context) ([]License, bool, error) {
				list, err := c.licensePage(ctx, skip)
				return list, len(list) > 0, err
			})
		},
		id: func(l License) string { return l.ID },
	})
}

func (c *Client) licensePage(ctx context.Context, skip int) ([]License, error) {
	body, err := c.call(ctx, reads, getManaged, map[string]int{"limit": pageSize, "skip": skip})
	if err != nil {
		return nil, err
	}
	list, err := decodeLicenses(body)
	if err != nil {
		return nil, c.misread(getManaged, body, err)
	}
	return list, nil
}

func decodeLicenses(body []byte) ([]License, error) {
	list, err := decodeList[licenseJSON](body)
	if err != nil {
		return nil, err
	}
	licenses := make([]License, 0, len(list))
	for _, each := range list {
		if each.ID == "" {
			return nil, errors.New("a license without an id")
		}
		licenses = append(licenses, each.license())
	}
	return licenses, nil
}

// License reads one license. Of a license that the account does not manage the server tells little: IsManager is false
// then. An id that is unknown or no uuid is an error of kind NotFound. Both are what a wrong key gets too, so they only
// count beside a proof of the key.
func (c *Client) License(ctx context.Context, id string) (License, error) {
	var missing error
	license, err := c.believed(ctx, func(ctx context.Context) ([]License, bool, error) {
		missing = nil
		license, err := c.license(ctx, id)
		var e *Error
		if errors.As(err, &e) && e.Kind == NotFound {
			missing = err
			return nil, false, nil
		}
		return []License{license}, license.IsManager, err
	})
	switch {
	case err != nil:
		return License{}, err
	case missing != nil:
		return License{}, missing
	}
	return license[0], nil
}

func (c *Client) license(ctx context.Context, id string) (License, error) {
	body, err := c.call(ctx, reads, getLicense, map[string]string{"license_id": id})
	if err != nil {
		return License{}, err
	}
	var j licenseJSON
	err = json.Unmarshal(body, &j)
	switch {
	case err == nil && body[0] != '{':
		err = errors.New("it is not an object")
	case err == nil && j.ID == "" && !j.IsManager.v:
		j.ID = idText(id) // only managers read it
	case err == nil && !strings.EqualFold(string(j.ID), id):
		err = fmt.Errorf("asked for license %s, got %q", id, j.ID)
	}
	if err != nil {
		return License{}, c.misread(getLicense, body, err)
	}
	return j.license(), nil
}

// believed reads something that a wrong key or a database outage would make look empty. Where read says that the answer
// could be such a one, the key is proven and the answer read again: an outage that ended before the proof cannot have
// emptied the second answer.
func (c *Client) believed(ctx context.Context, read func(context.Context) (list []License, certain bool, err error)) ([]License, error) {
	list, certain, err := read(ctx)
	if err != nil || certain {
		return list, err
	}
	if _, err := c.WhoAmI(ctx); err != nil {
		return nil, err
	}
	list, _, err = read(ctx)
	return list, err
}

// pages is a list that the server gives in pages.
type pages[T any] struct {
	endpoint string
	page     func(ctx context.Context, skip int) ([]T, error) // at most pageSize, fewer only at the end
	id       func(T) string
}

// readPages reads all pages. The server orders licenses by creation time only, and those of one checkout have the same:
// between two requests they may change places, and one may show up on both pages while another shows up on none. A pass
// over all pages is complete when nothing came twice, since then as many different ones were seen as there are; otherwise
// it is read again, and what was seen is put together.
func readPages[T any](ctx context.Context, p pages[T]) ([]T, error) {
	var all []T
	seen := map[string]int{} // the last pass in which an id was seen
	for pass := 1; pass <= maxPasses; pass++ {
		total, complete := 0, true
		for {
			list, err := p.page(ctx, total)
			if err != nil {
				return nil, err
			}
			fresh := false
			for _, each := range list {
				last := seen[p.id(each)]
				if last == 0 {
					all = append(all, each)
				}
				if last < pass {
					fresh = true
				}
				seen[p.id(each)] = pass
			}
			total += len(list)
			if len(list) < pageSize {
				break
			}
			if total >= maxPages*pageSize {
				return nil, &Error{Op: p.endpoint, Outcome: Transient, Status: 200, Text: fmt.Sprintf("there is no end after %d entries", total)}
			}
			if !fresh { // a server that gives the same page for ever
				complete = false
				break
			}
		}
		if complete && len(all) >= total {
			return all, nil
		}
	}
	return nil, &Error{Op: p.endpoint, Outcome: Transient, Status: 200, Text: "the list kept changing while it was read"}
}
