package purchase

import (
	"context"
	"fmt"
)

// While the bot has no access to Slack, it can't verify, ask or notify people, so nothing new is bought. This state is
// kept in memory only: it ends when Slack lets the bot in again, and a new run finds out for itself.

// lostAccess returns a refusal while the bot has no access to Slack.
func (d *Desk) lostAccess() *Refusal {
	if !d.accessLost() {
		return nil
	}
	return noAccess()
}

func noAccess() *Refusal {
	return refuse(AccessLost)
}

// closed returns a refusal while buying is stopped.
func (d *Desk) closed(account AccountState) *Refusal {
	if no := d.lostAccess(); no != nil {
		return no
	}
	if no := d.policy.closed(account); no != nil {
		return no
	}
	return d.notSold(d.diagnosed(account))
}

// stopped is closed without the server, which holds orders in its own way (hold).
func (d *Desk) stopped(account AccountState) *Refusal {
	if no := d.lostAccess(); no != nil {
		return no
	}
	return d.policy.closed(account)
}

// AccessChanged wakes the buyer after the bot has lost or regained its access to Slack: waiting orders then show why
// they wait, or are bought. It never blocks.
func (d *Desk) AccessChanged() { nudge(d.wake) }

// NoteAccess records in the audit that the bot has lost access to Slack, with Slack's error code; or, with an empty
// code, that access is back.
func (d *Desk) NoteAccess(ctx context.Context, code string) error {
	e := Event{Time: d.now(), Kind: "slack-back", By: BotName, Note: "access to Slack restored"}
	if code != "" {
		e.Kind, e.Note = "slack-lost", "access to Slack lost, buying is paused: "+brief(code)
	}
	if err := d.ledger.Update(ctx, func(w Writer) error { return w.AppendEvent(e) }); err != nil {
		return fmt.Errorf("record the access to Slack: %w", err)
	}
	return nil
}
