package slacksim

import (
	"encoding/json"
	"errors"

	"licensebot/slacksim/blockkit"
)

// maxModals is how many modals can be open above each other (push_limit_reached).
const maxModals = 3

// checkView validates a view of this kind (modal or home), and fills in the ids that its blocks lack.
func (ws *Workspace) checkView(raw json.RawMessage, kind string) (map[string]any, json.RawMessage, *apiError) {
	if len(raw) == 0 {
		return nil, nil, failed("invalid_arguments").withMessages("missing required field: view")
	}
	if len(raw) > blockkit.MaxViewBytes {
		return nil, nil, failed("view_too_large")
	}
	problems := blockkit.ValidateView(raw, kind, blockkit.Rules{RefuseNew: ws.Faults().NoNewBlocks})
	if len(problems) > 0 {
		return nil, nil, &apiError{code: "invalid_arguments", problems: problems}
	}
	var view map[string]any
	var parts struct {
		Blocks json.RawMessage `json:"blocks"`
	}
	blocks, err := json.RawMessage(nil), errors.Join(json.Unmarshal(raw, &view), json.Unmarshal(raw, &parts))
	if err == nil {
		blocks, err = blockkit.FillIDs(parts.Blocks, shortID)
	}
	if err != nil {
		return nil, nil, failed("invalid_arguments").withMessages("must provide an object [json-pointer:/view]")
	}
	return view, blocks, nil
}

// duplicateExternalID reports whether another view than except has the view's external_id. ws.mu is held.
func (ws *Workspace) duplicateExternalID(view map[string]any, except *View) bool {
	id, _ := view["external_id"].(string)
	if id == "" {
		return false
	}
	found := ws.viewByExternalID(id)
	return found != nil && found != except
}

func (ws *Workspace) viewByExternalID(id string) *View {
	for _, d := range ws.people {
		for _, v := range d.modals {
			if v.ExternalID == id {
				return v
			}
		}
		if d.home != nil && d.home.ExternalID == id {
			return d.home
		}
	}
	return nil
}

func viewsOpen(ws *Workspace, q *request) (obj, *apiError) {
	view, blocks, err := ws.checkView(q.json("view"), "modal")
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	person, err := ws.exchangeTrigger(q.str("trigger_id"))
	if err != nil {
		return nil, err
	}
	if ws.duplicateExternalID(view, nil) {
		return nil, failed("duplicate_external_id")
	}
	v := &View{ID: ws.nextID("V"), Person: person}
	v.RootID = v.ID
	ws.setContent(v, view, blocks)
	ws.stateOf(person).modals = []*View{v}
	return obj{"view": ws.viewJSON(v)}, nil
}

func viewsPush(ws *Workspace, q *request) (obj, *apiError) {
	// As in views.open, a view that is not valid doesn't use up the trigger id.
	if _, _, err := ws.checkView(q.json("view"), "modal"); err != nil {
		return nil, err
	}
	ws.mu.Lock()
	person, err := ws.exchangeTrigger(q.str("trigger_id"))
	ws.mu.Unlock()
	if err != nil {
		return nil, err
	}
	v, err := ws.pushView(person, q.json("view"))
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return obj{"view": ws.viewJSON(v)}, nil
}

// pushView opens a new modal above the person's modals.
func (ws *Workspace) pushView(person string, raw json.RawMessage) (*View, *apiError) {
	view, blocks, err := ws.checkView(raw, "modal")
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	d := ws.stateOf(person)
	switch {
	case len(d.modals) == 0:
		return nil, failed("not_found")
	case len(d.modals) >= maxModals:
		return nil, failed("push_limit_reached")
	case ws.duplicateExternalID(view, nil):
		return nil, failed("duplicate_external_id")
	}
	below := d.modals[len(d.modals)-1]
	v := &View{ID: ws.nextID("V"), Person: person, RootID: below.RootID, PreviousID: below.ID}
	ws.setContent(v, view, blocks)
	d.modals = append(d.modals, v)
	return v, nil
}

func viewsUpdate(ws *Workspace, q *request) (obj, *apiError) {
	id, external := q.str("view_id"), q.str("external_id")
	switch {
	case id != "" && external != "":
		return nil, failed("invalid_arguments").withMessages("Cannot provide both `view_id` and `external_id`")
	case id == "" && external == "":
		return nil, failed("invalid_arguments").withMessages("must provide `view_id` or `external_id`")
	}
	v, err := ws.updateView(id, external, q.str("hash"), q.json("view"))
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return obj{"view": ws.viewJSON(v)}, nil
}

// updateView replaces the content of an open view, which it finds by id, or by external_id if external is not empty. It
// fails with hash_conflict if hash is not empty and the view has another one. The view keeps its place in the stack.
func (ws *Workspace) updateView(id, external, hash string, raw json.RawMessage) (*View, *apiError) {
	ws.mu.Lock()
	v := ws.view(id)
	if external != "" {
		v = ws.viewByExternalID(external)
	}
	kind := "modal"
	if v != nil {
		kind = v.Type
	}
	ws.mu.Unlock()
	view, blocks, err := ws.checkView(raw, kind)
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	switch {
	case v == nil || ws.view(v.ID) != v:
		return nil, failed("not_found")
	case hash != "" && hash != v.Hash:
		return nil, failed("hash_conflict")
	case ws.duplicateExternalID(view, v):
		return nil, failed("duplicate_external_id")
	}
	ws.setContent(v, view, blocks)
	return v, nil
}

func viewsPublish(ws *Workspace, q *request) (obj, *apiError) {
	user := q.str("user_id")
	if u, ok := ws.User(user); !ok || u.ID != user || u.Bot {
		return nil, failed("user_not_found")
	}
	view, blocks, err := ws.checkView(q.json("view"), "home")
	if err != nil {
		return nil, err
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	d := ws.stateOf(user)
	hash := q.str("hash")
	if hash != "" && (d.home == nil || hash != d.home.Hash) {
		return nil, failed("hash_conflict")
	}
	if ws.duplicateExternalID(view, d.home) {
		return nil, failed("duplicate_external_id")
	}
	if d.home == nil {
		d.home = &View{ID: ws.nextID("V"), Person: user}
		d.home.RootID = d.home.ID
	}
	ws.setContent(d.home, view, blocks)
	return obj{"view": ws.viewJSON(d.home)}, nil
}
