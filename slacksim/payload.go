package slacksim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"licensebot/slacksim/blockkit"
)

// verificationToken is the deprecated shared secret that every payload still carries.
const verificationToken = "simulated-verification-token"

// obj is a JSON object that is sent.
type obj = map[string]any

// commandPayload is the payload of slash_commands.
type commandPayload struct {
	Token               string `json:"token"`
	TeamID              string `json:"team_id"`
	TeamDomain          string `json:"team_domain"`
	ChannelID           string `json:"channel_id"`
	ChannelName         string `json:"channel_name"`
	UserID              string `json:"user_id"`
	UserName            string `json:"user_name"`
	Command             string `json:"command"`
	Text                string `json:"text"`
	APIAppID            string `json:"api_app_id"`
	IsEnterpriseInstall string `json:"is_enterprise_install"` // a string here, a boolean everywhere else
	ResponseURL         string `json:"response_url"`
	TriggerID           string `json:"trigger_id"`
}

func (ws *Workspace) commandEnvelope(u User, c Channel, command, text string) (*envelope, error) {
	team := u.TeamID
	if slices.Contains(u.Teams, ws.opts.Team.ID) { // in an organization, it is the workspace of the command
		team = ws.opts.Team.ID
	}
	ws.mu.Lock()
	hook, trigger := ws.newResponseURL(responseURL{kind: "commands", channel: c.ID, person: u.ID}), ws.newTrigger(u.ID)
	ws.mu.Unlock()
	env, err := ws.newEnvelope("slash_commands", commandPayload{
		Token: verificationToken, TeamID: team, TeamDomain: ws.opts.Team.Domain,
		ChannelID: c.ID, ChannelName: channelName(c), UserID: u.ID, UserName: u.Name,
		Command: command, Text: text, APIAppID: ws.opts.App.ID, IsEnterpriseInstall: "false",
		ResponseURL: hook, TriggerID: trigger,
	}, true)
	if err != nil {
		return nil, err
	}
	env.onAck = func(ack json.RawMessage) *Failure { return ws.handleCommandAck(u, c, ack) }
	return env, nil
}

