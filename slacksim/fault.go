package slacksim

import (
	"context"
	"maps"
	"time"
)

// Faults are the faults of a workspace, which SetFaults turns on while an app runs. The zero value has none.
type Faults struct {
	// Methods has the faults of Web API methods by name, such as "chat.postMessage". "*" stands for every method that
	// is not listed, and "response_url" for all response URLs.
	Methods map[string]MethodFault
	// NoNewBlocks refuses blocks of the types data_table, data_visualization, table, card, carousel and markdown with
	// invalid_blocks, as workspaces do that don't have them yet.
	NoNewBlocks bool
	// Duplicate sends every envelope twice, to different sockets if there are several.
	Duplicate bool
	// Late is how long every envelope is held back while the person waits. If that is longer than Options.AckTimeout,
	// the person sees operation_timeout, and the app still gets the envelope.
	Late time.Duration
}

// MethodFault is a fault of one Web API method. If several fields are set, Delay comes first; of Status, RetryAfter and
// Error the first one that is set is the answer.
type MethodFault struct {
	// Error is the "error" of the answer, such as missing_scope, invalid_auth or fatal_error. The method does nothing.
	Error string
	// Status is an HTTP status, such as 500, whose answer is an HTML page. The method does nothing.
	Status int
	// RetryAfter answers with HTTP status 429 and this wait in whole seconds. The method does nothing.
	RetryAfter time.Duration
	// Delay is the time before the method begins.
	Delay time.Duration
	// LoseAnswer cuts the connection after the method has done its work, so that the app can't know whether it did.
	LoseAnswer bool
	// Times is how many calls the fault affects. 0: all calls until the next SetFaults.
	Times int
}

// SetFaults replaces all faults.
func (ws *Workspace) SetFaults(f Faults) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	f.Methods = maps.Clone(f.Methods)
	ws.faults = f
	ws.touch()
}

// Faults returns the present faults. Their Times are counted down.
func (ws *Workspace) Faults() Faults {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	f := ws.faults
	f.Methods = maps.Clone(f.Methods)
	return f
}

// fault returns the fault for a call of method, and counts the call. A fault ends when its Times are used up.
func (ws *Workspace) fault(method string) (MethodFault, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, name := range []string{method, "*"} {
		f, ok := ws.faults.Methods[name]
		if !ok {
			continue
		}
		if f.Times == 1 {
			delete(ws.faults.Methods, name)
		} else if f.Times > 1 {
			left := f
			left.Times--
			ws.faults.Methods[name] = left
		}
		return f, true
	}
	return MethodFault{}, false
}

// pause waits for d. It ends early with ctx or the workspace.
func (ws *Workspace) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-ws.ctx.Done():
	}
}
