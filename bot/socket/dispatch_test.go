package socket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
)

// dispatcherEnv is a dispatcher with two connections, in a synctest bubble.
type dispatcherEnv struct {
	*dispatcher
	handler *fakeHandler
	a, b    *fakeConn
	log     *logBuffer
}

// runDispatcher runs a test in a synctest bubble, with a dispatcher that has a number of workers and a queue of a
// length.
func runDispatcher(t *testing.T, workers, queue int, test func(t *testing.T, b dispatcherEnv)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := dispatcherEnv{handler: newFakeHandler(), a: &fakeConn{}, b: &fakeConn{}, log: &logBuffer{}}
		b.dispatcher = newDispatcher(b.handler, b.log.logger(), sequentialRefs(),
			limits{
				workers: workers, queue: queue, finishers: 4, forms: 2, reads: 2, ledgers: 2, finishQueue: 16, acks: 16,
				envelopes: 64,
			}, handleWithin,
			func(than conn) conn {
				for _, w := range []*fakeConn{b.a, b.b} {
					w.mu.Lock()
					open := !w.broken
					w.mu.Unlock()
					if open && conn(w) != than {
						return w
					}
				}
				return nil
			})
		test(t, b)
		for _, p := range []*pool{
			b.handling, b.ackPool, b.finishing[LaneAnswer], b.finishing[LaneForm], b.finishing[LaneRead],
			b.finishing[LaneLedger],
		} {
			if !p.drain(context.Background()) {
				t.Error("got false from drain, want true")
			}
		}
		b.cancelBase()
	})
}

func typed(id, text string) Delivery {
	return Delivery{EnvelopeID: id, Kind: KindCommand, Received: time.Now(), Command: &slack.SlashCommand{Text: text}}
}

func clicked(id, trigger string) Delivery {
	return Delivery{
		EnvelopeID: id, Kind: KindAction, Received: time.Now(),
		Interaction: &slack.InteractionCallback{TriggerID: trigger},
	}
}

func submitted(id, trigger string) Delivery {
	d := clicked(id, trigger)
	d.Kind = KindSubmission
	return d
}

// checkAcks compares all acks of a connection, in order.
func checkAcks(t *testing.T, w *fakeConn, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.sent()); diff != "" {
		t.Errorf("acks, want (-) and got (+):\n%s", diff)
	}
}

func TestDispatcher_Deliver_AfterFollowsAck(t *testing.T) {
	runDispatcher(t, 2, 8, func(t *testing.T, b dispatcherEnv) {
		var seen []string
		b.handler.command = func(context.Context, slack.SlashCommand) Reply {
			if n := len(b.a.sent()); n != 0 {
				t.Errorf("got %d acks before the durable phase was over, want 0", n)
			}
			return Reply{Payload: answerText("hello"), After: func(context.Context) { seen = b.a.sent() }}
		}
		b.deliver(b.a, typed("e1", "buy"))
		synctest.Wait()
		checkAcks(t, b.a, `e1 {"text":"hello"}`)
		if !slices.Equal(seen, []string{`e1 {"text":"hello"}`}) {
			t.Errorf("got the acks %q in After, want the answer's", seen)
		}
		if got := b.handler.unsentTo("e1"); got != nil {
			t.Errorf("got %v sent another way, want nothing", got)
		}
	})
}

func TestDispatcher_Deliver_EveryKind(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		now := time.Now()
		person := slack.InteractionCallback{TriggerID: "t", User: slack.User{ID: "U1"}}
		b.deliver(b.a, typed("command", "list"))
		b.deliver(b.a, clicked("action", "click"))
		b.deliver(b.a, submitted("submission", "submit"))
		b.deliver(b.a, Delivery{EnvelopeID: "closed", Kind: KindClosed, Received: now, Interaction: &person})
		b.deliver(b.a, Delivery{EnvelopeID: "suggestion", Kind: KindSuggestion, Received: now, Interaction: &person})
		b.deliver(b.a, Delivery{
			EnvelopeID: "home", Kind: KindHome, Received: now,
			Home: &slackevents.AppHomeOpenedEvent{User: "U1"},
		})
		synctest.Wait()
		checkAcks(t, b.a, `command {"text":"done: list"}`, "action", "submission", "closed",
			`suggestion {"options":[{"text":null,"value":"one"}]}`, "home")
		for _, what := range []string{"list", "click", "submit", "closed by U1", "home of U1"} {
			if n := b.handler.called(what); n != 1 {
				t.Errorf("%q: got %d calls, want 1", what, n)
			}
		}
	})
}

