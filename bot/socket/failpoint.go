package socket

import (
	"encoding/json"

	"licensebot/internal/failpoint"
)

// WithFailpoints returns a configuration with a failpoint before and after the acknowledgement of each handled
// delivery.
func WithFailpoints(cfg Config) Config {
	cfg.wrapAcker = func(next acker) acker { return failpointAcker{next} }
	return cfg
}

// failpointAcker acknowledges between two failpoints.
type failpointAcker struct{ next acker }

func (a failpointAcker) acknowledgeHandled(del Delivery, from conn, payload json.RawMessage, lost func(error)) error {
	name := ackFailpoints[del.Kind]
	failpoint.Hit(failpoint.Before, name)
	err := a.next.acknowledgeHandled(del, from, payload, lost)
	failpoint.Hit(failpoint.After, name)
	return err
}

// ackFailpoints are the failpoints of the kinds that the bot answers.
var ackFailpoints = map[Kind]failpoint.Name{
	KindCommand: failpoint.AckCommand, KindAction: failpoint.AckAction, KindSubmission: failpoint.AckSubmission,
	KindHome: failpoint.AckHome,
}
