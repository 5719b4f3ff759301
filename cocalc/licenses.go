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

	// pageSize is how many licenses or subscriptions one request asks for; the server returns at most 500 subscriptions.
	pageSize = 500
	// maxPasses is how often a list is read from its beginning before it counts as unstable.
	maxPasses = 5
	// maxPages is the largest number of pages that are read: 100,000 licenses or subscriptions.
	maxPages = 200
)

// Licenses lists all licenses that the account manages, newest first.
//
// The server also returns an empty list for a wrong key and while its database is down. So Licenses returns an empty
// list only if [Client.WhoAmI] succeeds and the list is still empty afterwards.
func (c *Client) Licenses(ctx context.Context) ([]License, error) {
	return readPages(ctx, pages[License]{
		endpoint: getManaged,
		page: func(ctx context.Context, skip int) ([]License, error) {
			return c.readTwice(ctx, func(ctx context.Context) ([]License, bool, error) {
				list, err := c.licensePage(ctx, skip)
				return list, len(list) > 0, err
			})
		},
		id: func(l License) string { return l.ID },
	})
}

func (c *Client) licensePage(ctx context.Context, skip int) ([]License, error) {
	body, err := c.call(ctx, readOnly, getManaged, map[string]int{"limit": pageSize, "skip": skip})
	if err != nil {
		return nil, err
	}
	list, err := decodeLicenses(body)
	if err != nil {
		return nil, c.unexpectedAnswer(getManaged, body, err)
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

// License reads one license. If the account does not manage it, IsManager is false and most fields are empty. The
// error's kind is NotFound for an ID that is unknown or not a UUID. For both results, License checks first that the key
// is valid, since a wrong key gets the same answers.
func (c *Client) License(ctx context.Context, id string) (License, error) {
	var missing error
	license, err := c.readTwice(ctx, func(ctx context.Context) ([]License, bool, error) {
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
	body, err := c.call(ctx, readOnly, getLicense, map[string]string{"license_id": id})
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
		return License{}, c.unexpectedAnswer(getLicense, body, err)
	}
	return j.license(), nil
}

// readTwice reads something that looks empty with a wrong key or during a database outage. If read returns an answer
// that is not certain, readTwice proves the key and reads again: an outage that ended before the proof can't affect the
// second answer.
func (c *Client) readTwice(ctx context.Context, read func(context.Context) (list []License, certain bool, err error)) (
	[]License, error,
) {
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

// readPages reads all pages. The server orders licenses by creation time only, and those of one checkout have the same
// time: between two requests they may change places, so that one is on both pages and another on neither. A pass over
// all pages is complete if nothing appeared twice. Otherwise the list is read again, and the results are merged.
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
				return nil, &Error{
					Op: p.endpoint, Outcome: Transient, Status: 200,
					Text: fmt.Sprintf("there is no end after %d entries", total),
				}
			}
			if !fresh { // the server returns the same page again and again
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
