package slacksim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
	"licensebot/slacksim/blockkit"
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
			map[string]any{"type": "input", "block_id": "count", "label": plain("Count"), "dispatch_action": true, "element": map[string]any{
				"type": "number_input", "action_id": "v", "is_decimal_allowed": false, "min_value": "1", "max_value": "16",
			}},
			map[string]any{"type": "input", "block_id": "milk", "optional": true, "label": plain("Milk"), "element": map[string]any{
				"type": "static_select", "action_id": "v", "options": []any{
					map[string]any{"text": plain("Oat"), "value": "oat"}, map[string]any{"text": plain("Cow"), "value": "cow"},
				},
			}},
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

// modalApp is an app under a test's control: it opens form on every command, and the
// test says how it answers submissions.
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

// open has alice type a command and opens a modal with its trigger.
func (a *modalApp) open(t *testing.T, view map[string]any) (slacksim.View, map[string]any) {
	t.Helper()
	answer := a.withTrigger(t, "views.open", view)
	v, err := a.alice.WaitForModal(patience(t), nil)
	if err != nil {
		t.Fatalf("%v: %v", err, answer)
	}
	return v, answer
}

// trigger is a fresh trigger id of alice's.
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

// during lets somebody do something and answers the frame that it causes.
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

func TestModalIsFilledAndSubmitted(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	v, answer := a.open(t, orderForm(nil))
	if answer["ok"] != true || v.Title != "Order" || v.Submit != "Send" || v.Close != "Cancel" {
		t.Fatalf("%v: %+v", answer, v)
	}
	if got := v.Values("Name"); len(got) != 1 || got[0] != "coffee" {
		t.Errorf("the name is %v", got)
	}
	ctx := patience(t)

	// Slack's own client complains first; the app hears nothing of it.
	if err := a.alice.Fill(ctx, v, "Name", "a very long name"); err != nil {
		t.Fatal(err)
	}
	problems, err := a.alice.Submit(ctx)
	if err != nil || !strings.Contains(problems["name"], "at most 10") || !strings.Contains(problems["count"], "required") {
		t.Fatalf("the problems are %v, %v", problems, err)
	}
	if now, _ := a.alice.Modal(); now.Errors["name"] == "" {
		t.Error("the complaint is not shown")
	}
	if err := a.alice.Fill(ctx, v, "Name", "Übergröße"); err != nil { // 9 characters, 12 bytes
		t.Fatal(err)
	}

	// A field with dispatch_action tells the app at once.
	a.during(t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "Count", "17") }, func(f frame) any {
		p := payload(t, f)
		if p.Type != "block_actions" || p.Actions[0]["value"] != "17" || p.Actions[0]["type"] != "number_input" {
			t.Errorf("%s", f.Payload)
		}
		return nil
	})
	if problems, err = a.alice.Submit(ctx); err != nil || !strings.Contains(problems["count"], "16") {
		t.Errorf("17 of at most 16: %v, %v", problems, err)
	}
	a.during(t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "count", "3") }, func(frame) any { return nil })
	if err := a.alice.Choose(ctx, v, "Milk", "Oat"); err != nil {
		t.Fatal(err)
	}

	// A button in the view sends the whole view, and no channel, message or URL.
	a.during(t, func(ctx context.Context) error { return a.alice.Click(ctx, v, "Details") }, func(f frame) any {
		p := payload(t, f)
		if p.Channel != nil || p.Message != nil || p.Response != nil || p.Container["type"] != "view" || p.Container["view_id"] != v.ID {
			t.Errorf("%s", f.Payload)
		}
		if p.View.State.Values["name"]["v"]["value"] != "Übergröße" || p.Actions[0]["value"] != "d" {
			t.Errorf("%s", f.Payload)
		}
		return nil
	})

	a.during(t, func(ctx context.Context) (err error) { problems, err = a.alice.Submit(ctx); return err }, func(f frame) any {
		return map[string]any{"response_action": "errors", "errors": map[string]string{"count": "Only 2 left."}}
	})
	if problems["count"] != "Only 2 left." {
		t.Errorf("the app's complaint is %v", problems)
	}
	if now, open := a.alice.Modal(); !open || now.Errors["count"] == "" || now.Busy {
		t.Errorf("%+v", now)
	}
	a.during(t, func(ctx context.Context) (err error) { problems, err = a.alice.Submit(ctx); return err }, func(f frame) any {
		p := payload(t, f)
		got := p.View.State.Values
		if p.Type != "view_submission" || !f.Accepts || p.View.CallbackID != "order_form" || p.View.PrivateMetadata != "m" ||
			p.View.RootID != v.ID || p.View.PreviousID != nil || p.View.Hash == "" || p.URLs == nil || len(p.URLs) != 0 {
			t.Errorf("%s", f.Payload)
		}
		milk, _ := got["milk"]["v"]["selected_option"].(map[string]any)
		if got["count"]["v"]["value"] != "3" || milk["value"] != "oat" {
			t.Errorf("%s", f.Payload)
		}
		return nil
	})
	if len(problems) != 0 {
		t.Errorf("accepted, but %v", problems)
	}
	if _, open := a.alice.Modal(); open {
		t.Error("the modal is still open")
	}
}

