package slacksim

import (
	"context"
	"maps"
	"time"
)

// Faults are what goes wrong in the workspace; the zero value is a good day. SetFaults
// switches them while the app runs.
type Faults struct {
	// Methods are faults of Web API methods by name, such as "chat.postMessage"; "*" is
	// every method without one of its own, and "response_url" the response URLs.
	Methods map[string]MethodFault
	// NoNewBlocks refuses data_table, data_visualization, table, card and markdown
	// blocks with invalid_blocks, as some workspaces do.
	NoNewBlocks bool
	// Duplicate sends every envelope twice, to different sockets if there are several.
	Duplicate bool
	// Late holds every envelope back for this long, while the person waits: beyond the
	// ack deadline they see operation_timeout and the app gets it all the same.
	Late time.Duration
}

// MethodFault is what a Web API method does instead of, or besides, its work.
type MethodFault struct {
	// Error answers {"ok":false,"error":Error}: missing_scope, invalid_auth, fatal_error.
	Error string
	// Status answers this HTTP status with a page instead of JSON, such as 500 or 503.
	Status int
	// RetryAfter answers 429 with this wait.
	RetryAfter time.Duration
	// Delay comes before anything else.
	Delay time.Duration
	// LoseAnswer does the work and then cuts the connection, so that the app cannot know.
	LoseAnswer bool
	// Times is how many calls are hit; 0 means all until the faults change.
	Times int
}

// SetFaults replaces the faults.
func (ws *Workspace) SetFaults(f Faults) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	f.Methods = maps.Clone(f.Methods)
	ws.faults = f
	ws.touch()
}

// Faults tells what goes wrong at the moment, Times counted down.
func (ws *Workspace) Faults() Faults {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	f := ws.faults
	f.Methods = maps.Clone(f.Methods)
	return f
}

// fault of a call of method, counted as used. A fault whose Times are used up is gone.
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

// pause waits, at most until the caller hangs up or the workspace closes.
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
