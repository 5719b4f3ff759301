package bot

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/commands"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// callbackEditor marks the modal in which a license is specified field by field.
const callbackEditor = "license_editor"

// The editor's blocks are named for the fields, so that a mistake is shown beside its field.
const (
	blockPrice = "price"
	inputOf    = "input" // the action id of every input
)

// editState is what the editor has to remember: Slack keeps it with the view and gives it back.
type editState struct {
	Order       purchase.OrderID `json:"order,omitempty"` // the proposal that is edited; empty: a new one
	Channel     string           `json:"channel"`
	ChannelName string           `json:"channel_name,omitempty"`
	ResponseURL string           `json:"response_url"`
	// Replace: the response URL belongs to the card's button, so that the new card takes the old one's place.
	Replace bool `json:"replace,omitempty"`
}

// choice is a value of a select field, with its label.
type choice struct{ value, label string }

var (
	yesNoChoices  = []choice{{"yes", "Yes"}, {"no", "No"}}
	uptimeChoices = []choice{
		{"short", "30 minutes"},
		{"medium", "2 hours"},
		{"day", "1 day"},
		{"always_running", "Never"},
	}
	userChoices   = []choice{{"business", "Business"}, {"academic", "Academic (40% off)"}}
	periodChoices = []choice{
		{"monthly", "Monthly, renews"},
		{"yearly", "Yearly, renews"},
		{"range", "Fixed term, doesn't renew"},
	}
)

// labels name the fields in the form and in its messages.
var labels = map[string]string{
	"ram": "Memory per project", "cpu": "Cores per project", "disk": "Disk per project",
	"run_limit": "Projects running at once",
	"period":    "Billing", "start": "First day", "end": "Last day", "user": "For", "uptime": "Stop when idle after",
	"member": "Member hosting", "boost": "Boost", "title": "Title", "description": "Description", "reason": "Reason",
	"project": "Project",
}

// formFacts is what the editor shows beside its fields.
type formFacts struct {
	offer   orders.Offer
	preview orders.Preview
	err     error             // of the preview
	wrong   map[string]string // fields that could not be read
	loc     *time.Location
}

