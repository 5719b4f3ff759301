package purchase

import (
	"slices"
	"strings"
)

// IsGroup tells the id of a user group, S…, from those of people and channels.
func IsGroup(id string) bool { return strings.HasPrefix(id, "S") }

// WithMembers returns the notice with members of a user group added to its recipients. Members who have the notice
// already are not added.
func (n Notice) WithMembers(members []string) Notice {
	n.Left = slices.Clone(n.Left)
	for _, m := range members {
		if !slices.Contains(n.Left, m) && !slices.Contains(n.Had, m) {
			n.Left = append(n.Left, m)
		}
	}
	return n
}
