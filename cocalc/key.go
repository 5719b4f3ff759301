package cocalc

import (
	"regexp"
	"strings"
)

// KeyName is the key as people may see it: see [RedactKey].
func (c *Client) KeyName() string { return RedactKey(c.key) }

var (
	// olderKey is a key of the CoCalc that sells licenses: "sk-", 16 secret characters, 6 for the number of its row.
	olderKey = regexp.MustCompile(`^sk-[A-Za-z0-9]{22}$`)
	// successorKey is a key of CoCalc's successor: its form, an id of 16 characters, a secret of 43.
	successorKey = regexp.MustCompile(`^sk-(cc|cocalc)-v2\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{40,}$`)
)

// IsOlderKey reports whether a key has the form of the older CoCalc's, which its successor never takes.
func IsOlderKey(key string) bool { return olderKey.MatchString(strings.TrimSpace(key)) }

// RedactKey names a key without giving it away, as CoCalc's own list of keys shows it: a key of the older form by its
// last six characters, "sk-…00007P", and one of the successor's by its last eight, "sk-cc...Zm4_x-9Q". Of any other
// text it shows the last four characters, and nothing of a short one.
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
