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
			t.Errorf("got %d waiting and %d running, want 0 and 2", waiting, running)
		}
		for i := range 3 {
			if !p.try(hold) {
				t.Errorf("task %d: got no room in the queue, want it", i)
			}
		}
		if p.try(hold) {
			t.Error("got room for a sixth task, want none")
		}
		if waiting, running := p.load(); waiting != 3 || running != 2 {
			t.Errorf("got %d waiting and %d running, want 3 and 2", waiting, running)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p.wait(soon, hold) {
			t.Error("got room, want none in time")
		}
		waiting := make(chan bool)
		go func() { waiting <- p.wait(context.Background(), func() { done++ }) }()
		synctest.Wait()
		close(release)
		if !<-waiting {
			t.Error("got no room, want it after a wait")
		}
		if !p.drain(context.Background()) || done != 1 {
			t.Errorf("got %d tasks done after drain, want 1", done)
		}
		if waiting, running := p.load(); waiting+running != 0 {
			t.Errorf("got %d waiting and %d running, want none", waiting, running)
		}
		if p.try(hold) || p.wait(context.Background(), hold) {
			t.Error("got room in a closed pool, want none")
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
			t.Error("got true from drain while a task ran, want false")
		}
		close(release)
		if !p.drain(context.Background()) {
			t.Error("got false from drain, want true")
		}
	})
}
