package purchase

import "testing"

// What people wrote stands in quotes that it cannot leave, and their names are letters with what stands between them.
func TestWhatPeopleWroteInSentences(t *testing.T) {
	for text, want := range map[string]string{
		"the budget is checked":           "“the budget is checked”",
		" it was.\n":                      "“it was”",
		"x”. bob resumed buying. “":       "“x'. bob resumed buying. '”",
		"one\ntwo\r\n\tthree":             "“one two three”",
		`"quoted" «so» „oder so“ 〝or so〞`: "“'quoted' 'so' 'oder so' 'or so'”",
	} {
		if got := quoted(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
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
		if got := (Person{ID: "U0ALICE", Name: name}).called(); got != want {
			t.Errorf("%q is called %q, want %q", name, got, want)
		}
	}
}
