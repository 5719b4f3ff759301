package page

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

func TestTicks_RoundNumbers(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []float64
	}{
		{0, 240, []float64{0, 100, 200, 300}},
		{0, 4, []float64{0, 1, 2, 3, 4}},
		{0, 0, []float64{0, 0.25, 0.5, 0.75, 1}},
		{-30, 60, []float64{-50, -25, 0, 25, 50, 75}},
		{12, 9, []float64{0, 2.5, 5, 7.5, 10}},
	} {
		if got := ticks(c.low, c.high); !slices.Equal(got, c.want) {
			t.Errorf("ticks(%v, %v): got %v, want %v", c.low, c.high, got, c.want)
		}
	}
	for _, v := range []float64{math.SmallestNonzeroFloat64, 1e-300, 1e300, math.MaxFloat64, math.Inf(1), math.NaN()} {
		if got := ticks(-v, v); len(got) < 2 || len(got) > 13 {
			t.Errorf("ticks for ±%v: got %v, want 2 to 13", v, got)
		}
	}
}

// TestChart_StaysOnCanvas draws charts of odd values.
func TestChart_StaysOnCanvas(t *testing.T) {
	point := slack.NewDataVisualizationDataPoint
	axis := slack.NewDataVisualizationAxisConfig("a", "b", "c")
	for name, c := range map[string]slack.DataVisualizationChart{
		"nothing": slack.NewDataVisualizationPieChart(),
		"zeros": slack.NewDataVisualizationPieChart(
			slack.NewDataVisualizationSegment("x", 0), slack.NewDataVisualizationSegment("y", 0),
		),
		"negative": slack.NewDataVisualizationBarChart(
			axis, slack.NewDataVisualizationDataSeries("s", point("a", -5), point("b", 3), point("elsewhere", 9)),
		),
		"no series": slack.NewDataVisualizationLineChart(axis),
		"huge": slack.NewDataVisualizationAreaChart(
			axis, slack.NewDataVisualizationDataSeries("s", point("a", 1e300), point("c", 1)),
		),
		"one point, no axis": slack.NewDataVisualizationLineChart(
			slack.NewDataVisualizationAxisConfig(), slack.NewDataVisualizationDataSeries("s", point("a", 1)),
		),
	} {
		out := chartOf(slack.NewDataVisualizationBlock("t", c))
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "Inf") {
			t.Errorf("%s: got %s, want no NaN or Inf", name, text)
		}
	}
}
