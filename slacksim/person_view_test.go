package slacksim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
)

func TestPerson_Submit_Modal(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	v, answer := a.open(t, orderForm(nil))
	if answer["ok"] != true || v.Title != "Order" || v.Submit != "Send" || v.Close != "Cancel" {
		t.Fatalf("got %v: %+v; want the form", answer, v)
	}
	if got := v.Values("Name"); len(got) != 1 || got[0] != "coffee" {
		t.Errorf("name: got %v, want coffee", got)
	}
	ctx := patience(t)

	// Slack's client finds errors first; the app gets nothing.
	if err := a.alice.Fill(ctx, v, "Name", "a very long name"); err != nil {
		t.Fatal(err)
	}
	problems, err := a.alice.Submit(ctx)
	if err != nil || !strings.Contains(problems["name"], "at most 10") ||
		!strings.Contains(problems["count"], "required") {
		t.Fatalf("got the problems %v, %v; want at most 10 for the name, and a required count", problems, err)
	}
	if now, _ := a.alice.Modal(); now.Errors["name"] == "" {
		t.Error("got no error below the name, want one")
	}
	if err := a.alice.Fill(ctx, v, "Name", "Übergröße"); err != nil { // 9 characters, 12 bytes
		t.Fatal(err)
	}

	// A field with dispatch_action sends its action at once.
	a.during(t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "Count", "17") }, func(f frame) any {
		p := payload(t, f)
		if p.Type != "block_actions" || p.Actions[0]["value"] != "17" || p.Actions[0]["type"] != "number_input" {
			t.Errorf("got %s, want the action of the count with 17", f.Payload)
		}
		return nil
	})
	if problems, err = a.alice.Submit(ctx); err != nil || !strings.Contains(problems["count"], "16") {
		t.Errorf("17 of at most 16: got %v, %v; want a problem with the count", problems, err)
	}
	a.during(
		t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "count", "3") }, func(frame) any { return nil },
	)
	if err := a.alice.Choose(ctx, v, "Milk", "Oat"); err != nil {
		t.Fatal(err)
	}

	// A button in the view sends the whole view, and no channel, message or URL.
	a.during(t, func(ctx context.Context) error { return a.alice.Click(ctx, v, "Details") }, func(f frame) any {
		p := payload(t, f)
		if p.Channel != nil || p.Message != nil || p.Response != nil ||
			p.Container["type"] != "view" || p.Container["view_id"] != v.ID {
			t.Errorf("got %s, want the view as its only place", f.Payload)
		}
		if p.View.State.Values["name"]["v"]["value"] != "Übergröße" || p.Actions[0]["value"] != "d" {
			t.Errorf("got %s, want the name in the state, and the value d", f.Payload)
		}
		return nil
	})

	a.during(t, func(ctx context.Context) (err error) {
		problems, err = a.alice.Submit(ctx)
		return err
	}, func(f frame) any {
		return map[string]any{"response_action": "errors", "errors": map[string]string{"count": "Only 2 left."}}
	})
	if problems["count"] != "Only 2 left." {
		t.Errorf("got the problems %v, want that of the app", problems)
	}
	if now, open := a.alice.Modal(); !open || now.Errors["count"] == "" || now.Busy {
		t.Errorf("got %+v, want the open modal with the error of the app", now)
	}
	a.during(t, func(ctx context.Context) (err error) {
		problems, err = a.alice.Submit(ctx)
		return err
	}, func(f frame) any {
		p := payload(t, f)
		got := p.View.State.Values
		if p.Type != "view_submission" || !f.Accepts || p.View.CallbackID != "order_form" || p.View.PrivateMetadata != "m" ||
			p.View.RootID != v.ID || p.View.PreviousID != nil || p.View.Hash == "" || p.URLs == nil || len(p.URLs) != 0 {
			t.Errorf("got %s, want the submission of the form", f.Payload)
		}
		milk, _ := got["milk"]["v"]["selected_option"].(map[string]any)
		if got["count"]["v"]["value"] != "3" || milk["value"] != "oat" {
			t.Errorf("got %s, want 3 with oat", f.Payload)
		}
		return nil
	})
	if len(problems) != 0 {
		t.Errorf("got the problems %v, want none", problems)
	}
	if _, open := a.alice.Modal(); open {
		t.Error("modal: got it open, want it closed")
	}
}

