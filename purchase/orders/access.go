package orders

import (
	"context"
	"fmt"

	"licensebot/purchase"
)

// NoteAccess records in the audit that the bot has lost access to Slack, with Slack's error code; or, with an empty
// code, that access is back.
func (svc *Service) NoteAccess(ctx context.Context, code string) error {
	e := purchase.Event{Time: svc.now(), Kind: "slack-back", By: purchase.BotName, Note: "access to Slack restored"}
	if code != "" {
		e.Kind, e.Note = "slack-lost", "access to Slack lost, buying is paused: "+purchase.Brief(code)
	}
	if err := svc.ledger.Update(ctx, func(w purchase.Writer) error { return w.AppendEvent(e) }); err != nil {
		return fmt.Errorf("record the access to Slack: %w", err)
	}
	return nil
}