func channelName(c Channel) string {
	switch {
	case c.DM != "":
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

// actionEnvelope makes the block_actions for one use of one element.
func (ws *Workspace) actionEnvelope(u User, s surface, e blockkit.Element, values []string) (*envelope, error) {
	payload := ws.interaction("block_actions", u)
	if err := ws.addAction(payload, u, s, e, values); err != nil {
		return nil, err
	}
	return ws.newEnvelope("interactive", payload, false)
}

// addAction adds the element that was used, its values and its place. It reads the message before it locks ws.mu, since
// that takes the longest, and hundreds of people may click at once.
func (ws *Workspace) addAction(payload obj, u User, s surface, e blockkit.Element, values []string) error {
	var elements []blockkit.Element
	if s.message != nil {
		elements = s.message.Elements()
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	payload["trigger_id"] = ws.newTrigger(u.ID)
	payload["actions"] = []any{action(e, values, ws.nextTS())}
	if err := ws.addSource(payload, u, s); err != nil {
		return err
	}
	if m := s.message; m != nil {
		payload["state"] = obj{"values": stateValues(elements, ws.stateOf(u.ID).inputs[m.Channel+"/"+m.TS])}
		payload["response_url"] = ws.newResponseURL(responseURL{
			kind: "actions", channel: m.Channel, person: u.ID, message: m.TS,
		})
	}
	return nil
}

// addSource adds the place of an action: a view, or a message with its channel. ws.mu is held.
func (ws *Workspace) addSource(payload obj, u User, s surface) error {
	if s.view != nil {
		v := ws.view(s.view.ID)
		if v == nil {
			return ErrGone
		}
		payload["container"] = obj{"type": "view", "view_id": v.ID}
		payload["view"] = ws.viewJSON(v)
		return nil
	}
	m := s.message
	payload["container"] = obj{
		"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": m.Ephemeral(),
	}
	if c := ws.channel(m.Channel); c != nil {
		payload["channel"] = obj{"id": c.ID, "name": channelName(*c)}
	}
	// Slack doesn't store ephemeral messages, so it doesn't send them with the action.
	if !m.Ephemeral() {
		payload["message"] = ws.messageJSON(m)
	}
	return nil
}

// action makes an entry of "actions".
func action(e blockkit.Element, values []string, ts string) obj {
	a := obj{"action_id": e.ActionID, "block_id": e.BlockID, "type": e.Type, "action_ts": ts}
	switch e.Type {
	case "button", "workflow_button", "icon_button":
		a["text"] = e.Raw["text"]
		if e.Value != "" {
			a["value"] = e.Value
		}
		if e.Style != "" {
			a["style"] = e.Style
		}
		return a
	}
	for k, v := range e.State(values) {
		a[k] = v
	}
	return a
}

func (ws *Workspace) submissionEnvelope(u User, v View) (*envelope, error) {
	payload := ws.interaction("view_submission", u)
	if err := ws.addSubmitted(payload, u, v); err != nil {
		return nil, err
	}
	env, err := ws.newEnvelope("interactive", payload, true)
	if err != nil {
		return nil, err
	}
	env.onAck = func(ack json.RawMessage) *Failure { return ws.handleSubmissionAck(env, u.ID, v.ID, ack) }
	return env, nil
}

// addSubmitted adds the view with the values of its fields, and the response URLs of its conversation menus.
func (ws *Workspace) addSubmitted(payload obj, u User, v View) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	now := ws.view(v.ID)
	if now == nil {
		return ErrGone
	}
	payload["trigger_id"] = ws.newTrigger(u.ID)
	payload["view"] = ws.viewJSON(now)
	urls := []any{}
	for _, e := range now.Elements() {
		enabled, _ := e.Raw["response_url_enabled"].(bool)
		if chosen := now.Inputs[e.BlockID][e.ActionID]; enabled && len(chosen) > 0 {
			urls = append(urls, obj{
				"block_id": e.BlockID, "action_id": e.ActionID, "channel_id": chosen[0],
				"response_url": ws.newResponseURL(responseURL{kind: "app", channel: chosen[0], person: u.ID}),
			})
		}
	}
	payload["response_urls"] = urls
	return nil
}

func (ws *Workspace) closedEnvelope(u User, v View, cleared bool) (*envelope, error) {
	payload := ws.interaction("view_closed", u)
	payload["view"] = ws.viewJSON(&v)
	payload["is_cleared"] = cleared
	return ws.newEnvelope("interactive", payload, false)
}

func (ws *Workspace) suggestionEnvelope(u User, s surface, e blockkit.Element, query string) (*envelope, error) {
	payload := ws.interaction("block_suggestion", u)
	payload["block_id"], payload["action_id"], payload["value"] = e.BlockID, e.ActionID, query
	ws.mu.Lock()
	err := ws.addSource(payload, u, s)
	ws.mu.Unlock()
	if err != nil {
		return nil, err
	}
	env, err := ws.newEnvelope("interactive", payload, true)
	if err != nil {
		return nil, err
	}
	env.onAck = func(ack json.RawMessage) *Failure {
		env.suggested = suggestions(ack)
		return nil
	}
	return env, nil
}

func (ws *Workspace) homeEnvelope(u User) (*envelope, error) {
	return ws.newEnvelope("events_api", obj{
		"token": verificationToken, "team_id": ws.opts.Team.ID, "api_app_id": ws.opts.App.ID, "event": ws.homeOpened(u),
		"type": "event_callback", "event_id": ws.nextID("Ev"), "event_time": ws.opts.Now().Unix(),
		"authorizations": []any{obj{
			"enterprise_id": nil, "team_id": ws.opts.Team.ID, "user_id": ws.opts.App.BotUserID,
			"is_bot": true, "is_enterprise_install": false,
		}},
		"is_ext_shared_channel": false,
	}, false)
}

func (ws *Workspace) homeOpened(u User) obj {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	event := obj{
		"type": "app_home_opened", "user": u.ID, "channel": ws.dm(u.ID).ID, "tab": "home", "event_ts": ws.nextTS(),
	}
	if v := ws.stateOf(u.ID).home; v != nil {
		event["view"] = ws.viewJSON(v)
	}
	return event
}

// interaction makes the part that all interactive payloads have in common.
func (ws *Workspace) interaction(kind string, u User) obj {
	return obj{
		"type": kind, "api_app_id": ws.opts.App.ID, "token": verificationToken,
		"user":       obj{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"team":       obj{"id": ws.opts.Team.ID, "domain": ws.opts.Team.Domain},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// messageJSON encodes a message as answers and payloads have it. ws.mu is held.
func (ws *Workspace) messageJSON(m *Message) obj {
	out := obj{"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": ws.opts.Team.ID}
	if m.BotID != "" {
		out["bot_id"], out["app_id"] = m.BotID, ws.opts.App.ID
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.Edited {
		out["edited"] = obj{"user": m.User, "ts": m.TS}
	}
	return out
}

// viewJSON encodes a view as answers and payloads have it. ws.mu is held.
func (ws *Workspace) viewJSON(v *View) obj {
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return obj{
		"id": v.ID, "team_id": ws.opts.Team.ID, "type": v.Type, "blocks": rawOrEmpty(v.Blocks),
		"private_metadata": v.PrivateMetadata, "callback_id": v.CallbackID, "external_id": v.ExternalID,
		"state": obj{"values": stateValues(v.Elements(), v.Inputs)}, "hash": v.Hash,
		"title": v.raw["title"], "submit": v.raw["submit"], "close": v.raw["close"],
		"clear_on_close": v.ClearOnClose, "notify_on_close": v.NotifyOnClose,
		"root_view_id": v.RootID, "previous_view_id": orNull(v.PreviousID),
		"app_id": ws.opts.App.ID, "app_installed_team_id": ws.opts.Team.ID, "bot_id": ws.opts.App.BotID,
	}
}

func rawOrEmpty(blocks json.RawMessage) json.RawMessage {
	if len(blocks) == 0 {
		return json.RawMessage("[]")
	}
	return blocks
}

// stateValues makes state.values: the values of all fields, by block_id and action_id. A field that was not used has
// its initial values.
func stateValues(elements []blockkit.Element, inputs map[string]map[string][]string) obj {
	out := obj{}
	for _, e := range elements {
		if !e.HasState() {
			continue
		}
		values, touched := inputs[e.BlockID][e.ActionID]
		if !touched {
			values = e.Initial
		}
		block, _ := out[e.BlockID].(obj)
		if block == nil {
			block = obj{}
			out[e.BlockID] = block
		}
		block[e.ActionID] = e.State(values)
	}
	return out
}

// suggestions reads the options from the acknowledgement of a block_suggestion.
func suggestions(ack json.RawMessage) []blockkit.Option {
	var answer struct {
		Options      json.RawMessage `json:"options"`
		OptionGroups json.RawMessage `json:"option_groups"`
	}
	if json.Unmarshal(ack, &answer) != nil {
		return nil
	}
	element := obj{"type": "static_select", "options": answer.Options, "option_groups": answer.OptionGroups}
	raw, err := json.Marshal([]any{obj{"type": "actions", "elements": []any{element}}})
	if err != nil {
		return nil
	}
	if found := blockkit.Elements(raw); len(found) > 0 {
		return found[0].Options
	}
	return nil
}

// handleCommandAck shows the answer that the acknowledgement of a slash command may carry.
func (ws *Workspace) handleCommandAck(u User, c Channel, ack json.RawMessage) *Failure {
	if empty(ack) {
		return nil
	}
	var plain string
	if ack[0] == '"' && json.Unmarshal(ack, &plain) == nil { // some clients send a string
		ack, _ = json.Marshal(obj{"text": plain})
	}
	if f := ws.respond(responseURL{kind: "commands", channel: c.ID, person: u.ID}, ack); f != nil {
		return &Failure{Code: f.Error(), Text: "The app's answer could not be shown: " + f.Error()}
	}
	return nil
}

// handleSubmissionAck carries out the response_action of the acknowledgement of a view_submission.
func (ws *Workspace) handleSubmissionAck(env *envelope, person, viewID string, ack json.RawMessage) *Failure {
	var answer struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if !empty(ack) {
		if err := json.Unmarshal(ack, &answer); err != nil {
			return &Failure{Code: "invalid_response", Text: SubmitFailed}
		}
	}
	var err *apiError
	switch answer.Action {
	case "":
		ws.closeView(person, viewID)
	case "clear":
		ws.mu.Lock()
		ws.stateOf(person).modals = nil
		ws.touch()
		ws.mu.Unlock()
	case "errors":
		known := map[string]bool{}
		ws.changeView(viewID, func(v *View) {
			for _, e := range v.Elements() {
				known[e.BlockID] = e.Input
			}
		})
		for id := range answer.Errors {
			// Slack shows errors below input blocks only. If the app names another block, the submission fails.
			if !known[id] {
				return &Failure{Code: "invalid_errors", Text: SubmitFailed}
			}
		}
		env.problems = answer.Errors
		ws.changeView(viewID, func(v *View) { v.Errors = answer.Errors })
	case "update":
		_, err = ws.updateView(viewID, "", "", answer.View)
	case "push":
		_, err = ws.pushView(person, answer.View)
	default:
		return &Failure{Code: "invalid_response_action", Text: SubmitFailed}
	}
	if err != nil {
		return &Failure{Code: err.code, Text: SubmitFailed}
	}
	return nil
}

// closeView closes a submitted view and all views above it.
func (ws *Workspace) closeView(person, id string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	d := ws.stateOf(person)
	for i, v := range d.modals {
		if v.ID == id {
			d.modals = d.modals[:i]
			ws.touch()
			return
		}
	}
}

// empty reports whether an acknowledgement has no content: no payload, null, {} or "".
func empty(ack json.RawMessage) bool {
	switch string(bytes.TrimSpace(ack)) {
	case "", "null", "{}", `""`:
		return true
	}
	return false
}

func toJSON(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	return raw, nil
}
