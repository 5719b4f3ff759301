package socket

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

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
