package page

import (
	"fmt"
	"math"
	"strings"

	"github.com/slack-go/slack"
)

// chart is a data_visualization block as shapes on a canvas of chartWidth × chartHeight pixels. Colors are CSS classes
// (tone-0 to tone-5), so that they follow the reader's color scheme.
type chart struct {
	Kind    string
	Summary string // text for screen readers in place of the shapes
	Shapes  []shape
	Legend  []legend
	XLabel  string
	YLabel  string
}

type shape struct {
	Kind       string // path, rect, circle, line, text
	Class      string
	D          string
	X, Y, W, H string
	Text       string // of a text, or the tooltip of another shape
	Anchor     string
}

type legend struct {
	Class, Name, Value string
}

const (
	chartWidth, chartHeight = 560, 240
	plotLeft, plotRight     = 48, 548
	plotTop, plotBottom     = 12, 208
)

func tone(i int) string { return fmt.Sprintf("tone-%d", i%6) }

func px(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }

func chartOf(b *slack.DataVisualizationBlock) *chart {
	switch c := b.Chart.(type) {
	case *slack.DataVisualizationPieChart:
		return pie(c.Segments)
	case *slack.DataVisualizationBarChart:
		return axes("bar", c.Series, c.AxisConfig)
	case *slack.DataVisualizationLineChart:
		return axes("line", c.Series, c.AxisConfig)
	case *slack.DataVisualizationAreaChart:
		return axes("area", c.Series, c.AxisConfig)
	}
	return &chart{Kind: "unknown"}
}

func pie(segments []slack.DataVisualizationSegment) *chart {
	out := &chart{Kind: "pie"}
	var total float64
	for _, s := range segments {
		total += max(s.Value, 0)
	}
	const cx, cy, r = 120, 120, 104
	at := func(share float64) (x, y float64) {
		angle := 2*math.Pi*share - math.Pi/2
		return cx + r*math.Cos(angle), cy + r*math.Sin(angle)
	}
	var summary []string
	sum := 0.0
	for i, s := range segments {
		share := 0.0
		if total > 0 {
			share = max(s.Value, 0) / total
		}
		percent := fmt.Sprintf("%.0f %%", share*100)
		label := s.Label + ": " + number(s.Value) + " (" + percent + ")"
		summary = append(summary, label)
		out.Legend = append(out.Legend, legend{Class: tone(i), Name: s.Label, Value: number(s.Value) + " · " + percent})
		if share >= 1 { // an arc with equal ends is not drawn
			out.Shapes = append(out.Shapes, shape{Kind: "circle", Class: tone(i), X: px(cx), Y: px(cy), W: px(r), Text: label})
		} else if share > 0 {
			x1, y1 := at(sum)
			x2, y2 := at(sum + share)
			large := 0
			if share > 0.5 {
				large = 1
			}
			out.Shapes = append(out.Shapes, shape{
				Kind: "path", Class: "slice " + tone(i), Text: label,
				D: fmt.Sprintf("M%d %dL%s %sA%d %d 0 %d 1 %s %sZ", cx, cy, px(x1), px(y1), r, r, large, px(x2), px(y2)),
			})
		}
		sum += share
	}
	out.Summary = strings.Join(summary, ", ")
	return out
}

// ticks returns three to seven round numbers, from one that is at most low to one that is at least high.
func ticks(low, high float64) []float64 {
	low, high = min(low, 0), max(high, 0)
	if high-low <= 0 || math.IsInf(high-low, 0) || math.IsNaN(high-low) {
		high = low + 1
	}
	rough := (high - low) / 4
	step := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if m*step >= rough {
			step *= m
			break
		}
	}
	var out []float64
	first := math.Floor(low/step + 1e-9)
	for n := first; ; n++ {
		out = append(out, n*step)
		if n*step >= high-step*1e-9 || len(out) > 12 {
			return out
		}
	}
}

