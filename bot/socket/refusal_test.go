package socket

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

func TestDispatcher_Refuse_FullQueue(t *testing.T) {
	runDispatcher(t, 1, 1, func(t *testing.T, b dispatcherEnv) {
		b.handler.command = func(context.Context, slack.SlashCommand) Reply {
			time.Sleep(time.Second)
			return Reply{Payload: answerText("done")}
		}
		b.deliver(b.a, typed("e1", "first"))
		synctest.Wait() // the worker has it
		b.deliver(b.a, typed("e2", "second"))
		start := time.Now()
		b.deliver(b.a, typed("e3", "third"))
		b.deliver(b.a, clicked("e4", "confirm"))
		b.deliver(b.a, submitted("e5", "form"))
		if waited := time.Since(start); waited != 0 {
			t.Errorf("got a wait of %v in the event loop, want none", waited)
		}
		synctest.Wait()
		checkAcks(t, b.a, `e3 {"text":"busy "}`)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		checkAcks(t, b.a, `e3 {"text":"busy "}`, `e1 {"text":"done"}`, `e2 {"text":"done"}`)
		if n := b.handler.called("third") + b.handler.called("confirm") + b.handler.called("form"); n != 0 {
			t.Errorf("got %d calls for what was refused, want 0", n)
		}
		b.deliver(b.a, clicked("e4", "confirm"))
		synctest.Wait()
		if n := b.handler.called("confirm"); n != 1 {
			t.Errorf("got %d calls for the repeated click, want 1", n)
		}
	})
}

func TestDispatcher_CallHandler_Panic(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		var told []string
		b.handler.refused = func(d Delivery, why Refusal, ref string) Reply {
			if d.Kind == KindCommand {
				return Reply{Payload: answerText(string(why) + " " + ref)}
			}
			return Reply{After: func(context.Context) { told = append(told, d.EnvelopeID+" "+string(why)+" "+ref) }}
		}
		b.handler.command = func(context.Context, slack.SlashCommand) Reply { panic("no card in xoxb-1234-secret") }
		b.handler.action = func(context.Context, slack.InteractionCallback) Reply {
			return Reply{After: func(context.Context) { panic("nil order") }}
		}
		b.handler.submission = func(context.Context, slack.InteractionCallback) Reply { panic("no form") }
		b.deliver(b.a, typed("e1", "buy"))
		synctest.Wait()
		b.deliver(b.a, clicked("e2", "confirm"))
		synctest.Wait()
		b.deliver(b.a, submitted("e3", "form"))
		synctest.Wait()
		checkAcks(t, b.a, `e1 {"text":"crashed ref1"}`, "e2", "e3")
		if diff := cmp.Diff([]string{"e2 crashed after ref2", "e3 crashed ref3"}, told); diff != "" {
			t.Errorf("refusals, want (-) and got (+):\n%s", diff)
		}
		log := b.log.String()
		for _, want := range []string{`"ref":"ref1"`, "no card in", `"ref":"ref2"`, "nil order", "refusal_test.go"} {
			if !strings.Contains(log, want) {
				t.Errorf("got no log line with %s, want one", want)
			}
		}
		if strings.Contains(log, "1234-secret") {
			t.Error("got the token in the log, want it hidden")
		}
		if n := b.panics.Load(); n != 3 {
			t.Errorf("got %d panics in the count, want 3", n)
		}
	})
}

func TestDispatcher_ErrorReply_Panic(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.handler.refused = func(Delivery, Refusal, string) Reply { panic("no words") }
		b.handler.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
			if cmd.Text == "bad" {
				panic("bad")
			}
			return Reply{}
		}
		b.handler.action = func(context.Context, slack.InteractionCallback) Reply {
			return Reply{After: func(context.Context) { panic("after") }}
		}
		b.deliver(b.a, typed("e1", "bad"))
		synctest.Wait()
		b.deliver(b.a, clicked("e2", "x"))
		synctest.Wait()
		b.deliver(b.a, typed("e3", "good"))
		synctest.Wait()
		checkAcks(t, b.a, "e1", "e2", "e3")

		b.handler.refused = func(Delivery, Refusal, string) Reply {
			return Reply{After: func(context.Context) { panic("and again") }}
		}
		b.deliver(b.a, clicked("e4", "x"))
		synctest.Wait()
		b.deliver(b.a, typed("e5", "good"))
		synctest.Wait()
		checkAcks(t, b.a, "e1", "e2", "e3", "e4", "e5")
	})
}

func TestDispatcher_Unreadable(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		cause := errors.New("parsing slash command: bad boolean")
		b.unreadable(b.a, typed("e1", ""), cause)
		b.unreadable(b.a, Delivery{EnvelopeID: "e2"}, cause)
		b.unreadable(b.a, Delivery{}, cause) // not even an id: nothing to acknowledge
		synctest.Wait()
		b.unreadable(b.a, typed("e1", ""), cause)
		synctest.Wait()
		checkAcks(t, b.a, `e1 {"text":"unreadable ref1"}`, "e2", `e1 {"text":"unreadable ref1"}`)
		if got := b.handler.refusedDeliveries(); !slices.Equal(got, []string{"unreadable e1"}) {
			t.Errorf("got the refusals %q, want \"unreadable e1\"", got)
		}
		if log := b.log.String(); !strings.Contains(log, "bad boolean") || !strings.Contains(log, `"ref":"ref1"`) {
			t.Errorf("got this log, want the cause and ref1 in it: %s", log)
		}
	})
}

func TestDispatcher_Refuse_Stopping(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.stopping.Store(true)
		b.handling.close()
		b.deliver(b.a, typed("e1", "buy"))
		b.deliver(b.a, clicked("e2", "confirm"))
		synctest.Wait()
		checkAcks(t, b.a, `e1 {"text":"stopping "}`)
	})
}

// Nothing can be said any more; then not even the early ack of a slow command is sent, so that
// Slack tells the person.
func TestDispatcher_QueueAck_Full(t *testing.T) {
	runDispatcher(t, 1, 0, func(t *testing.T, b dispatcherEnv) {
		release := make(chan struct{})
		b.ackPool.try(func() { <-release })
		synctest.Wait() // the desk is at it, so that it makes no room later
		for b.ackPool.try(func() {}) {
		}
		b.handling.close()
		b.deliver(b.a, typed("e1", "buy"))
		time.Sleep(5 * time.Second)
		checkAcks(t, b.a)
		if log := b.log.String(); !strings.Contains(log, "drop an envelope: no room to acknowledge it") {
			t.Errorf("got the log %q, want the drop in it", log)
		}
		close(release)
	})
}
