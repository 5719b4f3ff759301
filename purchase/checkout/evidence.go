package checkout

import (
	"encoding/json"
	"strings"

	"licensebot/purchase"
)

// description is the cart item's description: the specification with the order's tag at the end of its text.
func (wk *Worker) description(o purchase.Order) json.RawMessage {
	spec := o.Spec
	spec.Description = strings.TrimSpace(spec.Description + "\n" + o.ID.Tag())
	return spec.CartDescription(wk.now())
}
