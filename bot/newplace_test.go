package bot

import "testing"

// A direct message is known by its id: people choose the names of channels.
func TestNewPlace(t *testing.T) {
	for _, c := range []struct {
		channel, name string
		direct        bool
	}{
		{"D0ALICE", "directmessage", true},
		{"D0ALICE", "", true},
		{"", "", true}, // the Home tab
		{"C0MATH", "directmessage", false},
		{"C0MATH", "mpdm-alice--bob-1", false},
		{"G0MATH", "privategroup", false},
	} {
		if p := newPlace(c.channel, c.name); p.Direct != c.direct || p.ID != c.channel || p.Name != c.name {
			t.Errorf("%s %q is %+v; want p.Direct = %v, p.ID = %v, p.Name = %v", c.channel, c.name, p, c.direct, c.channel,
				c.name)
		}
	}
}
