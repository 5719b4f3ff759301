package bot

import (
	"context"
	"fmt"
	"strings"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// Licenses and orders can be named by the first or last characters of their ids. These are searched only among those
// that the person may see, so that the answer reveals no other ids.

// licenseNamed shows the license whose id begins or ends with part. The person may see licenses.
func (h *Handler) licenseNamed(ctx context.Context, part string, s purchase.Sight) content {
	all, err := h.licenses.list(ctx)
	if err != nil {
		h.log.Warn().Err(err).Msg("fail to list the licenses")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	var found []purchase.LicenseEntry
	var ids []string
	for _, o := range all {
		if id := strings.ToLower(o.License.ID); strings.HasPrefix(id, part) || strings.HasSuffix(id, part) {
			found, ids = append(found, o), append(ids, o.License.ID)
		}
	}
	switch len(found) {
	case 0:
		return textMessage(
			fmt.Sprintf("No license has an id that begins or ends with %s. `/license list all` shows all licenses.",
				codeSpan(part)))
	case 1:
		return licenseDetails(found[0], nil, h.now(), s, h.desk.Rules().Site)
	}
	return ambiguous("license", "show", part, ids)
}

// orderNamed shows the order whose id begins or ends with part, among those that the person may see.
func (h *Handler) orderNamed(ctx context.Context, part string, action purchase.Action) content {
	action.Actor = h.people.LookUp(ctx, action.Actor)
	found, err := h.desk.Find(ctx, action.Actor, part)
	if err != nil {
		return h.refusalMessage(err)
	}
	switch len(found) {
	case 0:
		return textMessage(
			fmt.Sprintf("I found no order whose id begins or ends with %s. `/license history` shows past purchases.",
				codeSpan(part)))
	case 1:
		o, err := h.desk.Allowed(ctx, action, found[0], orders.See)
		if err != nil {
			return h.orderRefusal(err)
		}
		if o.State == purchase.Unknown {
			return h.unresolvedOrder(ctx, o.ID, action.Actor)
		}
		return h.readOrderStatus(ctx, o.ID)
	}
	var ids []string
	for _, id := range found {
		ids = append(ids, string(id))
	}
	return ambiguous("order", "order", part, ids)
}

// maxListed is how many ids are listed if several match.
const maxListed = 5

// ambiguous lists ids that begin or end with the same part.
func ambiguous(what, command, part string, ids []string) content {
	lines := []string{fmt.Sprintf("More than one %s id begins or ends with %s. Type more of it:", what, codeSpan(part))}
	for _, id := range ids[:min(len(ids), maxListed)] {
		lines = append(lines, "• `/license "+command+" "+escape(id)+"`")
	}
	return textMessage(strings.Join(lines, "\n"))
}
