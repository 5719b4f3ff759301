package purchase

import (
	"cmp"
	"strings"
	"unicode"
)

// RefusePaused refuses new orders while buying is stopped.
func (p Policy) RefusePaused(account AccountState) *Refusal {
	if no := restoring(account); no != nil {
		return no
	}
	if account.Pause == nil {
		return nil
	}
	return &Refusal{Cause: account.Pause.CauseOf(Paused)}
}

// BotName is how the bot names itself in the ledger, where people have ids.
const BotName = "licensebot"

// OnlyRequester refuses everyone but the person who asked for the order.
func OnlyRequester(order Order, who Actor) *Refusal {
	if who.Is(order.Requester) && (order.Requester.Team == "" || who.Team == "" || order.Requester.Team == who.Team) {
		return nil
	}
	return NewRefusal(NotYours)
}

// MayWithdraw refuses everyone but the requester. While Slack doesn't say who a person is, their workspace isn't known
// either, so the id decides.
func MayWithdraw(order Order, who Actor) *Refusal {
	if who.Membership == Unverified && who.Is(order.Requester) {
		return nil
	}
	return OnlyRequester(order, who)
}

// MayBeCharged reports whether CoCalc may still show that an order which counts as not bought was bought: since the
// backup that was restored, or against an admin's word.
func (o *Order) MayBeCharged() bool {
	return o.Restored || o.Failure != nil && (o.Failure.Code == FailRestored || o.Failure.Code == FailByAdmin)
}

// DisplayName is how people call the person: their name, as far as it is letters and what stands between letters.
// People choose their names themselves.
func (p Actor) DisplayName() string {
	var words []string
	for _, word := range strings.Fields(cutRunes(p.Name, 80)) {
		word = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune(JoinsName, r) {
				return r
			}
			return -1
		}, word)
		if word = strings.Trim(word, JoinsName); word != "" {
			words = append(words, word)
		}
	}
	return cmp.Or(strings.Join(words, " "), p.ID)
}

// JoinsName stand between the letters of a name, and mean nothing there.
const JoinsName = "._-'’"

// TruncateID shortens an id that came from outside. Real ids are shorter; a made-up one gets enough room in the audit
// to show what it was.
func TruncateID(id string) string {
	const most = 64
	if len(id) <= most {
		return id
	}
	return strings.ToValidUTF8(id[:most], "") + "…"
}

// RefuseNoAccess returns the refusal while the bot has no access to Slack.
func RefuseNoAccess() *Refusal {
	return NewRefusal(AccessLost)
}
