package purchase

import (
	"context"
	"fmt"
)

// While the bot lacks access to Slack, people cannot be checked, asked or told, so nothing new is bought. That is known in
// memory alone: it ends by itself when Slack lets the bot in again, and a new run finds out for itself.

// lostAccess refuses while the bot lacks access to Slack.
func (d *Desk) lostAccess() *Refusal {
	if !d.accessLost() {
		return nil
	}
	return noAccess()
}

func noAccess() *Refusal {
	return &Refusal{Code: AccessLost, Sentence: "I've lost my access to Slack, so buying is paused until it is restored, and nothing was bought. " +
		"Please tell your admins: my log says what to fix."}
}

// closed refuses new orders while buying is stopped.
func (d *Desk) closed(account AccountState) *Refusal {
	if no := d.lostAccess(); no != nil {
		return no
	}
	return d.policy.closed(account)
}

// AccessChanged looks at the orders anew after the bot has lost or regained its access to Slack: those that wait say so, or
// are bought. It never waits.
func (d *Desk) AccessChanged() { nudge(d.wake) }

// NoteAccess keeps in the audit that the bot lacks access to Slack, or with an empty code that it is back. code is Slack's.
func (d *Desk) NoteAccess(ctx context.Context, code string) error {
	e := Event{Time: d.now(), Kind: "slack-back", By: botName, Note: "Slack lets the bot in again"}
	if code != "" {
		e.Kind, e.Note = "slack-lost", "Slack does not let the bot in, and nothing new is bought: "+brief(code)
	}
	if err := d.ledger.Update(ctx, func(w Writer) error { return w.AppendEvent(e) }); err != nil {
		return fmt.Errorf("record the access to Slack: %w", err)
	}
	return nil
}
