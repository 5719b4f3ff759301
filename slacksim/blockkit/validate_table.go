package blockkit

import (
	"encoding/json"
	"slices"
	"strconv"
)

var (
	columnSetting = func(c *checker, at string, v any) {
		if v == nil { // a column without settings
			return
		}
		object(fields{"align": may(oneOf("left", "center", "right")), "is_wrapped": may(boolean)})(c, at, v)
	}
	cells = map[string]check{
		"raw_text":    object(fields{"text": need(chars(1, maxTableCharacters))}),
		"raw_number":  object(fields{"value": need(number), "text": need(chars(1, 255))}),
		"rich_text":   object(fields{"elements": need(items(0, 1000, anything)), "block_id": may(anything)}),
		"action_cell": object(fields{"element": need(element([]string{"button"})), "fallback": may(anything)}),
	}
	plainCells = []string{"raw_text", "raw_number", "rich_text"}
	dataCells  = append([]string{"action_cell"}, plainCells...)
	dataTable  = blockRule{check: allOf(block(fields{
		"caption": need(chars(1, 2000)), "rows": need(dataRows), "page_size": may(integer(1, 100)),
		"row_header_column_index": may(integer(0, 19)),
	}).check, tableCharacters, headerRow)}
)

// rows requires a table with rows of equal length, at most 20 cells each, of these kinds.
func rows(low, high int, kinds []string) check {
	return func(c *checker, at string, v any) {
		items(low, high, items(1, 20, cellOf(kinds)))(c, at, v)
		width := -1
		for i, r := range list(v) {
			if n := len(list(r)); width < 0 {
				width = n
			} else if n != width {
				c.fail(at+"/"+strconv.Itoa(i), "must have the same number of cells as the other rows")
			}
		}
	}
}

func cellOf(kinds []string) check {
	return func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		kind := str(m["type"])
		if !slices.Contains(kinds, kind) {
			c.fail(at+"/type", "unsupported type: %s", kind)
			return
		}
		cells[kind](c, at, v)
	}
}

// headerRow requires raw text in the first row of a data table, which names the columns.
func headerRow(c *checker, at string, v any) {
	m, _ := v.(map[string]any)
	all := list(m["rows"])
	if len(all) == 0 {
		return
	}
	for i, x := range list(all[0]) {
		if h, ok := x.(map[string]any); ok && str(h["type"]) != "raw_text" {
			c.fail(at+"/rows/0/"+strconv.Itoa(i)+"/type", "value must be one of the following: raw_text")
		}
	}
}

func tableCharacters(c *checker, at string, v any) {
	m, _ := v.(map[string]any)
	if (Blocks{m["rows"]}).Characters() > maxTableCharacters {
		c.fail(at+"/rows", "must be less than %d characters", maxTableCharacters+1)
	}
}

// chart checks a pie chart, or a chart of series over the categories of an axis.
func chart(c *checker, at string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must provide an object")
		return
	}
	label := chars(1, 20)
	switch kind := str(m["type"]); kind {
	case "pie":
		object(fields{"segments": need(chartParts(object(fields{"label": need(label), "value": need(positive)})))})(c, at, v)
	case "bar", "line", "area":
		point := object(fields{"label": need(label), "value": need(number)})
		object(fields{
			"series": need(chartParts(object(fields{"name": need(label), "data": need(items(1, 20, point))}))),
			"axis_config": need(
				object(fields{"categories": need(items(1, 20, label)), "x_label": may(chars(0, 50)), "y_label": may(chars(0, 50))}),
			),
		})(c, at, v)
		pointsFit(c, at, m)
	default:
		c.fail(at+"/type", "unsupported type: %s", kind)
	}
}

func positive(c *checker, at string, v any) {
	n, ok := v.(json.Number)
	if f, err := n.Float64(); !ok || err != nil || f <= 0 {
		c.fail(at, "must be greater than 0")
	}
}

// pointsFit requires that categories and series have unique names, and that every series has one point per category.
func pointsFit(c *checker, at string, m map[string]any) {
	axis, _ := m["axis_config"].(map[string]any)
	categories := map[string]bool{}
	for i, x := range list(axis["categories"]) {
		if categories[str(x)] {
			c.fail(at+"/axis_config/categories/"+strconv.Itoa(i), "must be unique")
		}
		categories[str(x)] = true
	}
	names := map[string]bool{}
	for i, x := range list(m["series"]) {
		s, _ := x.(map[string]any)
		here := at + "/series/" + strconv.Itoa(i)
		if names[str(s["name"])] {
			c.fail(here+"/name", "must be unique")
		}
		names[str(s["name"])] = true
		seen := map[string]bool{}
		for _, p := range list(s["data"]) {
			point, _ := p.(map[string]any)
			seen[str(point["label"])] = true
			if !categories[str(point["label"])] {
				c.fail(here+"/data", "label %q must match one of the categories", str(point["label"]))
			}
		}
		if len(seen) != len(categories) || len(list(s["data"])) != len(categories) {
			c.fail(here+"/data", "must have exactly one point for every category")
		}
	}
}
