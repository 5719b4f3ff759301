package purchase

import (
	"cmp"
	"maps"
)

// In an organization of several workspaces, a person can have two ids: the workspace's and the organization's.
// Everything that is counted per person (budgets, orders a day, rates) counts under one key: the organization's id if
// it is known.

// Is reports whether two of Slack's ids belong to one person.
func (p Actor) Is(q Actor) bool {
	return p.ID == q.ID || cmp.Or(p.Org, p.ID) == cmp.Or(q.Org, q.ID)
}

// Key returns the person's key, as far as Slack has named it with the person.
func (p Actor) Key() string { return cmp.Or(p.Org, p.ID) }

// Key returns the id that a person counts under. Slack doesn't name the organization in every answer, so an earlier
// answer is used.
func (a AccountState) Key(p Actor) string { return cmp.Or(p.Org, a.Twins[p.ID], p.ID) }

// ShareOf returns a person's part of a month.
func ShareOf(r Reader, month Budget, who Actor) (Share, error) {
	account, err := r.Account()
	return month.People[account.Key(who)], err
}

// BudgetKey returns the id that a person counts under, in a transaction that changes the counts. When Slack first names
// another id of the person, everything counted under the old one moves to the new one, in every month.
func BudgetKey(w Writer, who Actor) (string, error) {
	account, err := w.Account()
	if err != nil || who.Org == "" || who.Org == who.ID || account.Twins[who.ID] == who.Org {
		return account.Key(who), err
	}
	was := account.Key(Actor{ID: who.ID})
	account.Twins = maps.Clone(account.Twins)
	if account.Twins == nil {
		account.Twins = map[string]string{}
	}
	account.Twins[who.ID] = who.Org
	if err := w.PutAccount(account); err != nil {
		return "", err
	}
	budgets, err := w.Budgets(1 << 20)
	if err != nil {
		return "", err
	}
	for _, b := range budgets {
		old, counted := b.People[was]
		if !counted || was == who.Org {
			continue
		}
		b.People = maps.Clone(b.People)
		delete(b.People, was)
		b.People[who.Org] = b.People[who.Org].with(old)
		if err := w.PutBudget(b); err != nil {
			return "", err
		}
	}
	return who.Org, nil
}

// with adds up two parts of a month.
func (s Share) with(t Share) Share {
	s.Spent, s.Reserved = s.Spent+t.Spent, s.Reserved+t.Reserved
	s.Days, s.Auto = maps.Clone(s.Days), maps.Clone(s.Auto)
	for day, n := range t.Days {
		if s.Days == nil {
			s.Days = map[string]int{}
		}
		s.Days[day] += n
	}
	for day, sum := range t.Auto {
		if s.Auto == nil {
			s.Auto = map[string]Cents{}
		}
		s.Auto[day] += sum
	}
	return s
}
