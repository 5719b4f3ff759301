package slacksim_test

import (
	"context"
	"testing"

	"licensebot/slacksim"
)

func plain(s string) map[string]any { return map[string]any{"type": "plain_text", "text": s} }

// orderForm is a modal with a field of most kinds.
func orderForm(extra map[string]any) map[string]any {
	v := map[string]any{
		"type": "modal", "callback_id": "order_form", "title": plain("Order"), "submit": plain("Send"),
		"private_metadata": "m", "notify_on_close": true,
		"blocks": []any{
			map[string]any{"type": "input", "block_id": "name", "label": plain("Name"), "element": map[string]any{
				"type": "plain_text_input", "action_id": "v", "max_length": 10, "initial_value": "coffee",
			}},
			map[string]any{
				"type": "input", "block_id": "count", "label": plain("Count"), "dispatch_action": true,
				"element": map[string]any{
					"type": "number_input", "action_id": "v", "is_decimal_allowed": false, "min_value": "1", "max_value": "16",
				},
			},
			map[string]any{
				"type": "input", "block_id": "milk", "optional": true, "label": plain("Milk"),
				"element": map[string]any{
					"type": "static_select", "action_id": "v", "options": []any{
						map[string]any{"text": plain("Oat"), "value": "oat"}, map[string]any{"text": plain("Cow"), "value": "cow"},
					},
				},
			},
			map[string]any{"type": "actions", "block_id": "more", "elements": []any{
				map[string]any{"type": "button", "action_id": "details", "text": plain("Details"), "value": "d"},
			}},
		},
	}
	for k, x := range extra {
		v[k] = x
	}
	return v
}

// modalApp is an app that the test controls: it opens a modal on every command, and the test answers the submissions.
type modalApp struct {
	ws    *slacksim.Workspace
	srv   *slacksim.Server
	s     *socket
	alice *slacksim.Person
}

func newModalApp(t *testing.T, opts slacksim.Options) *modalApp {
	ws, srv := start(t, opts)
	return &modalApp{ws: ws, srv: srv, s: dial(t, ws, srv), alice: ws.Person(slacksim.Alice)}
}

// open sends a command of Alice, and opens a modal with its trigger id.
func (a *modalApp) open(t *testing.T, view map[string]any) (slacksim.View, map[string]any) {
	t.Helper()
	answer := a.withTrigger(t, "views.open", view)
	v, err := a.alice.WaitForModal(patience(t), nil)
	if err != nil {
		t.Fatalf("got %v, %v; want a modal", err, answer)
	}
	return v, answer
}

// trigger returns a new trigger id of Alice.
func (a *modalApp) trigger(t *testing.T) string {
	t.Helper()
	var id string
	a.during(t, func(ctx context.Context) error {
		return a.alice.Command(ctx, slacksim.General, "/order", "")
	}, func(f frame) any {
		id = f.field(t, "trigger_id")
		return nil
	})
	return id
}

func (a *modalApp) withTrigger(t *testing.T, method string, view map[string]any) map[string]any {
	t.Helper()
	return call(t, a.srv, a.ws.BotToken(), method, map[string]any{"trigger_id": a.trigger(t), "view": view})
}

// during runs do, and answers the frame that it causes.
func (a *modalApp) during(t *testing.T, do func(context.Context) error, answer func(frame) any) {
	t.Helper()
	done := make(chan error, 1)
	ctx := patience(t)
	go func() { done <- do(ctx) }()
	f := a.s.next()
	a.s.ack(f, answer(f))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

type viewPayload struct {
	Type string `json:"type"`
	View struct {
		ID              string  `json:"id"`
		CallbackID      string  `json:"callback_id"`
		PrivateMetadata string  `json:"private_metadata"`
		Hash            string  `json:"hash"`
		RootID          string  `json:"root_view_id"`
		PreviousID      *string `json:"previous_view_id"`
		State           struct {
			Values map[string]map[string]map[string]any `json:"values"`
		} `json:"state"`
	} `json:"view"`
	Container map[string]any   `json:"container"`
	Actions   []map[string]any `json:"actions"`
	Channel   any              `json:"channel"`
	Message   any              `json:"message"`
	Response  any              `json:"response_url"`
	URLs      []any            `json:"response_urls"`
	IsCleared bool             `json:"is_cleared"`
	Trigger   string           `json:"trigger_id"`
}

func payload(t *testing.T, f frame) viewPayload {
	t.Helper()
	var p viewPayload
	decode(t, f, &p)
	return p
}
