package slacksim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/slacksim"
	"licensebot/slacksim/blockkit"
)

func TestWebAPI_Views_Refused(t *testing.T) {
	clock := &still{now: time.Unix(1_800_000_000, 0)}
	a := newModalApp(t, slacksim.Options{Now: clock.Now})
	post := func(method string, args map[string]any) string {
		answer := call(t, a.srv, a.ws.BotToken(), method, args)
		code, _ := answer["error"].(string)
		return code
	}
	form := orderForm(nil)

	if got := post("views.open", map[string]any{"trigger_id": "1.2.made-up", "view": form}); got != "invalid_trigger_id" {
		t.Errorf("an unknown trigger: got %s, want invalid_trigger_id", got)
	}
	id := a.trigger(t)
	if got := post(
		"views.open",
		map[string]any{"trigger_id": id, "view": orderForm(map[string]any{"title": plain(strings.Repeat("x", 25))})},
	); got != "invalid_arguments" {
		t.Errorf("a title of 25 characters: got %s, want invalid_arguments", got)
	}
	if got := post(
		"views.open", map[string]any{"trigger_id": id, "view": orderForm(map[string]any{"external_id": "mine"})},
	); got != "" {
		t.Errorf("after a refused view: got %s, want the trigger to work", got)
	}
	if got := post("views.open", map[string]any{"trigger_id": id, "view": form}); got != "exchanged_trigger_id" {
		t.Errorf("the second use: got %s, want exchanged_trigger_id", got)
	}
	id = a.trigger(t)
	clock.now = clock.now.Add(3*time.Second + time.Millisecond)
	if got := post("views.open", map[string]any{"trigger_id": id, "view": form}); got != "expired_trigger_id" {
		t.Errorf("after 3 s: got %s, want expired_trigger_id", got)
	}
	v, _ := a.alice.Modal()
	if got := post(
		"views.push", map[string]any{"trigger_id": a.trigger(t), "view": orderForm(map[string]any{"external_id": "mine"})},
	); got != "duplicate_external_id" {
		t.Errorf("the external id again: got %s, want duplicate_external_id", got)
	}
	if got := post(
		"views.update", map[string]any{"view_id": v.ID, "external_id": "mine", "view": form},
	); got != "invalid_arguments" {
		t.Errorf("both ids: got %s, want invalid_arguments", got)
	}
	if got := post("views.update", map[string]any{"view_id": "V0NONE", "view": form}); got != "not_found" {
		t.Errorf("an unknown view: got %s, want not_found", got)
	}
	if got := post("views.update", map[string]any{"view_id": v.ID, "hash": v.Hash, "view": form}); got != "" {
		t.Errorf("an update with the hash: got %s, want no error", got)
	}
	if got := post("views.update", map[string]any{"view_id": v.ID, "hash": v.Hash, "view": form}); got != "hash_conflict" {
		t.Errorf("an update with the old hash: got %s, want hash_conflict", got)
	}
	for range 2 {
		if got := post("views.push", map[string]any{"trigger_id": a.trigger(t), "view": form}); got != "" {
			t.Errorf("views.push: got %s, want no error", got)
		}
	}
	if got := post("views.push", map[string]any{"trigger_id": a.trigger(t), "view": form}); got != "push_limit_reached" {
		t.Errorf("a fourth view: got %s, want push_limit_reached", got)
	}
	big := orderForm(map[string]any{"private_metadata": strings.Repeat("x", blockkit.MaxViewBytes)})
	if got := post("views.update", map[string]any{"view_id": v.ID, "view": big}); got != "view_too_large" {
		t.Errorf("250 KB: got %s, want view_too_large", got)
	}
	home := map[string]any{"type": "home", "blocks": []any{}}
	if got := post("views.publish", map[string]any{"user_id": slacksim.Alice, "view": form}); got != "invalid_arguments" {
		t.Errorf("a modal as home: got %s, want invalid_arguments", got)
	}
	if got := post(
		"views.publish", map[string]any{"user_id": slacksim.Alice, "hash": "old", "view": home},
	); got != "hash_conflict" {
		t.Errorf("views.publish with a hash, but no Home tab: got %s, want hash_conflict", got)
	}
}

func TestWebAPI_ViewsUpdate_KeepsInputs(t *testing.T) {
	a := newModalApp(t, slacksim.Options{})
	v, _ := a.open(t, orderForm(nil))
	if err := a.alice.Fill(patience(t), v, "Name", "tea"); err != nil {
		t.Fatal(err)
	}
	update := orderForm(map[string]any{"title": plain("Fresh")})
	first, _ := update["blocks"].([]any)
	update["blocks"] = append([]any{map[string]any{"type": "header", "text": plain("New")}}, first...)
	if answer := call(
		t, a.srv, a.ws.BotToken(), "views.update", map[string]any{"view_id": v.ID, "view": update},
	); answer["ok"] != true {
		t.Fatalf("views.update: got %v, want ok", answer)
	}
	now, _ := a.alice.Modal()
	if now.Title != "Fresh" || now.ID != v.ID || now.Hash == v.Hash || fmt.Sprint(now.Values("Name")) != "[tea]" {
		t.Errorf("got %+v, want the new view with the name tea", now)
	}
}
