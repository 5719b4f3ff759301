package simulation

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"licensebot/purchase"
)

// Trace has a line for each thing that happened, with the simulated time since the program first started.
type Trace struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

// Log adds a line.
func (s *Trace) Log(format string, args ...any) { s.logAt(time.Now(), format, args...) }

func (s *Trace) logAt(at time.Time, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ⏎ ")
	s.lines = append(s.lines, clock(at.Sub(s.start))+" "+text)
}

// clock prints "00:03:12.040".
func clock(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	return fmt.Sprintf("%s%02d:%02d:%02d.%03d", sign, int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60,
		d.Milliseconds()%1000)
}

// String returns the whole trace.
func (s *Trace) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// short names an order in the trace: "…7K2Q".
func short(id purchase.OrderID) string {
	if len(id) < 4 {
		return string(id)
	}
	return "…" + string(id[len(id)-4:])
}

func dollars(cents int64) string { return purchase.Cents(cents).String() }

// times describes how a delivery came, if it was not once and at once: " (delivered twice, 40 s late)".
func times(deliveries []time.Duration) string {
	var words []string
	switch n := len(deliveries); {
	case n == 2:
		words = append(words, "delivered twice")
	case n > 2:
		words = append(words, fmt.Sprintf("delivered %d times", n))
	}
	for _, d := range deliveries {
		if d >= time.Second {
			words = append(words, fmt.Sprintf("%s late", d.Round(time.Second)))
		}
	}
	if words == nil {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}