func TestAnswersToASubmission(t *testing.T) {
	other := func(title string) map[string]any { return orderForm(map[string]any{"title": plain(title)}) }
	tests := []struct {
		name   string
		answer any
		titles []string // of the stack, bottom first
		fails  bool
	}{
		{"nothing closes the view", nil, []string{"Order"}, false},
		{"clear closes all", map[string]any{"response_action": "clear"}, nil, false},
		{"update replaces", map[string]any{"response_action": "update", "view": other("New")}, []string{"Order", "New"}, false},
		{"push stacks", map[string]any{"response_action": "push", "view": other("Third")}, []string{"Order", "Second", "Third"}, false},
		{"a view that Slack refuses", map[string]any{"response_action": "update", "view": other(strings.Repeat("x", 25))}, []string{"Order", "Second"}, true},
		{"a complaint about no field", map[string]any{"response_action": "errors", "errors": map[string]string{"nope": "no"}}, []string{"Order", "Second"}, true},
		{"an action that does not exist", map[string]any{"response_action": "explode"}, []string{"Order", "Second"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newModalApp(t, slacksim.Options{})
			a.open(t, orderForm(nil))
			if answer := a.withTrigger(t, "views.push", other("Second")); answer["ok"] != true {
				t.Fatal(answer)
			}
			v, err := a.alice.WaitForModal(patience(t), func(v slacksim.View) bool { return v.Title == "Second" })
			if err != nil {
				t.Fatal(err)
			}
			a.during(t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "Count", "3") }, func(frame) any { return nil })
			done := make(chan error, 1)
			ctx := patience(t)
			go func() {
				_, err := a.alice.Submit(ctx)
				done <- err
			}()
			a.s.ack(a.s.next(), tt.answer)
			err = <-done
			var f *slacksim.Failure
			if tt.fails != errors.As(err, &f) {
				t.Errorf("the error is %v", err)
			}
			var titles []string
			for _, v := range a.ws.ModalsOf(slacksim.Alice) {
				titles = append(titles, v.Title)
				if v.ID != "" && tt.fails && v.Title == "Second" && v.Failure != slacksim.SubmitFailed {
					t.Errorf("alice reads %q", v.Failure)
				}
			}
			if fmt.Sprint(titles) != fmt.Sprint(tt.titles) {
				t.Errorf("open are %v, want %v", titles, tt.titles)
			}
		})
	}
}

func TestSubmissionWithoutAnAnswer(t *testing.T) {
	a := newModalApp(t, slacksim.Options{AckTimeout: 300 * time.Millisecond})
	v, _ := a.open(t, orderForm(nil))
	a.during(t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "Count", "3") }, func(frame) any { return nil })
	_, err := a.alice.Submit(patience(t))
	var f *slacksim.Failure
	if !errors.As(err, &f) || f.Code != slacksim.OperationTimeout {
		t.Errorf("%v", err)
	}
	if now, open := a.alice.Modal(); !open || now.Busy || now.Failure != slacksim.SubmitFailed {
		t.Errorf("%+v", now)
	}
}

func TestClosingTellsTheAppThatAsked(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	a.open(t, orderForm(nil))
	a.withTrigger(t, "views.push", orderForm(map[string]any{"title": plain("Second")}))
	if err := a.alice.CloseModal(); err != nil {
		t.Fatal(err)
	}
	f := a.s.next()
	if p := payload(t, f); p.Type != "view_closed" || p.IsCleared || p.Trigger != "" {
		t.Errorf("%s", f.Payload)
	}
	a.s.ack(f, nil)
	if v, open := a.alice.Modal(); !open || v.Title != "Order" {
		t.Errorf("below is %+v", v)
	}
	if err := a.alice.CloseModals(); err != nil {
		t.Fatal(err)
	}
	f = a.s.next()
	if p := payload(t, f); p.Type != "view_closed" || !p.IsCleared {
		t.Errorf("%s", f.Payload)
	}
	a.s.ack(f, nil)
	if err := a.alice.CloseModal(); !errors.Is(err, slacksim.ErrNoModal) {
		t.Errorf("%v", err)
	}
}

