package slacksim

import (
	"fmt"
	"time"
)

// trigger is the right to open one view before one person.
type trigger struct {
	person  string
	expires time.Time
	used    bool
}

// newTrigger makes a trigger id for person. ws.mu is held.
func (ws *Workspace) newTrigger(person string) string {
	now := ws.opts.Now()
	// What is long over is forgotten here, so that nothing has to run in the background.
	for id, t := range ws.triggers {
		if now.Sub(t.expires) > time.Minute {
			delete(ws.triggers, id)
		}
	}
	id := fmt.Sprintf("%d.%d.%s", now.UnixMilli(), ws.ids.Add(1), secret())
	ws.triggers[id] = &trigger{person: person, expires: now.Add(ws.opts.TriggerLife)}
	return id
}

// exchangeTrigger uses a trigger id up and tells whose it is. ws.mu is held.
func (ws *Workspace) exchangeTrigger(id string) (person string, err *apiError) {
	t := ws.triggers[id]
	switch {
	case id == "":
		return "", failed("invalid_arguments").saying("missing required field: trigger_id [json-pointer:/trigger_id]")
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