func TestDispatcher_Deliver_SlowCommand(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		after := false
		b.handler.command = func(context.Context, slack.SlashCommand) Reply {
			time.Sleep(4 * time.Second)
			return Reply{Payload: answerText("at last"), After: func(context.Context) { after = true }}
		}
		b.deliver(b.a, typed("e1", "buy"))
		time.Sleep(handleWithin - time.Millisecond)
		synctest.Wait()
		checkAcks(t, b.a)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		checkAcks(t, b.a, "e1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		checkAcks(t, b.a, "e1")
		if got := b.handler.unsentTo("e1"); got != answerText("at last") {
			t.Errorf("got %v sent another way, want the answer", got)
		}
		if !after {
			t.Error("got no run of After, want one")
		}
	})
}

func TestDispatcher_Deliver_SlowClick(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		var deadline time.Duration
		b.handler.action = func(ctx context.Context, _ slack.InteractionCallback) Reply {
			start := time.Now()
			<-ctx.Done()
			deadline = time.Since(start)
			synctest.Wait()
			checkAcks(t, b.a) // by no one while it was not durable
			return Reply{}
		}
		b.deliver(b.a, clicked("e1", "confirm"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if deadline != handleWithin {
			t.Errorf("got a deadline after %v, want %v", deadline, handleWithin)
		}
		checkAcks(t, b.a, "e1")
	})
}

func TestDispatcher_Handle_WaitedTooLong(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.handler.action = func(_ context.Context, cb slack.InteractionCallback) Reply {
			if cb.TriggerID == "slow" {
				time.Sleep(4 * time.Second)
			}
			return Reply{}
		}
		left := time.Duration(0)
		b.handler.command = func(ctx context.Context, _ slack.SlashCommand) Reply {
			until, _ := ctx.Deadline()
			left = time.Until(until)
			return Reply{Payload: answerText("late")}
		}
		b.deliver(b.a, clicked("e1", "slow"))
		b.deliver(b.a, clicked("e2", "confirm"))
		b.deliver(b.a, submitted("e3", "form"))
		b.deliver(b.a, typed("e4", "list"))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		checkAcks(t, b.a, "e4", "e1") // e4's by the guard, while e1 was under way
		if n := b.handler.called("confirm") + b.handler.called("form"); n != 0 {
			t.Errorf("got %d calls after Slack had reported the failure, want 0", n)
		}
		if got := b.handler.unsentTo("e4"); got != answerText("late") {
			t.Errorf("got the answer %v to the late command, want \"late\"", got)
		}
		if left != handleWithin {
			t.Errorf("got %v for the late command, want %v", left, handleWithin)
		}
		// Slack may bring the click again; nothing was done with it, so it counts.
		b.deliver(b.a, clicked("e2", "confirm"))
		synctest.Wait()
		if n := b.handler.called("confirm"); n != 1 {
			t.Errorf("got %d calls for the repeated click, want 1", n)
		}
	})
}

func TestDispatcher_SendReply_AnotherWay(t *testing.T) {
	large := answerText(strings.Repeat("x", MaxPayload))
	fits := answerText(strings.Repeat("x", MaxPayload-len(`{"text":""}`)))
	for name, tt := range map[string]struct {
		payload any
		encoded bool
		broken  bool
		unsent  bool
		a, b    int // how many acks each wire has
	}{
		"fits exactly":                 {payload: fits, a: 1},
		"fits, encoded before":         {payload: fits, encoded: true, a: 1},
		"too large":                    {payload: large, unsent: true, a: 1},
		"too large, encoded before":    {payload: large, encoded: true, unsent: true, a: 1},
		"cannot be encoded":            {payload: func() {}, unsent: true, a: 1},
		"cannot be encoded before":     {payload: func() {}, encoded: true, unsent: true, a: 1},
		"socket gone":                  {payload: answerText("hi"), broken: true, unsent: true, b: 1},
		"socket gone, nothing to send": {broken: true, b: 1},
	} {
		t.Run(name, func(t *testing.T) {
			runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
				b.a.broken = tt.broken
				after := 0
				b.handler.command = func(context.Context, slack.SlashCommand) Reply {
					reply := Reply{Payload: tt.payload, After: func(context.Context) {
						after++
						if sent := b.handler.unsentTo("e1") != nil; sent != tt.unsent {
							t.Errorf("got sent=%t when After ran, want %t", sent, tt.unsent)
						}
					}}
					if tt.encoded {
						reply = reply.Encode()
					}
					return reply
				}
				b.deliver(b.a, typed("e1", "buy"))
				synctest.Wait()
				if (b.handler.unsentTo("e1") != nil) != tt.unsent || after != 1 {
					t.Errorf("got sent=%t and %d runs of After, want %t and 1", b.handler.unsentTo("e1") != nil, after, tt.unsent)
				}
				if a, other := b.a.sent(), b.b.sent(); len(a) != tt.a || len(other) != tt.b {
					t.Errorf("got the acks %q and %q, want %d and %d of them", a, other, tt.a, tt.b)
				}
				if tt.unsent {
					// Nor does the ack of a second delivery carry it.
					b.deliver(b.b, typed("e1", "buy"))
					synctest.Wait()
					for _, ack := range append(b.a.sent(), b.b.sent()...) {
						if ack != "e1" {
							t.Errorf("got the ack %.40q, want it empty", ack)
						}
					}
				}
			})
		})
	}
}

