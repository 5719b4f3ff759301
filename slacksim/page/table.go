package page

import (
	"html/template"
	"strconv"

	"github.com/slack-go/slack"
)

// table is a table or data_table block.
type table struct {
	Caption  string
	Header   []cell
	Rows     [][]cell
	PageSize int // rows shown at once; 0 means all
}

// Pages returns the number of pages for all rows.
func (t *table) Pages() int {
	if t.PageSize <= 0 || len(t.Rows) == 0 {
		return 1
	}
	return (len(t.Rows) + t.PageSize - 1) / t.PageSize
}

type cell struct {
	Text    template.HTML
	Align   string // "", center or right
	Heads   bool   // is the header of its row
	Control *control
}

func (s *blockRenderer) table(b *slack.TableBlock) *table {
	t := &table{}
	for i, row := range b.Rows {
		cells := make([]cell, 0, len(row))
		for j, in := range row {
			var c cell
			switch in := in.(type) {
			case *slack.TableRawTextCell:
				c.Text = plainText(in.Text, true)
			case *slack.TableRawNumberCell:
				c = numberCell(in.Value, in.Text)
			case *slack.TableRichTextCell:
				c.Text = richText(in.Elements, s.names)
			}
			if j < len(b.ColumnSettings) {
				switch a := b.ColumnSettings[j].Align; a {
				case slack.ColumnAlignmentCenter, slack.ColumnAlignmentRight:
					c.Align = string(a)
				case slack.ColumnAlignmentLeft:
					c.Align = ""
				}
			}
			cells = append(cells, c)
		}
		if i == 0 {
			t.Header = cells
		} else {
			t.Rows = append(t.Rows, cells)
		}
	}
	return t
}

// dataTable prepares a data_table. controls are its buttons, in reading order.
func (s *blockRenderer) dataTable(b *slack.DataTableBlock, controls []control) *table {
	t := &table{Caption: b.Caption, PageSize: b.PageSize}
	if t.PageSize == 0 {
		t.PageSize = 5 // Slack's default
	}
	for i, row := range b.Rows {
		cells := make([]cell, 0, len(row))
		for j, in := range row {
			var c cell
			switch in := in.(type) {
			case *slack.DataTableRawTextCell:
				c.Text = plainText(in.Text, true)
			case *slack.DataTableRawNumberCell:
				c = numberCell(in.Value, in.Text)
			case *slack.DataTableRichTextCell:
				c.Text = richText(in.Elements, s.names)
			case *slack.DataTableActionCell:
				if in.Element != nil && len(controls) > 0 && controls[0].ActionID == in.Element.ActionID {
					c.Control = &controls[0]
					controls = controls[1:]
				}
			}
			c.Heads = i > 0 && j == b.RowHeaderColumnIndex
			cells = append(cells, c)
		}
		if i == 0 {
			t.Header = cells
		} else {
			t.Rows = append(t.Rows, cells)
		}
	}
	// The header of a column is aligned as its cells are.
	for j := range t.Header {
		if len(t.Rows) > 0 && j < len(t.Rows[0]) {
			t.Header[j].Align = t.Rows[0][j].Align
		}
	}
	return t
}

func numberCell(value float64, text string) cell {
	if text == "" {
		text = number(value)
	}
	return cell{Text: plainText(text, false), Align: "right"}
}

// number formats a value with as few digits as possible.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
