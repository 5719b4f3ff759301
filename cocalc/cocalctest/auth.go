package cocalctest

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// keyCacheTime is how long the server accepts a key after it was deleted, if it used the key shortly before: it caches
// lookups of keys.
const keyCacheTime = 15 * time.Second

// apiKey is one key of an account.
type apiKey struct {
	id         int64
	secret     string
	name       string
	account    *account
	created    time.Time
	expires    time.Time // zero: never
	lastActive time.Time
	deleted    bool
	looked     time.Time // when it was last read from the database

	capabilities []string // only of a key of the successor
}

// can reports whether the key has a capability.
func (k *apiKey) can(capability string) bool { return slices.Contains(k.capabilities, capability) }

// isSuccessorKey distinguishes keys of the successor from those of the older form. Each server refuses the other form.
func isSuccessorKey(secret string) bool {
	parts := strings.Split(secret, ".")
	return len(parts) == 3 && parts[0] == successorPrefix && parts[1] != "" && parts[2] != ""
}

const successorPrefix = "sk-cc-v2"

// signIn returns the account that a request belongs to; nil if its key is not valid. The caller holds the lock.
func (s *Server) signIn(authorization string, faults []Fault) *account {
	for _, f := range faults {
		if f.Effect == KeyRevoked || f.Effect == Outage {
			return nil
		}
	}
	secret := secretOf(authorization)
	now := s.now()
	for _, key := range s.keys {
		if key.secret != secret || isSuccessorKey(secret) {
			continue
		}
		cached := now.Sub(key.looked) < keyCacheTime
		switch {
		case key.deleted && !cached, key.account.banned, !key.expires.IsZero() && !now.Before(key.expires):
			return nil
		case !key.deleted && !cached:
			key.looked = now
		}
		key.lastActive = now
		return key.account
	}
	return nil
}

// secretOf returns the key in the Authorization header. The scheme is case-sensitive. Of Basic, the key is the user
// name, with or without a colon, and any password is accepted.
func secretOf(authorization string) string {
	if token, ok := strings.CutPrefix(authorization, "Bearer "); ok {
		return strings.TrimSpace(token)
	}
	encoded, ok := strings.CutPrefix(authorization, "Basic ")
	if !ok {
		return ""
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(encoded), "="))
	if err != nil {
		return ""
	}
	user, _, _ := strings.Cut(string(decoded), ":")
	return user
}

// apiKeys lists and deletes the keys of an account. Creating one through the API was not recorded.
func (s *Server) apiKeys(c *call) (any, error) {
	switch c.params.get("action") {
	case "get":
		list := []any{}
		for i := len(s.keys) - 1; i >= 0; i-- {
			key := s.keys[i]
			if key.account != c.account || key.deleted {
				continue
			}
			list = append(list, object{
				{"id", key.id},
				{"account_id", c.account.id},
				{"expire", key.expires},
				{"created", key.created},
				{"name", key.name},
				{"trunc", "sk-..." + keySuffix(key.id)},
				{"last_active", key.lastActive},
			})
		}
		return object{{"response", list}}, nil
	case "delete":
		id, _, err := pgInteger(c.params.get("id"))
		if err != nil {
			return nil, err
		}
		for _, key := range s.keys {
			if key.account == c.account && key.id == id {
				key.deleted = true
			}
		}
		return object{}, nil
	}
	return nil, refusal("unknown action")
}