func TestDispatcher_SendReply_PayloadOfClick(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.handler.action = func(context.Context, slack.InteractionCallback) Reply { return Reply{Payload: answerText("no")} }
		b.deliver(b.a, clicked("e1", "x"))
		synctest.Wait()
		checkAcks(t, b.a, "e1")
		if got := b.handler.unsentTo("e1"); got != answerText("no") {
			t.Errorf("got %v sent another way, want \"no\"", got)
		}
	})
}

func TestDispatcher_AckLost(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.deliver(b.a, typed("e1", "list"))
		b.deliver(b.a, clicked("e2", "click"))
		synctest.Wait()
		b.a.lost["e1"](errors.New("write: broken pipe"))
		b.a.lost["e2"](errors.New("write: broken pipe"))
		synctest.Wait()
		checkAcks(t, b.b, "e1", "e2")
		if got := b.handler.unsentTo("e1"); got != answerText("done: list") {
			t.Errorf("got %v sent another way, want the list", got)
		}
		if got := b.handler.unsentTo("e2"); got != nil {
			t.Errorf("got the message %v for a bare ack, want none", got)
		}
		// Delivered again it is only acknowledged: the answer is there already.
		b.deliver(b.b, typed("e1", "list"))
		synctest.Wait()
		checkAcks(t, b.b, "e1", "e2", "e1")
	})
}

func TestDispatcher_Deliver_Repeated(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.deliver(b.a, typed("e1", "buy"))
		synctest.Wait()
		b.deliver(b.b, typed("e1", "buy"))
		synctest.Wait()
		checkAcks(t, b.a, `e1 {"text":"done: buy"}`)
		checkAcks(t, b.b, `e1 {"text":"done: buy"}`)
		if n := b.handler.called("buy"); n != 1 {
			t.Errorf("got %d calls, want 1", n)
		}

		time.Sleep(keepSeen + time.Second)
		b.deliver(b.a, typed("e1", "buy"))
		synctest.Wait()
		if n := b.handler.called("buy"); n != 2 {
			t.Errorf("got %d calls after keepSeen, want 2", n)
		}
	})
}

func TestDispatcher_Deliver_RepeatedWhileHandled(t *testing.T) {
	runDispatcher(t, 1, 8, func(t *testing.T, b dispatcherEnv) {
		b.handler.action = func(context.Context, slack.InteractionCallback) Reply {
			time.Sleep(time.Second)
			return Reply{}
		}
		b.deliver(b.a, clicked("e1", "confirm"))
		time.Sleep(time.Millisecond)
		b.deliver(b.b, clicked("e1", "confirm"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		checkAcks(t, b.a)
		checkAcks(t, b.b, "e1")
		if n := b.handler.called("confirm"); n != 1 {
			t.Errorf("got %d calls, want 1", n)
		}
	})
}

// Work that is slow holds up only work of its kind.
func TestDispatcher_Lanes_Independent(t *testing.T) {
	for _, slow := range []Lane{LaneAnswer, LaneForm, LaneRead, LaneLedger} {
		t.Run("slow "+string(slow), func(t *testing.T) {
			runDispatcher(t, 4, 64, func(t *testing.T, b dispatcherEnv) {
				done := map[Lane]time.Duration{}
				began := time.Now()
				b.handler.command = func(_ context.Context, cmd slack.SlashCommand) Reply {
					lane := Lane(cmd.Text)
					return Reply{Lane: lane, After: func(context.Context) {
						if lane == slow {
							time.Sleep(10 * time.Second)
							return
						}
						done[lane] = time.Since(began)
					}}
				}
				for i := range 12 {
					b.deliver(b.a, typed(fmt.Sprint("slow", i), string(slow)))
				}
				synctest.Wait()
				others := 0
				for _, lane := range []Lane{LaneAnswer, LaneForm, LaneRead, LaneLedger} {
					if lane != slow {
						b.deliver(b.a, typed("quick"+string(lane), string(lane)))
						synctest.Wait()
						if took, ok := done[lane]; !ok || took != 0 {
							t.Errorf("%q: got done=%t after %s, want true after 0s", lane, ok, took)
						}
						others++
					}
				}
				if waiting, running := b.finishingLoad(); waiting+running != 12 || others != 3 {
					t.Errorf("got %d waiting, %d running and %d other lanes, want 12 in all, and 3", waiting, running, others)
				}
			})
		})
	}
}
