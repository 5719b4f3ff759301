package purchase

import "testing"

// People's names are letters with what stands between them.
func TestPerson_Called(t *testing.T) {
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
		if got := (Actor{ID: "U0ALICE", Name: name}).DisplayName(); got != want {
			t.Errorf("%q is called %q, want %q", name, got, want)
		}
	}
}
