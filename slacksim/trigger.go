package slacksim

import (
	"fmt"
	"time"
)

// trigger is the right to open one view for one person.
type trigger struct {
	person  string
	expires time.Time
	used    bool
}

// newTrigger makes a trigger id for a person. ws.mu is held.
func (ws *Workspace) newTrigger(person string) string {
	now := ws.opts.Now()
	ws.sweep(now)
	id := fmt.Sprintf("%d.%d.%s", now.UnixMilli(), ws.ids.Add(1), secret())
	ws.triggers[id] = &trigger{person: person, expires: now.Add(ws.opts.TriggerLife)}
	return id
}

// sweepEvery is how long old triggers and response URLs stay at least.
const sweepEvery = time.Second

// sweep removes what nothing can use any more. It is called when something new is made, so that nothing has to run in
// the background.
// ws.mu is held.
func (ws *Workspace) sweep(now time.Time) {
	if now.Sub(ws.swept).Abs() < sweepEvery { // hundreds of people may act at once
		return
	}
	ws.swept = now
	for id, t := range ws.triggers {
		if now.Sub(t.expires) > time.Minute {
			delete(ws.triggers, id)
		}
	}
	for key, old := range ws.responseURLs {
		if now.Sub(old.expires) > responseURLLife { // from now on its URL is unknown instead of expired
			delete(ws.responseURLs, key)
		}
	}
}

// exchangeTrigger uses up a trigger id and returns its person. Errors: invalid_arguments, invalid_trigger_id,
// exchanged_trigger_id, expired_trigger_id. ws.mu is held.
func (ws *Workspace) exchangeTrigger(id string) (person string, err *apiError) {
	t := ws.triggers[id]
	switch {
	case id == "":
		return "", failed("invalid_arguments").withMessages("missing required field: trigger_id [json-pointer:/trigger_id]")
	case t == nil:
		return "", failed("invalid_trigger_id")
	case t.used:
		return "", failed("exchanged_trigger_id")
	case ws.opts.Now().After(t.expires):
		return "", failed("expired_trigger_id")
	}
	t.used = true
	return t.person, nil
}
