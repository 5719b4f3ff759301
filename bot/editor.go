package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/commands"
	"licensebot/purchase"
)

// callbackEditor marks the modal in which a license is specified field by field.
const callbackEditor = "license_editor"

// The editor's blocks are named for the fields, so that a mistake is shown beside its field.
const (
	blockPrice = "price"
	inputOf    = "input" // the action id of every input
)

// editing is what the editor has to remember: Slack keeps it with the view and gives it back.
type editing struct {
	Order       purchase.OrderID `json:"order,omitempty"` // the proposal that is edited; empty: a new one
	Channel     string           `json:"channel"`
	ChannelName string           `json:"channel_name,omitempty"`
	ResponseURL string           `json:"response_url"`
	// Replace: the response URL belongs to the card's button, so that the new card takes the old one's place.
	Replace bool `json:"replace,omitempty"`
}

// choice is one word of a field with a few, and what people read for it.
type choice struct{ value, label string }

var (
	cpuChoices    = []choice{{"1", "1 core"}, {"2", "2 cores"}, {"3", "3 cores"}}
	yesNoChoices  = []choice{{"yes", "Yes"}, {"no", "No"}}
	uptimeChoices = []choice{{"short", "30 minutes idle"}, {"medium", "2 hours idle"}, {"day", "1 day idle"}, {"always_running", "Never stop"}}
	userChoices   = []choice{{"business", "Business"}, {"academic", "Academic (40 % less)"}}
	periodChoices = []choice{{"monthly", "Every month"}, {"yearly", "Every year"}, {"range", "Once, for a fixed term"}}
)

// editorView is the modal with every field, filled in with spec. price is a line in mrkdwn.
func editorView(spec purchase.Spec, reason string, remember editing, price string, loc *time.Location) slack.ModalViewRequest {
	metadata, _ := json.Marshal(remember) // a struct of strings: cannot fail
	var blocks []slack.Block
	add := func(b slack.Block) { blocks = append(blocks, b) }
	add(&slack.SectionBlock{Type: slack.MBTSection, BlockID: blockPrice, Text: mrkdwn(price)})
	add(numberInput("ram", "Memory for each project, GB", "1 to 16", spec.RAM, 1, 16))
	add(selectInput("cpu", "Processor for each project", cpuChoices, strconv.Itoa(spec.CPU)))
	add(numberInput("disk", "Disk for each project, GB", "1 to 20", spec.Disk, 1, 20))
	add(numberInput("run_limit", "Projects that run at the same time", "for a course, the number of students", spec.RunLimit, 1, 10_000))
	add(selectInput("period", "Paid", periodChoices, string(spec.Period)))
	add(dateInput("start", "First day of a fixed term", "empty: when it is bought", spec.Start, loc))
	add(dateInput("end", "Last day of a fixed term", "only for a fixed term", spec.End, loc))
	add(selectInput("user", "For", userChoices, string(spec.User)))
	add(selectInput("uptime", "Projects stop after", uptimeChoices, string(spec.Uptime)))
	add(selectInput("member", "Member hosting", yesNoChoices, yesNo(spec.Member)))
	add(selectInput("boost", "Boost of another license", yesNoChoices, yesNo(spec.Boost)))
	add(textInput("title", "Title", "", commands.OneLine(spec.Title), purchase.MaxTitle, false))
	add(textInput("description", "Description", "", spec.Description, purchase.MaxDescription, true))
	add(textInput("reason", "Reason", "kept in the ledger", reason, mostWrote, true))
	add(textInput("project", "Project id", "the license is put on this project", spec.ProjectID, 36, false))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackEditor, PrivateMetadata: string(metadata),
		Title: plain("CoCalc license"), Submit: plain("Show the card"), Close: plain("Close"),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// input wraps an element. Those that change the price tell the app of every change.
func input(id, label, hint string, element slack.BlockElement, optional, dispatch bool) *slack.InputBlock {
	b := slack.NewInputBlock(id, plain(label), nil, element)
	if hint != "" {
		b.Hint = plain(hint)
	}
	b.Optional, b.DispatchAction = optional, dispatch
	return b
}

func numberInput(id, label, hint string, value, low, high int) *slack.InputBlock {
	e := slack.NewNumberInputBlockElement(nil, inputOf, false)
	e.MinValue, e.MaxValue = strconv.Itoa(low), strconv.Itoa(high)
	if value >= low && value <= high {
		e.InitialValue = strconv.Itoa(value)
	}
	e.DispatchActionConfig = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_character_entered"}}
	return input(id, label, hint, e, false, true)
}

func selectInput(id, label string, choices []choice, value string) *slack.InputBlock {
	var options []*slack.OptionBlockObject
	var initial *slack.OptionBlockObject
	for _, c := range choices {
		o := slack.NewOptionBlockObject(c.value, plain(c.label), nil)
		options = append(options, o)
		if c.value == value {
			initial = o
		}
	}
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, inputOf, options...)
	e.InitialOption = initial
	return input(id, label, "", e, false, true)
}

