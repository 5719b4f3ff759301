package purchase_test

import (
	"testing"

	"licensebot/purchase"
)

// Each right is independent of the others, and outsiders have none.
func TestActor_Rights(t *testing.T) {
	policy := purchase.Policy{
		Buyers: map[string]bool{"UALICE": true}, Approvers: map[string]bool{"UERIN": true},
		Admins: map[string]bool{"UDANA": true}, Viewers: map[string]bool{"SAUDIT": true},
	}
	for _, c := range []struct {
		name                        string
		who                         purchase.Actor
		sees, all                   bool
		buys, approves, administers bool
	}{
		{"a buyer", purchase.Actor{ID: "UALICE"}, true, false, true, false, false},
		{"an approver", purchase.Actor{ID: "UERIN"}, true, true, false, true, false},
		{"an admin", purchase.Actor{ID: "UDANA"}, true, true, false, false, true},
		{"a viewer", purchase.Actor{ID: "UVERA", Groups: []string{"SAUDIT"}}, true, true, false, false, false},
		{"on no list", purchase.Actor{ID: "UEVE"}, false, false, false, false, false},
		{"a guest on all lists", purchase.Actor{ID: "UDANA", Membership: purchase.Guest}, false, false, false, false, false},
	} {
		got := c.who.Rights(policy)
		if (got.Unseen == nil) != c.sees || got.Sight.Licenses != c.sees || got.Sight.All != c.all || got.Buy != c.buys ||
			got.Approve != c.approves || got.Administer != c.administers {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c)
		}
	}
}

// People's names keep their letters and the characters between them.
func TestActor_DisplayName_Markup(t *testing.T) {
	for name, want := range map[string]string{
		"alice": "alice", "": "U0ALICE", "Ján Müller-O'Neil": "Ján Müller-O'Neil", "j.doe_2": "j.doe_2", "李雷": "李雷",
		"*bold* _it_":              "bold it",
		"<!channel>":               "channel",
		"a\nb":                     "a b",
		"__x__ ~y~ `z`":            "x y z",
		"\u202eecila":              "ecila",
		"@here":                    "here",
		"alice denied it. Nothing": "alice denied it Nothing",
		"***":                      "U0ALICE",
	} {
		if got := (purchase.Actor{ID: "U0ALICE", Name: name}).DisplayName(); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