// editorView is the modal with every field that applies, filled in from spec. Its first block shows the price and the
// limits that the order would pass. Its title shows the price too, since the title stays visible.
func editorView(spec purchase.Spec, reason, metadata string, f formFacts) slack.ModalViewRequest {
	most := f.offer.Largest
	if len(f.offer.Periods) > 0 && !slices.Contains(f.offer.Periods, spec.Period) {
		spec.Period = f.offer.Periods[0]
	}
	blocks := []slack.Block{
		&slack.SectionBlock{Type: slack.MBTSection, BlockID: blockPrice, Text: mrkdwn(priceWords(spec, f))},
		numberInput("ram", fmt.Sprintf("GB, 1–%d. 2 or more recommended.", most.RAM), spec.RAM, most.RAM),
		selectInput("cpu", coreChoices(most.CPU), strconv.Itoa(spec.CPU)),
		numberInput("disk", fmt.Sprintf("GB, 1–%d.", most.Disk), spec.Disk, most.Disk),
		numberInput("run_limit", fmt.Sprintf("1–%s. For a course, the number of students.", groupDigits(most.RunLimit)),
			spec.RunLimit, most.RunLimit),
		selectInput("period", allowedChoices(periodChoices, f.offer.Periods), string(spec.Period)),
	}
	if spec.Period == "range" { // licenses that renew have no term
		last := ""
		if most.Days > 0 {
			last = fmt.Sprintf("Up to %s.", plural(most.Days, "day"))
		}
		blocks = append(blocks, dateInput("start", "Leave empty to start when you buy.", spec.Start, f.loc, true),
			dateInput("end", last, spec.End, f.loc, false))
	}
	why := textInput("reason", "Reason", "", reason, maxShownText, true)
	if f.preview.NeedsApproval {
		why = textInput("reason", "Reason", "Approvers see this.", reason, maxShownText, true)
		why.Optional = false
	}
	blocks = append(blocks,
		selectInput("user", userChoices, string(spec.User)),
		selectInput("uptime", uptimeChoices, string(spec.Uptime)),
		selectInput("member", yesNoChoices, yesNo(spec.Member)),
		selectInput("boost", yesNoChoices, yesNo(spec.Boost)),
		textInput("title", "Title", "", commands.OneLine(spec.Title), purchase.MaxTitle, false),
		textInput("description", "Description", "", spec.Description, purchase.MaxDescription, true),
		why,
		textInput("project", "Project", "The project's id. The license is added to it when you buy.", spec.ProjectID,
			36, false),
	)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackEditor, PrivateMetadata: metadata,
		Title: plain(editorTitle(f)), Submit: plain("Review order"), Close: plain("Cancel"),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// limitTitle is how many characters Slack shows in the title of a modal.
const limitTitle = 24

// editorTitle returns the price as a title, which stays visible while the form scrolls.
func editorTitle(f formFacts) string {
	if f.err != nil || len(f.wrong) > 0 {
		return "CoCalc license"
	}
	price := f.preview.Quote.Total.String() +
		map[string]string{"monthly": "/month", "yearly": "/year"}[string(f.preview.Quote.Period)]
	if title := "License: " + price; len(title) <= limitTitle {
		return title
	}
	return cut(price, limitTitle)
}

// priceWords returns the editor's first lines: the price, whether the order needs approval, and which limit it would
// pass; or what has to be filled in first.
func priceWords(spec purchase.Spec, f formFacts) string {
	if len(f.wrong) > 0 {
		return ":warning: " + fixFields
	}
	var mistakes purchase.Mistakes
	if errors.As(f.err, &mistakes) {
		var missing, empty []string
		for _, m := range []struct {
			is          bool
			field, what string
		}{
			{spec.RAM == 0, "ram", "memory"},
			{spec.CPU == 0, "cpu", "cores"},
			{spec.Period == "range" && spec.End.IsZero(), "end", "a last day"},
		} {
			if m.is {
				missing, empty = append(missing, m.what), append(empty, m.field)
			}
		}
		var lines []string
		for _, m := range mistakes {
			if !slices.Contains(empty, m.Field) {
				lines = append(lines, ":warning: "+escape(withLabels(m.Sentence)))
			}
		}
		if len(missing) > 0 {
			lines = append(lines, "Choose "+joinAnd(missing)+" to see the price.")
		}
		return strings.Join(lines, "\n")
	}
	if f.err != nil {
		return ":warning: I can't work out the price right now. Please try again in a minute."
	}
	p := f.preview
	lines := []string{fmt.Sprintf("*%s%s* · %s", p.Quote.Total, perPeriod(string(p.Quote.Period)),
		renewal(spec, p.Quote.RenewsAt)+saving(p.Quote.Saves))}
	switch {
	case p.Refusal != nil:
		lines = append(lines, ":warning: "+RefusalWords(p.Refusal, Reader{Zone: f.loc, Place: MarkedForm}))
	case p.NeedsApproval:
		line := ":raised_hand: Needs approval before it's bought."
		if p.Sum.Passed() {
			line += " " + daySumWords(p.Sum)
		}
		lines = append(lines, line)
	}
	if p.Limited && p.Refusal == nil {
		lines = append(lines, fmt.Sprintf("%s of this month's budget is left.", p.Left))
	}
	return strings.Join(append(lines, "You'll review the order before you pay."), "\n")
}

const fixFields = "Please fix the highlighted fields."

// joinAnd joins words to a list: "a, b and c".
func joinAnd(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// typedField matches a field as sentences for people who type name it: `ram`, `member=yes`.
var typedField = regexp.MustCompile("`([a-z_]+)(?:=([^`]*))?`")

// withLabels replaces the typed names of fields in a sentence by their labels.
func withLabels(sentence string) string {
	return typedField.ReplaceAllStringFunc(sentence, func(typed string) string {
		parts := typedField.FindStringSubmatch(typed)
		label, ok := labels[parts[1]]
		switch {
		case !ok:
			return typed
		case parts[2] == "":
			return label
		}
		for _, c := range slices.Concat(yesNoChoices, uptimeChoices, userChoices, periodChoices) {
			if c.value == parts[2] {
				return "“" + label + ": " + c.label + "”"
			}
		}
		return "“" + label + ": " + parts[2] + "”"
	})
}

// groupDigits prints a number in groups: 10,000.
func groupDigits(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", groupDigits(n/1000), n%1000)
}

func coreChoices(most int) (choices []choice) {
	for n := 1; n <= most; n++ {
		choices = append(choices, choice{strconv.Itoa(n), plural(n, "core")})
	}
	return choices
}

// allowedChoices returns the choices that the settings allow.
func allowedChoices(choices []choice, periods []orders.Period) (may []choice) {
	for _, c := range choices {
		if slices.Contains(periods, orders.Period(c.value)) {
			may = append(may, c)
		}
	}
	return may
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

func numberInput(id, hint string, value, high int) *slack.InputBlock {
	e := slack.NewNumberInputBlockElement(nil, inputOf, false)
	e.MinValue, e.MaxValue = "1", strconv.Itoa(high)
	if value >= 1 && value <= high {
		e.InitialValue = strconv.Itoa(value)
	}
	e.DispatchActionConfig = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_character_entered"}}
	return input(id, labels[id], hint, e, false, true)
}

func selectInput(id string, choices []choice, value string) *slack.InputBlock {
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
	return input(id, labels[id], "", e, false, true)
}

func dateInput(id, hint string, value time.Time, loc *time.Location, optional bool) *slack.InputBlock {
	e := slack.NewDatePickerBlockElement(inputOf)
	if !value.IsZero() {
		e.InitialDate = value.In(loc).Format("2006-01-02")
	}
	return input(id, labels[id], hint, e, optional, true)
}

func textInput(id, label, hint, value string, limit int, long bool) *slack.InputBlock {
	e := slack.NewPlainTextInputBlockElement(nil, inputOf)
	e.InitialValue, e.MaxLength, e.Multiline = cut(value, limit), limit, long
	return input(id, label, hint, e, true, false)
}

// formValue returns the value of a field of the form, and whether the form shows the field.
func formValue(state *slack.ViewState, field string) (value string, shown bool) {
	if state == nil {
		return "", false
	}
	a, shown := state.Values[field][inputOf]
	switch {
	case a.SelectedDate != "":
		value = a.SelectedDate
	case a.SelectedOption.Value != "":
		value = a.SelectedOption.Value
	default:
		value = a.Value
	}
	return strings.TrimSpace(value), shown
}

// formFields reads the values of the form, and returns the mistakes beside their fields. An empty number counts as
// missing, for which the field has a sentence.
func formFields(state *slack.ViewState) (f commands.Fields, wrong map[string]string) {
	wrong = map[string]string{}
	for field, to := range map[string]**int{"ram": &f.RAM, "cpu": &f.CPU, "disk": &f.Disk, "run_limit": &f.RunLimit} {
		if v, ok := formValue(state, field); ok {
			n, err := strconv.Atoi(v)
			if err != nil && v != "" {
				wrong[field] = "Enter a whole number."
				continue
			}
			*to = &n // 0 when it is empty: out of bounds, with a sentence that says the bounds
		}
	}
	for field, to := range map[string]**string{
		"period": &f.Period, "user": &f.User, "uptime": &f.Uptime,
		"title": &f.Title, "description": &f.Description, "reason": &f.Reason, "project": &f.Project,
	} {
		if v, ok := formValue(state, field); ok {
			if field == "project" {
				v = strings.ToLower(v)
			}
			*to = &v
		}
	}
	for field, to := range map[string]**bool{"member": &f.Member, "boost": &f.Boost} {
		if v, ok := formValue(state, field); ok {
			yes := v == "yes"
			*to = &yes
		}
	}
	readTerm(state, &f, wrong)
	return f, wrong
}