func TestPerson_Submit_Answers(t *testing.T) {
	other := func(title string) map[string]any { return orderForm(map[string]any{"title": plain(title)}) }
	tests := []struct {
		name   string
		answer any
		titles []string // of the stack, bottom first
		fails  bool
	}{
		{"nothing closes the view", nil, []string{"Order"}, false},
		{"clear closes all", map[string]any{"response_action": "clear"}, nil, false},
		{
			"update replaces",
			map[string]any{"response_action": "update", "view": other("New")},
			[]string{"Order", "New"},
			false,
		},
		{
			"push stacks",
			map[string]any{"response_action": "push", "view": other("Third")},
			[]string{"Order", "Second", "Third"},
			false,
		},
		{
			"a view that Slack refuses",
			map[string]any{"response_action": "update", "view": other(strings.Repeat("x", 25))},
			[]string{"Order", "Second"},
			true,
		},
		{
			"a complaint about no field",
			map[string]any{"response_action": "errors", "errors": map[string]string{"nope": "no"}},
			[]string{"Order", "Second"},
			true,
		},
		{"an action that does not exist", map[string]any{"response_action": "explode"}, []string{"Order", "Second"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newModalApp(t, slacksim.Options{})
			a.open(t, orderForm(nil))
			if answer := a.withTrigger(t, "views.push", other("Second")); answer["ok"] != true {
				t.Fatalf("views.push: got %v, want ok", answer)
			}
			v, err := a.alice.WaitForModal(patience(t), func(v slacksim.View) bool { return v.Title == "Second" })
			if err != nil {
				t.Fatal(err)
			}
			a.during(
				t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "Count", "3") }, func(frame) any { return nil },
			)
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
				t.Errorf("got %v, want a Failure: %v", err, tt.fails)
			}
			var titles []string
			for _, v := range a.ws.Person(slacksim.Alice).Modals() {
				titles = append(titles, v.Title)
				if v.ID != "" && tt.fails && v.Title == "Second" && v.Failure != slacksim.SubmitFailed {
					t.Errorf("failure that Alice reads: got %q, want %q", v.Failure, slacksim.SubmitFailed)
				}
			}
			if fmt.Sprint(titles) != fmt.Sprint(tt.titles) {
				t.Errorf("open modals: got %v, want %v", titles, tt.titles)
			}
		})
	}
}

func TestPerson_Submit_NoAnswer(t *testing.T) {
	a := newModalApp(t, slacksim.Options{AckTimeout: 300 * time.Millisecond})
	v, _ := a.open(t, orderForm(nil))
	a.during(
		t, func(ctx context.Context) error { return a.alice.Fill(ctx, v, "Count", "3") }, func(frame) any { return nil },
	)
	_, err := a.alice.Submit(patience(t))
	var f *slacksim.Failure
	if !errors.As(err, &f) || f.Code != slacksim.OperationTimeout {
		t.Errorf("got %v, want a Failure with OperationTimeout", err)
	}
	if now, open := a.alice.Modal(); !open || now.Busy || now.Failure != slacksim.SubmitFailed {
		t.Errorf("got %+v, want the open modal with %q", now, slacksim.SubmitFailed)
	}
}

func TestPerson_CloseModal_NotifyOnClose(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	a.open(t, orderForm(nil))
	a.withTrigger(t, "views.push", orderForm(map[string]any{"title": plain("Second")}))
	if err := a.alice.CloseModal(); err != nil {
		t.Fatal(err)
	}
	f := a.s.next()
	if p := payload(t, f); p.Type != "view_closed" || p.IsCleared || p.Trigger != "" {
		t.Errorf("got %s, want view_closed", f.Payload)
	}
	a.s.ack(f, nil)
	if v, open := a.alice.Modal(); !open || v.Title != "Order" {
		t.Errorf("got %+v, want the modal below", v)
	}
	if err := a.alice.CloseModals(); err != nil {
		t.Fatal(err)
	}
	f = a.s.next()
	if p := payload(t, f); p.Type != "view_closed" || !p.IsCleared {
		t.Errorf("got %s, want view_closed with is_cleared", f.Payload)
	}
	a.s.ack(f, nil)
	if err := a.alice.CloseModal(); !errors.Is(err, slacksim.ErrNoModal) {
		t.Errorf("got %v, want ErrNoModal", err)
	}
}