func axes(kind string, series []slack.DataVisualizationDataSeries, config slack.DataVisualizationAxisConfig) *chart {
	out := &chart{Kind: kind, XLabel: config.XLabel, YLabel: config.YLabel}
	low, high := 0.0, 0.0
	for _, s := range series {
		for _, p := range s.Data {
			low, high = min(low, p.Value), max(high, p.Value)
		}
	}
	marks := ticks(low, high)
	bottom, top := marks[0], marks[len(marks)-1]
	y := func(v float64) float64 { return plotBottom - (v-bottom)/(top-bottom)*(plotBottom-plotTop) }
	for _, m := range marks {
		out.Shapes = append(out.Shapes,
			shape{Kind: "line", Class: "grid", X: px(plotLeft), Y: px(y(m)), W: px(plotRight), H: px(y(m))},
			shape{Kind: "text", Class: "tick", X: px(plotLeft - 6), Y: px(y(m) + 4), Anchor: "end", Text: shortNumber(m)})
	}
	categories := config.Categories
	slot := float64(plotRight-plotLeft) / float64(max(len(categories), 1))
	index := map[string]int{}
	every := max(1, (len(categories)+9)/10) // leaves out labels that would overlap
	for i, c := range categories {
		index[c] = i
		if i%every == 0 {
			out.Shapes = append(out.Shapes, shape{
				Kind: "text", Class: "tick", X: px(plotLeft + (float64(i)+0.5)*slot), Y: px(plotBottom + 18),
				Anchor: "middle", Text: short(c, int(slot*float64(every)/6.5)),
			})
		}
	}
	var summary []string
	for i, s := range series {
		out.Legend = append(out.Legend, legend{Class: tone(i), Name: s.Name})
		var line []string
		var values []string
		var points []shape
		for _, p := range s.Data {
			n, ok := index[p.Label]
			if !ok {
				continue
			}
			values = append(values, p.Label+" "+number(p.Value))
			label := s.Name + ", " + p.Label + ": " + number(p.Value)
			x := plotLeft + (float64(n)+0.5)*slot
			if kind == "bar" {
				wide := min(slot*0.7/float64(len(series)), 48)
				from, to := y(max(p.Value, 0)), y(min(p.Value, 0))
				points = append(points, shape{
					Kind: "rect", Class: tone(i), Text: label, W: px(wide - 1), H: px(max(to-from, 0.5)),
					X: px(x + (float64(i)-float64(len(series))/2)*wide), Y: px(from),
				})
				continue
			}
			line = append(line, px(x)+" "+px(y(p.Value)))
			points = append(points, shape{
				Kind: "circle", Class: "point " + tone(i), X: px(x), Y: px(y(p.Value)), W: "3.5", Text: label,
			})
		}
		if len(line) > 0 {
			if kind == "area" {
				first, _, _ := strings.Cut(line[0], " ")
				last, _, _ := strings.Cut(line[len(line)-1], " ")
				out.Shapes = append(out.Shapes, shape{
					Kind: "path", Class: "area " + tone(i),
					D: "M" + first + " " + px(y(0)) + "L" + strings.Join(line, "L") + "L" + last + " " + px(y(0)) + "Z",
				})
			}
			out.Shapes = append(out.Shapes, shape{Kind: "path", Class: "stroke " + tone(i), D: "M" + strings.Join(line, "L")})
		}
		out.Shapes = append(out.Shapes, points...)
		summary = append(summary, s.Name+": "+strings.Join(values, ", "))
	}
	out.Summary = strings.Join(summary, "; ")
	return out
}

func short(s string, n int) string {
	r := []rune(s)
	if len(r) <= max(n, 3) {
		return s
	}
	return string(r[:max(n, 3)-1]) + "…"
}

func shortNumber(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6:
		return number(math.Round(v/1e4)/100) + "M"
	case a >= 1e4:
		return number(math.Round(v/10)/100) + "k"
	}
	return number(math.Round(v*1000) / 1000)
}
