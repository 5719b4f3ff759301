package bot

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"licensebot/bot/socket"
)

const (
	// probeInterval is the pause between two questions to Slack whether lost access is back.
	probeInterval = 10 * time.Second
	// recordLossAfter is how long access must be lost before the audit records it. Shorter losses are only logged.
	recordLossAfter = time.Minute
	// exitAfter is how long Slack must refuse the bot token, and answer nothing else, before the program ends.
	exitAfter = 5 * time.Minute
)

// AccessAudit records in the audit that the bot has lost its access to Slack, with Slack's error code; or, with an
// empty code, that access is back. *orders.Process is one.
type AccessAudit interface {
	NoteAccess(ctx context.Context, code string) error
}

// AccessWatch waits for lost access to Slack to come back: it asks Slack, and records the loss and its end in the
// audit.
type AccessWatch struct {
	Access *socket.Access
	Slack  WebAPI
	Audit  AccessAudit
	Log    zerolog.Logger
	Every  time.Duration    // between two questions; 10 s when it is 0
	Now    func() time.Time // nil is the system's clock
}

// Run watches until ctx is done, and returns nil. It returns a [*socket.FatalError] if Slack has refused the bot token
// for five minutes: without the token, people get no answers.
func (w AccessWatch) Run(ctx context.Context) error {
	if w.Every == 0 {
		w.Every = probeInterval
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	noted := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, lost := w.Access.Lost(); lost {
			w.Access.Probe(ctx, w.Slack)
		}
		if err := w.Access.LostFor(exitAfter); err != nil {
			return err
		}
		loss, lost := w.Access.Lost()
		if lost == noted || lost && w.Now().Sub(loss.Since) < recordLossAfter {
			continue
		}
		code := ""
		if lost {
			code = loss.Code
		}
		if err := w.Audit.NoteAccess(ctx, code); err != nil {
			w.Log.Error().Err(err).Msg("retry recording the access to Slack in the audit")
			continue
		}
		noted = lost
	}
}
