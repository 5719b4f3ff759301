package cocalc

import (
	"regexp"
	"strings"
)

// KeyName returns a name of the client's key that people may see; see [RedactKey].
func (c *Client) KeyName() string { return RedactKey(c.key) }

var (
	// olderKey matches a key of the CoCalc that sells licenses: "sk-", 16 secret characters, and 6 for its row's number.
	olderKey = regexp.MustCompile(`^sk-[A-Za-z0-9]{22}$`)
	// successorKey matches a key of CoCalc's successor: a prefix, an ID of 16 characters, and a secret of 43.
	successorKey = regexp.MustCompile(`^sk-(cc|cocalc)-v2\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{40,}$`)
)

// IsOlderKey reports whether a key has the form of the older CoCalc's keys, which its successor never accepts.
func IsOlderKey(key string) bool { return olderKey.MatchString(strings.TrimSpace(key)) }

// RedactKey returns a name for a key that does not reveal it, as in CoCalc's own list of keys: the last six characters
// of a key of the older form, "sk-…00007P", and the last eight of one of the successor's, "sk-cc...Zm4_x-9Q". Of any
// other text it shows the last four characters, and none if it has fewer than 16.
func RedactKey(key string) string {
	key = strings.TrimSpace(key)
	switch n := len(key); {
	case strings.HasPrefix(key, "sk-") && n == 25:
		return "sk-…" + key[n-6:]
	case successorKey.MatchString(key):
		return key[:5] + "..." + key[n-8:]
	case n >= 16:
		return "…" + key[n-4:]
	}
	return "…"
}
