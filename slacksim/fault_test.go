package slacksim_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/slacksim"
)

func TestFaults_Late_AfterTheDeadline(t *testing.T) {
	ws, srv := start(t, quick)
	s := dial(t, ws, srv)
	ws.SetFaults(slacksim.Faults{Late: 2 * quick.AckTimeout})
	var f *slacksim.Failure
	if err := ws.Person(slacksim.Alice).Command(patience(t), slacksim.General, "/order", ""); !errors.As(err, &f) ||
		f.Code != slacksim.OperationTimeout {
		t.Errorf("got error %v, want operation_timeout", err)
	}
	if f := s.next(); f.Type != "slash_commands" {
		t.Errorf("got %+v, want a slash command", f)
	}
}

func TestFaults_Methods_Answers(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	api := client(ws, srv)
	post := func() error {
		_, _, err := api.PostMessage(slacksim.General, slack.MsgOptionText("hi", false))
		return err
	}
	fault := func(f slacksim.MethodFault) {
		ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"chat.postMessage": f}})
	}
	posted := func() int { return len(ws.Messages(slacksim.General)) }

	fault(slacksim.MethodFault{Error: "fatal_error", Times: 1})
	wantError(t, post(), "fatal_error")
	if err := post(); err != nil || posted() != 1 {
		t.Errorf("after a fault for one call: got %v, %d messages; want no error, 1", err, posted())
	}
	fault(slacksim.MethodFault{Status: http.StatusServiceUnavailable, Times: 2})
	var status slack.StatusCodeError
	for range 2 {
		if err := post(); !errors.As(err, &status) || status.Code != http.StatusServiceUnavailable {
			t.Errorf("got %v, want HTTP status 503", err)
		}
	}
	fault(slacksim.MethodFault{RetryAfter: 7 * time.Second})
	var limited *slack.RateLimitedError
	if err := post(); !errors.As(err, &limited) || limited.RetryAfter != 7*time.Second {
		t.Errorf("got %v, want a wait of 7 s", err)
	}
	fault(slacksim.MethodFault{LoseAnswer: true})
	if err := post(); err == nil || posted() != 2 {
		t.Errorf("the answer is lost after the work: got %v, %d messages; want an error, 2", err, posted())
	}
	ws.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"*": {Error: "internal_error"}}})
	_, err := api.AuthTest()
	wantError(t, err, "internal_error")
	ws.SetFaults(slacksim.Faults{NoNewBlocks: true})
	_, _, err = api.PostMessage(slacksim.General, slack.MsgOptionBlocks(slack.NewMarkdownBlock("", "**new**")))
	wantError(t, err, "invalid_blocks")
	ws.SetFaults(slacksim.Faults{})
	if _, _, err = api.PostMessage(
		slacksim.General, slack.MsgOptionBlocks(slack.NewMarkdownBlock("", "**new**")),
	); err != nil {
		t.Error(err)
	}
}
