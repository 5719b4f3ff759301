package socket

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPool_Try_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, 3)
		release := make(chan struct{})
		done := 0
		hold := func() { <-release }
		for range 2 {
			p.try(hold)
		}
		synctest.Wait()
		if waiting, running := p.load(); waiting != 0 || running != 2 {
			t.Errorf("%d wait and %d run", waiting, running)
		}
		for i := range 3 {
			if !p.try(hold) {
				t.Errorf("task %d found no room in the queue", i)
			}
		}
		if p.try(hold) {
			t.Error("a sixth task found room")
		}
		if waiting, running := p.load(); waiting != 3 || running != 2 {
			t.Errorf("%d wait and %d run", waiting, running)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p.wait(soon, hold) {
			t.Error("put found room")
		}
		waiting := make(chan bool)
		go func() { waiting <- p.wait(context.Background(), func() { done++ }) }()
		synctest.Wait()
		close(release)
		if !<-waiting {
			t.Error("put did not wait for room")
		}
		if !p.drain(context.Background()) || done != 1 {
			t.Errorf("drained with %d of 1 done", done)
		}
		if waiting, running := p.load(); waiting+running != 0 {
			t.Errorf("when all is done, %d wait and %d run", waiting, running)
		}
		if p.try(hold) || p.wait(context.Background(), hold) {
			t.Error("a closed pool takes tasks")
		}
		p.close() // again
	})
}

func TestPool_Drain_ContextDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1)
		release := make(chan struct{})
		p.try(func() { <-release })
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p.drain(soon) {
			t.Error("drained while a task ran")
		}
		close(release)
		if !p.drain(context.Background()) {
			t.Error("not drained")
		}
	})
}
