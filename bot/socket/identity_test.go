package socket

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

func TestIdentify(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	app := slacksim.App{BotScopes: []string{"commands", "chat:write"}}
	ws := slacksim.New(slacksim.Options{App: app, Rates: slacksim.Rates{Off: true}})
	server := slacktest.Serve(t, ws)
	client := HTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	log := &logBuffer{}
	cfg := Config{Log: log.logger(), FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond}

	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"auth.test": {Status: 503, Times: 3}}})
	cfg.API = NewAPI(server.APIURL, ws.BotToken(), ws.AppToken(), client, cfg.Log)
	who, err := Identify(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if who.TeamID != ws.Team().ID || who.UserID != ws.App().BotUserID || who.BotID == "" {
		t.Errorf("got the identity %+v, want %s and %s", who, ws.Team().ID, ws.App().BotUserID)
	}
	if lacks := who.MissingScopes("chat:write", "users:read", "commands", "im:write"); !slices.Equal(lacks,
		[]string{"users:read", "im:write"}) {
		t.Errorf("got the missing scopes %q of %q, want users:read and im:write", lacks, who.Scopes)
	}
	if lacks := (Identity{}).MissingScopes("commands"); lacks != nil {
		t.Errorf("got the missing scopes %q where Slack lists none, want none", lacks)
	}
	if n := strings.Count(log.String(), "HTTP 503"); n != 1 {
		t.Errorf("got %d lines about three failures, want 1", n)
	}

	cfg.API = NewAPI(server.APIURL, "xoxb-wrong", ws.AppToken(), client, cfg.Log)
	var fatal *FatalError
	if _, err := Identify(ctx, cfg); !errors.As(err, &fatal) || !strings.Contains(err.Error(), "SLACK_BOT_TOKEN") {
		t.Errorf("got %v for a wrong token, want a *FatalError that names SLACK_BOT_TOKEN", err)
	}

	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"auth.test": {Status: 503}}})
	cfg.API = NewAPI(server.APIURL, ws.BotToken(), ws.AppToken(), client, cfg.Log)
	soon, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if _, err := Identify(soon, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v without an answer, want %v", err, context.DeadlineExceeded)
	}
}

func TestCheckSocketMode_WrongToken(t *testing.T) {
	ws := slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}})
	server := slacktest.Serve(t, ws)
	client := HTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	check := func(appToken string) error {
		return CheckSocketMode(t.Context(), NewAPI(server.APIURL, ws.BotToken(), appToken, client, zerolog.Nop()))
	}
	if err := check(ws.AppToken()); err != nil {
		t.Error(err)
	}
	var fatal *FatalError
	if err := check(ws.BotToken()); !errors.As(err, &fatal) || !strings.Contains(err.Error(), "SLACK_APP_TOKEN") {
		t.Errorf("got %v for the bot token, want a *FatalError that names SLACK_APP_TOKEN", err)
	}
	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"apps.connections.open": {Status: 500}}})
	if err := check(ws.AppToken()); err == nil || errors.As(err, &fatal) {
		t.Errorf("got %v for a broken Slack, want an error that is no *FatalError", err)
	}
}
