package slacksim

import (
	"context"
	"fmt"
	"slices"
)

// Submit clicks the submit button of the topmost modal. Slack first checks the fields (required, length, number); if
// they are valid, the app gets the submission. problems are the errors of fields by block_id, found by Slack or by the
// app. If there are none, and err is nil, the app has accepted the submission. The error is ErrNoModal if no modal is
// open.
func (p *Person) Submit(ctx context.Context) (problems map[string]string, err error) {
	ws := p.ws
	u, err := p.user()
	if err != nil {
		return nil, err
	}
	v, ok := p.Modal()
	if !ok {
		return nil, ErrNoModal
	}
	if v.Submit == "" {
		return nil, fmt.Errorf("slacksim: the modal %q has no submit button", v.Title)
	}
	problems = map[string]string{}
	for _, e := range v.Elements() {
		if e.Input {
			if c := e.CheckValues(v.Inputs[e.BlockID][e.ActionID]); c != "" {
				problems[e.BlockID] = c
			}
		}
	}
	if len(problems) > 0 {
		ws.changeView(v.ID, func(v *View) { v.Errors, v.Failure = problems, "" })
		return problems, nil
	}
	env, err := ws.submissionEnvelope(u, v)
	if err != nil {
		return nil, err
	}
	ws.changeView(v.ID, func(v *View) { v.Busy, v.Failure, v.Errors = true, "", nil })
	err = ws.dispatch(ctx, p.id, env, Notice{ViewID: v.ID}, func(string) string { return SubmitFailed })
	ws.changeView(v.ID, func(v *View) {
		v.Busy = false
		if err != nil {
			v.Failure = SubmitFailed
		}
	})
	if err != nil {
		return nil, err
	}
	return env.problems, nil
}

func (ws *Workspace) changeView(id string, change func(*View)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if v := ws.view(id); v != nil {
		change(v)
		ws.touch()
	}
}

// CloseModal clicks the close button of the topmost modal. The modal below appears again, unless the closed one has
// clear_on_close. Modals with notify_on_close send view_closed to the app, without waiting for its acknowledgement. The
// error is ErrNoModal if no modal is open.
func (p *Person) CloseModal() error { return p.closeModals(false) }

// CloseModals clicks the × of the topmost modal, which closes all modals. Otherwise it is like CloseModal.
func (p *Person) CloseModals() error { return p.closeModals(true) }

func (p *Person) closeModals(all bool) error {
	ws := p.ws
	u, err := p.user()
	if err != nil {
		return err
	}
	ws.mu.Lock()
	d := ws.stateOf(p.id)
	n := len(d.modals)
	if n == 0 {
		ws.mu.Unlock()
		return ErrNoModal
	}
	cleared := all || d.modals[n-1].ClearOnClose
	closed := []View{d.modals[n-1].copy()}
	if cleared {
		closed = nil
		for _, v := range slices.Backward(d.modals) {
			closed = append(closed, v.copy())
		}
		d.modals = nil
	} else {
		d.modals = d.modals[:n-1]
	}
	ws.touch()
	ws.mu.Unlock()
	for _, v := range closed {
		if v.NotifyOnClose {
			if err := ws.notify(ws.closedEnvelope(u, v, cleared)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Home opens the app's Home tab: the app gets the event app_home_opened. It doesn't wait for the acknowledgement:
// WaitForHome waits for what the app publishes.
func (p *Person) Home() error {
	u, err := p.user()
	if err != nil {
		return err
	}
	return p.ws.notify(p.ws.homeEnvelope(u))
}
