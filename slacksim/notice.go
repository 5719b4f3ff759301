package slacksim

import (
	"fmt"
	"slices"
	"time"
)

// Notice is something that Slack itself tells one person: that a command failed, that a
// button did nothing. It is what the person sees when the app does not answer.
type Notice struct {
	ID string
	At time.Time
	// Code is operation_timeout, dispatch_failed, invalid_command or the error of the
	// app's answer.
	Code string
	Text string // the sentence that is shown
	// Where it is shown: Channel for commands and clicks on messages, with MessageTS
	// for the latter; ViewID for modals and the Home tab.
	Channel   string
	MessageTS string
	ViewID    string
	ActionID  string
}

// Failure is the error of a person's action that Slack could not bring to the app, or
// that the app did not acknowledge in time.
type Failure struct {
	Code string // as in Notice
	Text string
}

func (f *Failure) Error() string { return "slack shows: " + f.Text + " (" + f.Code + ")" }

// Codes of Failure and Notice that come from Slack and not from the app's answer.
const (
	OperationTimeout = "operation_timeout" // the app did not acknowledge within 3 s
	DispatchFailed   = "dispatch_failed"   // no socket was open
	InvalidCommand   = "invalid_command"   // no app has this command
)

// NoticesOf lists what Slack told person, oldest first.
func (ws *Workspace) NoticesOf(person string) []Notice {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Clone(ws.desk(person).notices)
}

// DismissNotice takes a notice off person's screen.
func (ws *Workspace) DismissNotice(person, id string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	d := ws.desk(person)
	d.notices = slices.DeleteFunc(d.notices, func(n Notice) bool { return n.ID == id })
	ws.touch()
}

// tell puts a notice before person and returns it as the error of what they did.
func (ws *Workspace) tell(person string, n Notice) *Failure {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	n.ID, n.At = ws.nextID("N"), ws.opts.Now()
	d := ws.desk(person)
	d.notices = append(d.notices, n)
	ws.touch()
	return &Failure{Code: n.Code, Text: n.Text}
}

func commandFailed(command, code string) string {
	return fmt.Sprintf("%s failed with the error %q", command, code)
}
