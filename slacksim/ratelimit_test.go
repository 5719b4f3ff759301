package slacksim_test

import (
	"net/http"
	"testing"
	"time"

	"licensebot/slacksim"
)

func TestRates_Methods_Limited(t *testing.T) {
	clock := &still{now: time.Unix(1_800_000_000, 0)}
	ws, srv := start(t, slacksim.Options{Now: clock.Now, Rates: slacksim.Rates{PostBurst: 2}})
	ws.Invite(slacksim.Random, ws.App().BotUserID)
	post := func(channel string) (string, *http.Response) {
		answer, resp := callHTTP(t, srv, ws.BotToken(), "chat.postMessage", map[string]any{"channel": channel, "text": "hi"})
		code, _ := answer["error"].(string)
		return code, resp
	}
	for range 2 {
		if code, _ := post(slacksim.General); code != "" {
			t.Fatalf("within the burst: got %s, want no error", code)
		}
	}
	code, resp := post(slacksim.General)
	if code != "ratelimited" || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" {
		t.Errorf(
			"got %s, status %d, Retry-After %q; want ratelimited, 429, 1", code, resp.StatusCode, resp.Header.Get("Retry-After"),
		)
	}
	if code, _ := post(slacksim.Random); code != "" {
		t.Errorf("another channel: got %s, want no error", code)
	}
	clock.now = clock.now.Add(time.Second)
	if code, _ := post(slacksim.General); code != "" {
		t.Errorf("a second later: got %s, want no error", code)
	}

	// Tier 2: twenty calls a minute.
	ws.SetUserGroups(slacksim.UserGroup{ID: "S1"})
	for range 20 {
		if a := call(t, srv, ws.BotToken(), "usergroups.users.list", map[string]any{"usergroup": "S1"}); a["ok"] != true {
			t.Fatalf("got %v, want ok", a)
		}
	}
	if a := call(
		t, srv, ws.BotToken(), "usergroups.users.list", map[string]any{"usergroup": "S1"},
	); a["error"] != "ratelimited" {
		t.Errorf("the 21st call in a minute: got %v, want ratelimited", a)
	}
}

// All channels together take so many messages a minute. A refused message counts in no channel.
func TestRates_PostsPerMinute_Limited(t *testing.T) {
	clock := &still{now: time.Unix(1_800_000_000, 0)}
	ws, srv := start(t, slacksim.Options{Now: clock.Now, Rates: slacksim.Rates{PostBurst: 4, PostsPerMinute: 6}})
	ws.Invite(slacksim.Random, ws.App().BotUserID)
	post := func(channel string) bool {
		a := call(t, srv, ws.BotToken(), "chat.postMessage", map[string]any{"channel": channel, "text": "hi"})
		return a["ok"] == true
	}
	for i, c := range []struct {
		channel string
		times   int
		taken   bool
	}{
		{slacksim.General, 4, true}, {slacksim.Random, 2, true}, {slacksim.Random, 5, false},
	} {
		for range c.times {
			if got := post(c.channel); got != c.taken {
				t.Errorf("step %d, in %s: got a message taken: %t, want %t", i, c.channel, got, c.taken)
			}
		}
	}
	for _, after := range []struct {
		wait  time.Duration
		taken int
	}{{10 * time.Second, 1}, {20 * time.Second, 2}} {
		clock.now = clock.now.Add(after.wait)
		taken := 0
		for taken < 5 && post(slacksim.Random) {
			taken++
		}
		if taken != after.taken {
			t.Errorf("%s later: got %d messages taken, want %d", after.wait, taken, after.taken)
		}
	}
}
