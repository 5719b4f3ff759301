package slacksim

import (
	"fmt"
	"time"
)

// Notice is a message from Slack itself to one person: a command failed, or a button had no effect. People see it when
// the app doesn't answer.
type Notice struct {
	ID string
	At time.Time
	// Code is OperationTimeout, DispatchFailed, InvalidCommand, or the error of the app's answer.
	Code string
	Text string // what the person reads
	// Channel is where the notice is shown: for commands, and for clicks on messages.
	Channel string
	// MessageTS is the message that was clicked.
	MessageTS string
	// ViewID is the modal or Home tab that was used.
	ViewID string
	// ActionID is the element that was used.
	ActionID string
}

// Failure is the error of a person's action that didn't reach the app, or that the app didn't acknowledge in time. The
// person has a Notice with the same Code and Text.
type Failure struct {
	Code string // as in Notice
	Text string // what the person reads
}

// Error returns the text and code of the failure.
func (f *Failure) Error() string { return "slack shows: " + f.Text + " (" + f.Code + ")" }

// Codes of Failure and Notice that come from Slack itself. Other codes are errors of the app's answer.
const (
	OperationTimeout = "operation_timeout" // the app did not acknowledge within Options.AckTimeout
	DispatchFailed   = "dispatch_failed"   // the app had no socket open
	InvalidCommand   = "invalid_command"   // the app doesn't have this command
)

// addNotice shows a notice to a person, and returns it as the error of the person's action.
func (ws *Workspace) addNotice(person string, n Notice) *Failure {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	n.ID, n.At = ws.nextID("N"), ws.opts.Now()
	d := ws.stateOf(person)
	d.notices = append(d.notices, n)
	ws.touch()
	return &Failure{Code: n.Code, Text: n.Text}
}

func commandFailure(command, code string) string {
	return fmt.Sprintf("%s failed with the error %q", command, code)
}
