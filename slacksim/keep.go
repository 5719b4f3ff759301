package slacksim

import (
	"fmt"

	"licensebot/slacksim/blockkit"
)

// Keep sets an element's values as Use does, but sends nothing: a text field with
// dispatch_action reports to the app only when the reader presses Enter, unless it asked
// for every character, and what they typed counts all the same.
func (p *Person) Keep(on Surface, blockID, actionID string, values ...string) error {
	for _, e := range on.Elements() {
		if e.BlockID == blockID && e.ActionID == actionID {
			return p.ws.keepInput(p.id, on.surface(), e, values)
		}
	}
	return fmt.Errorf("%w: %s in block %s", blockkit.ErrNotThere, actionID, blockID)
}
