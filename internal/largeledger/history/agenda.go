package history

import (
	"container/heap"
	"time"
)

// task is something that happens at a time. Tasks of the same time happen in the order in which they were added.
type task struct {
	at     time.Time
	number int
	do     func() error
}

// agenda holds what will happen, as a heap.
type agenda struct {
	tasks []task
	added int
}

// add plans what happens at a time.
func (a *agenda) add(at time.Time, do func() error) {
	a.added++
	heap.Push(a, task{at, a.added, do})
}

// next takes the earliest task, if it happens at until or before.
func (a *agenda) next(until time.Time) (task, bool) {
	if len(a.tasks) == 0 || a.tasks[0].at.After(until) {
		return task{}, false
	}
	return heap.Pop(a).(task), true
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (a *agenda) Len() int { return len(a.tasks) }

// Less orders tasks by time.
func (a *agenda) Less(i, j int) bool {
	x, y := a.tasks[i], a.tasks[j]
	return x.at.Before(y.at) || x.at.Equal(y.at) && x.number < y.number
}

// Swap exchanges two tasks.
func (a *agenda) Swap(i, j int) { a.tasks[i], a.tasks[j] = a.tasks[j], a.tasks[i] }

// Push adds a task at the end.
func (a *agenda) Push(x any) { a.tasks = append(a.tasks, x.(task)) }

// Pop removes the last task.
func (a *agenda) Pop() any {
	last := a.tasks[len(a.tasks)-1]
	a.tasks[len(a.tasks)-1] = task{}
	a.tasks = a.tasks[:len(a.tasks)-1]
	return last
}
