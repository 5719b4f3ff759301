package cocalc

import "strings"

// Site is the address of a CoCalc server, such as "https://cocalc.example", for links to its pages. An empty Site is
// unknown: its pages have a path only.
type Site string

// Site returns the server that the client uses.
func (c *Client) Site() Site { return Site(strings.TrimSuffix(c.base, "/api/v2/")) }

// Page returns the address of a page, such as "/settings".
func (s Site) Page(path string) string {
	return strings.TrimRight(string(s), "/") + path
}

// License returns the address of the page of one license.
func (s Site) License(id string) string { return s.Page("/settings/licenses?id=" + id) }

// Payments returns the address of the page where credit is added.
func (s Site) Payments() string { return s.Page("/settings/payments") }

// Subscriptions returns the address of the page where subscriptions are cancelled.
func (s Site) Subscriptions() string { return s.Page("/settings/subscriptions") }

// Cart returns the address of the cart.
func (s Site) Cart() string { return s.Page("/store/cart") }