func dateInput(id, label, hint string, value time.Time, loc *time.Location) *slack.InputBlock {
	e := slack.NewDatePickerBlockElement(inputOf)
	if !value.IsZero() {
		e.InitialDate = value.In(loc).Format("2006-01-02")
	}
	return input(id, label, hint, e, true, true)
}

func textInput(id, label, hint, value string, limit int, long bool) *slack.InputBlock {
	e := slack.NewPlainTextInputBlockElement(nil, inputOf)
	e.InitialValue, e.MaxLength, e.Multiline = cut(value, limit), limit, long
	return input(id, label, hint, e, true, false)
}

// formFields reads what stands in the form. A number that is none is a mistake beside its field; an empty one is
// not said, so that the field's own sentence tells what is missing.
func formFields(state *slack.ViewState) (commands.Fields, map[string]string) {
	var f commands.Fields
	wrong := map[string]string{}
	value := func(block string) (string, bool) {
		if state == nil {
			return "", false
		}
		a, ok := state.Values[block][inputOf]
		v := a.Value
		if a.SelectedOption.Value != "" {
			v = a.SelectedOption.Value
		}
		if a.SelectedDate != "" {
			v = a.SelectedDate
		}
		return strings.TrimSpace(v), ok
	}
	for block, to := range map[string]**int{"ram": &f.RAM, "cpu": &f.CPU, "disk": &f.Disk, "run_limit": &f.RunLimit} {
		if v, ok := value(block); ok {
			n, err := strconv.Atoi(v)
			if err != nil && v != "" {
				wrong[block] = "Please give a whole number."
				continue
			}
			*to = &n // 0 when it is empty: out of bounds, with a sentence that says the bounds
		}
	}
	for block, to := range map[string]**string{"period": &f.Period, "user": &f.User, "uptime": &f.Uptime,
		"title": &f.Title, "description": &f.Description, "reason": &f.Reason, "project": &f.Project} {
		if v, ok := value(block); ok {
			if block == "project" {
				v = strings.ToLower(v)
			}
			*to = &v
		}
	}
	for block, to := range map[string]**bool{"member": &f.Member, "boost": &f.Boost} {
		if v, ok := value(block); ok {
			yes := v == "yes"
			*to = &yes
		}
	}
	if f.Period != nil && *f.Period == "range" {
		for block, to := range map[string]**commands.Date{"start": &f.Start, "end": &f.End} {
			if v, ok := value(block); ok && v != "" {
				if d, ok := commands.ParseDate(v); ok {
					*to = &d
				} else {
					wrong[block] = "Please give a date."
				}
			}
		}
	} else {
		for _, block := range []string{"start", "end"} {
			if v, ok := value(block); ok && v != "" {
				wrong[block] = "Only a fixed term has a first and a last day: choose one under Paid, or clear this."
			}
		}
	}
	return f, wrong
}

// formErrors puts every mistake beside its field, and those of the order as a whole beside the first.
func formErrors(err error, wrong map[string]string) map[string]string {
	out := map[string]string{}
	var mistakes purchase.Mistakes
	var no *purchase.Refusal
	switch {
	case errors.As(err, &mistakes):
		for _, m := range mistakes {
			field := m.Field
			if _, twice := out[field]; !twice {
				out[field] = unmarked(m.Sentence)
			}
		}
	case errors.As(err, &no) && (no.Code == purchase.NoSuchProject || no.Code == purchase.ProjectUnread):
		out["project"] = unmarked(no.Sentence)
	case errors.As(err, &no):
		out["ram"] = unmarked(no.Sentence)
		if len(no.Channels) > 0 {
			out["ram"] += " I have sent you a message with the channels where you can ask."
		}
	case purchase.Unusable(err) != nil:
		out["ram"] = purchase.Unusable(err).Sentence
	case errors.Is(err, purchase.ErrFull):
		out["ram"] = diskFull
	case err != nil:
		out["ram"] = "Something went wrong inside me; nothing was bought. Please try again."
	}
	for field, sentence := range wrong {
		out[field] = sentence
	}
	return out
}

// priceLine is what the editor says on top: the price of what stands in the form, or what is wrong with it.
func priceLine(quote purchase.Quote, err error, wrong map[string]string) string {
	if len(wrong) > 0 {
		return ":point_down: Something below is not right yet."
	}
	var mistakes purchase.Mistakes
	if errors.As(err, &mistakes) {
		return ":point_down: " + escape(strings.Join(mistakes.Sentences(), " "))
	}
	if err != nil {
		return "The price cannot be computed right now. Nothing was bought."
	}
	text := fmt.Sprintf("*%s%s*", quote.Total, each(string(quote.Period)))
	if quote.RenewsAt > 0 {
		text += ", renewed until cancelled"
	}
	return text + "." + saving(quote.Saves) + " Nothing is bought in this form: the card comes next."
}