func TestViewsRefuseWhatSlackRefuses(t *testing.T) {
	clock := &still{now: time.Unix(1_800_000_000, 0)}
	a := newModalApp(t, slacksim.Options{Now: clock.Now})
	post := func(method string, args map[string]any) string {
		answer := call(t, a.srv, a.ws.BotToken(), method, args)
		code, _ := answer["error"].(string)
		return code
	}
	form := orderForm(nil)

	if got := post("views.open", map[string]any{"trigger_id": "1.2.made-up", "view": form}); got != "invalid_trigger_id" {
		t.Errorf("a trigger nobody gave: %s", got)
	}
	id := a.trigger(t)
	if got := post("views.open", map[string]any{"trigger_id": id, "view": orderForm(map[string]any{"title": plain(strings.Repeat("x", 25))})}); got != "invalid_arguments" {
		t.Errorf("a title of 25: %s", got)
	}
	if got := post("views.open", map[string]any{"trigger_id": id, "view": orderForm(map[string]any{"external_id": "mine"})}); got != "" {
		t.Errorf("a view that was refused uses the trigger up: %s", got)
	}
	if got := post("views.open", map[string]any{"trigger_id": id, "view": form}); got != "exchanged_trigger_id" {
		t.Errorf("the second use: %s", got)
	}
	id = a.trigger(t)
	clock.now = clock.now.Add(3*time.Second + time.Millisecond)
	if got := post("views.open", map[string]any{"trigger_id": id, "view": form}); got != "expired_trigger_id" {
		t.Errorf("after 3 s: %s", got)
	}
	v, _ := a.alice.Modal()
	if got := post("views.push", map[string]any{"trigger_id": a.trigger(t), "view": orderForm(map[string]any{"external_id": "mine"})}); got != "duplicate_external_id" {
		t.Errorf("the external id again: %s", got)
	}
	if got := post("views.update", map[string]any{"view_id": v.ID, "external_id": "mine", "view": form}); got != "invalid_arguments" {
		t.Errorf("both ids: %s", got)
	}
	if got := post("views.update", map[string]any{"view_id": "V0NONE", "view": form}); got != "not_found" {
		t.Errorf("an unknown view: %s", got)
	}
	if got := post("views.update", map[string]any{"view_id": v.ID, "hash": v.Hash, "view": form}); got != "" {
		t.Errorf("an update with the hash: %s", got)
	}
	if got := post("views.update", map[string]any{"view_id": v.ID, "hash": v.Hash, "view": form}); got != "hash_conflict" {
		t.Errorf("an update with the old hash: %s", got)
	}
	for range 2 {
		if got := post("views.push", map[string]any{"trigger_id": a.trigger(t), "view": form}); got != "" {
			t.Errorf("push: %s", got)
		}
	}
	if got := post("views.push", map[string]any{"trigger_id": a.trigger(t), "view": form}); got != "push_limit_reached" {
		t.Errorf("a fourth view: %s", got)
	}
	big := orderForm(map[string]any{"private_metadata": strings.Repeat("x", blockkit.MaxViewBytes)})
	if got := post("views.update", map[string]any{"view_id": v.ID, "view": big}); got != "view_too_large" {
		t.Errorf("250 KB: %s", got)
	}
	home := map[string]any{"type": "home", "blocks": []any{}}
	if got := post("views.publish", map[string]any{"user_id": slacksim.Alice, "view": form}); got != "invalid_arguments" {
		t.Errorf("a modal as home: %s", got)
	}
	if got := post("views.publish", map[string]any{"user_id": slacksim.Alice, "hash": "old", "view": home}); got != "hash_conflict" {
		t.Errorf("publish with a hash of nothing: %s", got)
	}
}

func TestUpdateKeepsWhatPeopleEntered(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	v, _ := a.open(t, orderForm(nil))
	if err := a.alice.Fill(patience(t), v, "Name", "tea"); err != nil {
		t.Fatal(err)
	}
	update := orderForm(map[string]any{"title": plain("Fresh")})
	first, _ := update["blocks"].([]any)
	update["blocks"] = append([]any{map[string]any{"type": "header", "text": plain("New")}}, first...)
	if answer := call(t, a.srv, a.ws.BotToken(), "views.update", map[string]any{"view_id": v.ID, "view": update}); answer["ok"] != true {
		t.Fatal(answer)
	}
	now, _ := a.alice.Modal()
	if now.Title != "Fresh" || now.ID != v.ID || now.Hash == v.Hash || fmt.Sprint(now.Values("Name")) != "[tea]" {
		t.Errorf("%+v", now)
	}
}
