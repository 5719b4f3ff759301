package socket

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// BenchmarkClient_Burst sends 500 commands at once and measures, from the sending of each, when its
// ack arrives: for a bare slack-go loop that does nothing but acknowledge, and for our dispatcher with one and with
// two sockets, whose handler answers each with a message. ns/op is a whole burst.
func BenchmarkClient_Burst(b *testing.B) {
	b.Run("bare-slack-go", func(b *testing.B) {
		s := newSlackServer(b)
		readLoop(b, s)
		s.waitForSockets(1)
		sendBursts(b, s)
	})
	for _, sockets := range []int{1, 2} {
		b.Run(fmt.Sprintf("dispatcher-%d", sockets), func(b *testing.B) {
			s, log := newSlackServer(b), &logBuffer{}
			cfg := fastConfig(s, greetingHandler{newFakeHandler()}, log)
			cfg.Sockets = sockets
			start(b, cfg)
			s.waitForSockets(sockets)
			sendBursts(b, s)
		})
	}
}

// readLoop runs slack-go's client as its examples do, with an ack for everything.
func readLoop(b *testing.B, s *slackServer) {
	client := socketmode.New(s.api(&logBuffer{}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = client.RunContext(ctx) })
	running.Go(func() {
		for {
			select {
			case ev := <-client.Events:
				if ev.Type == socketmode.EventTypeSlashCommand {
					if err := client.Ack(*ev.Request, answerText("hello")); err != nil {
						b.Error(err)
					}
				}
			case <-ctx.Done():
				return
			}
		}
	})
	b.Cleanup(func() { cancel(); running.Wait() })
}

// greetingHandler answers every command with the same words, and remembers nothing.
type greetingHandler struct{ *fakeHandler }

func (greetingHandler) Command(context.Context, slack.SlashCommand) Reply {
	return Reply{Payload: answerText("hello")}
}

// sendBursts sends a burst per iteration and reports the acks' times over all of them.
func sendBursts(b *testing.B, s *slackServer) {
	const burst = 500
	frames := make([]string, burst)
	ids := make([]string, burst)
	sent := make([]time.Time, burst)
	var times []time.Duration
	round := 0
	for b.Loop() {
		b.StopTimer()
		round++
		for i := range burst {
			ids[i] = fmt.Sprintf("%d-%d", round, i)
			frames[i] = commandFrame(ids[i], "list")
		}
		s.mu.Lock()
		conns := s.usable()
		s.mu.Unlock()
		b.StartTimer()
		for i, frame := range frames {
			sent[i] = time.Now()
			conns[i%len(conns)].send(frame)
		}
		s.wait("all acks", func() bool { return len(s.acks) == burst })
		b.StopTimer()
		s.mu.Lock()
		for i, id := range ids {
			if len(s.acks[id]) != 1 || s.acks[id][0].payload == "" {
				b.Errorf("acks of %s: got %+v, want one success", id, s.acks[id])
				continue
			}
			times = append(times, s.acks[id][0].at.Sub(sent[i]))
		}
		clear(s.acks)
		s.mu.Unlock()
		b.StartTimer()
	}
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(0.50), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
}
