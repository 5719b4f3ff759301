package page

import (
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/slack-go/slack"

	"licensebot/slacksim/blockkit"
)

// blockRenderer renders the blocks of one message or view for one person.
type blockRenderer struct {
	id     string // of the message or view
	reader string // the person's user id
	names  Names
	inputs map[string]map[string][]string // values of fields in place of their initial values
	errors map[string]string              // errors of fields by block_id
	// conversations returns the options of a users_select, channels_select or conversations_select.
	conversations func(kind string) []conversation
}

// conversation is a person or channel in a menu.
type conversation struct{ Value, Text, Group string }

// block is a Block Kit block, prepared for its template.
type block struct {
	Kind      string
	ID        string
	Level     int // of a header, 1 to 4
	Text      template.HTML
	Title     template.HTML
	Subtitle  template.HTML
	Fields    []template.HTML
	Items     []item
	Controls  []control
	Accessory *control
	Picture   *picture
	Table     *table
	Chart     *chart
	Optional  bool
}

// item is a text or image of a context block.
type item struct {
	Text    template.HTML
	Picture *picture
}

// picture is an image. The page shows its text and a link, since it loads nothing from other hosts.
type picture struct{ Alt, URL string }

// blocks prepares a JSON array of blocks for the templates. In place of a block that slack-go or this page doesn't
// know, the page shows a note.
func (s *blockRenderer) blocks(raw json.RawMessage) []block {
	var each []json.RawMessage
	if json.Unmarshal(raw, &each) != nil {
		return nil
	}
	out := make([]block, 0, len(each))
	for i, one := range each {
		alone := json.RawMessage(append(append([]byte("["), one...), ']'))
		var decoded slack.Blocks
		if err := json.Unmarshal(alone, &decoded); err != nil || len(decoded.BlockSet) != 1 {
			note := plainText("This page can't show this block.", false)
			out = append(out, block{Kind: "unknown", ID: domID(s.id, fmt.Sprint(i)), Text: note})
			continue
		}
		var controls []control
		for _, e := range blockkit.Elements(alone) {
			if s.mayUse(e) {
				controls = append(controls, s.control(e))
			}
		}
		b := s.block(decoded.BlockSet[0], controls)
		if b.Kind == "section" && len(controls) == 1 {
			b.Accessory = &controls[0]
		}
		if b.ID == "" {
			b.ID = fmt.Sprint(i)
		}
		b.ID = domID(s.id, b.ID)
		out = append(out, b)
	}
	return out
}

// mayUse reports whether the reader sees the element: visible_to_user_ids can exclude people.
func (s *blockRenderer) mayUse(e blockkit.Element) bool {
	only, ok := e.Raw["visible_to_user_ids"].([]any)
	if !ok || len(only) == 0 {
		return true
	}
	for _, id := range only {
		if id == s.reader {
			return true
		}
	}
	return false
}

func (s *blockRenderer) block(in slack.Block, controls []control) block {
	out := block{Kind: string(in.BlockType()), ID: in.ID(), Controls: controls}
	switch b := in.(type) {
	case *slack.SectionBlock:
		s.section(&out, b)
	case *slack.HeaderBlock:
		out.Text, out.Level = s.text(b.Text), b.Level
	case *slack.ContextBlock:
		out.Items = s.contextItems(b)
	case *slack.DividerBlock, *slack.ActionBlock:
	case *slack.ContextActionsBlock:
		out.Kind = "actions"
	case *slack.InputBlock:
		out.Text, out.Optional = s.text(b.Label), b.Optional
		if len(out.Controls) == 1 {
			out.Controls[0].Hint = s.text(b.Hint)
		}
	case *slack.ImageBlock:
		out.Title, out.Picture = s.text(b.Title), pictureOf(b.AltText, &b.ImageURL)
	case *slack.VideoBlock:
		out.Kind, out.Title, out.Picture = "image", s.text(b.Title), pictureOf(b.AltText, &b.VideoURL)
	case *slack.MarkdownBlock:
		out.Text = markdown(b.Text)
	case *slack.RichTextBlock:
		out.Text = richText(b.Elements, s.names)
	case *slack.AlertBlock:
		out.Text, out.Kind = s.text(b.Text), "alert "+string(b.Level)
	case *slack.TableBlock:
		out.Table = s.table(b)
	case *slack.DataTableBlock:
		out.Table = s.dataTable(b, controls)
	case *slack.DataVisualizationBlock:
		out.Title, out.Chart = plainText(b.Title, false), chartOf(b)
	case *slack.CardBlock:
		s.card(&out, b)
	default:
		out.Text = plainText("This page can't show a block of type "+out.Kind+".", false)
		out.Kind = "unknown"
	}
	return out
}

func (s *blockRenderer) section(out *block, b *slack.SectionBlock) {
	out.Text = s.text(b.Text)
	for _, f := range b.Fields {
		out.Fields = append(out.Fields, s.text(f))
	}
	if b.Accessory != nil && b.Accessory.ImageElement != nil {
		out.Picture = pictureOf(b.Accessory.ImageElement.AltText, b.Accessory.ImageElement.ImageURL)
	}
}

func (s *blockRenderer) contextItems(b *slack.ContextBlock) []item {
	var items []item
	for _, e := range b.ContextElements.Elements {
		switch e := e.(type) {
		case *slack.TextBlockObject:
			items = append(items, item{Text: s.text(e)})
		case slack.TextBlockObject:
			items = append(items, item{Text: s.text(&e)})
		case *slack.ImageBlockElement:
			items = append(items, item{Picture: pictureOf(e.AltText, e.ImageURL)})
		}
	}
	return items
}

func (s *blockRenderer) card(out *block, b *slack.CardBlock) {
	out.Title, out.Subtitle, out.Text = s.text(b.Title), s.text(b.Subtitle), s.text(b.Body)
	if b.Subtext != nil {
		out.Items = []item{{Text: s.text(b.Subtext)}}
	}
	if b.HeroImage != nil {
		out.Picture = pictureOf(b.HeroImage.AltText, b.HeroImage.ImageURL)
	}
}

func (s *blockRenderer) text(t *slack.TextBlockObject) template.HTML {
	if t == nil {
		return ""
	}
	if t.Type == slack.MarkdownType {
		return Mrkdwn(t.Text, s.names)
	}
	return plainText(t.Text, t.Emoji == nil || *t.Emoji)
}

func pictureOf(alt string, url *string) *picture {
	p := &picture{Alt: alt}
	if url != nil && linkable(*url) {
		p.URL = *url
	}
	return p
}
