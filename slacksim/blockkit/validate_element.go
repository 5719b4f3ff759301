package blockkit

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

var (
	selects = []string{
		"static_select", "external_select", "users_select", "conversations_select", "channels_select",
	}
	multiSelects = []string{
		"multi_static_select", "multi_external_select", "multi_users_select", "multi_conversations_select",
		"multi_channels_select",
	}
	images  = []string{"image"}
	pickers = []string{"datepicker", "timepicker", "checkboxes", "radio_buttons"}
	pressed = []string{"button", "overflow", "workflow_button"}
	typed   = []string{
		"plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input", "datetimepicker",
		"file_input",
	}
	inInput  = slices.Concat(selects, multiSelects, pickers, typed)
	inAction = slices.Concat(selects, multiSelects, pickers, pressed, []string{"datetimepicker", "rich_text_input"})
	// inActions and inSection are the elements that the two blocks accept.
	inActions = inAction
	inSection = slices.Concat(selects, multiSelects, pickers, pressed, images)
)

// element requires one of these elements, valid by its own rules.
func element(allowed []string) check {
	return union(func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		kind := str(m["type"])
		rule, known := elementRules[kind]
		switch {
		case kind == "":
			c.fail(at, "missing required field: type")
		case !known || !slices.Contains(allowed, kind), kind == "file_input" && c.surface != "modal":
			c.fail(at+"/type", "unsupported type: %s", kind)
		default:
			rule(c, at, v)
		}
	})
}

var (
	confirm = allOf(confirmHasTitle, object(fields{
		"title": confirmTitle, "text": need(anyText(300)), "confirm": may(plain(30)), "deny": may(plain(30)),
		"style": may(oneOf("primary", "danger")),
	}))
	optionFields = fields{
		"text": need(anyText(75)), "value": need(optionValue), "description": may(anyText(75)),
	}
	option = object(optionFields)
	// Menus accept plain text only, and overflow menus also a URL.
	menuOption = object(fields{
		"text": need(plain(75)), "value": need(optionValue), "description": may(plain(75)),
	})
	overflowOption = object(fields{
		"text": need(plain(75)), "value": may(optionValue), "description": may(plain(75)), "url": may(chars(1, 3000)),
	})
	optionGroup    = object(fields{"label": need(plain(75)), "options": need(items(1, 100, menuOption))})
	placeholder    = may(plain(150))
	dispatchConfig = object(
		fields{"trigger_actions_on": may(items(1, 2, oneOf("on_enter_pressed", "on_character_entered")))},
	)
	userFilter = allOf(object(fields{
		"include":                          may(items(1, 4, oneOf("im", "mpim", "private", "public"))),
		"exclude_external_shared_channels": may(boolean), "exclude_bot_users": may(boolean),
	}), func(c *checker, at string, v any) {
		if m, ok := v.(map[string]any); ok && len(m) == 0 {
			c.fail(at, "must have at least one of include, exclude_external_shared_channels, exclude_bot_users")
		}
	})
	isURL = matching("a valid URL", func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "") && len(s) <= 3000
	})
	isDate = matching(
		"a date in the format YYYY-MM-DD", func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	)
	isTime = matching(
		"a time in the format HH:mm", func(s string) bool { _, err := time.Parse("15:04", s); return err == nil },
	)
	isNumber = matching(
		"a number in a string", func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil },
	)
)

// el is the rule for an element with an action_id and these fields.
func el(f fields) check {
	f["action_id"] = may(chars(0, 255))
	return object(f)
}

func menu(f fields) check {
	f["placeholder"], f["confirm"], f["focus_on_load"] = placeholder, may(confirm), may(boolean)
	return el(f)
}

func multi(f fields) check {
	f["max_selected_items"] = may(integer(1, 1000))
	return menu(f)
}

func input(f fields) check {
	f["placeholder"], f["focus_on_load"], f["dispatch_action_config"] = placeholder, may(boolean), may(dispatchConfig)
	return el(f)
}

// choices requires options or option groups, and initial options that are among them.
func choices(inner check) check {
	return allOf(inner, func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if m["options"] == nil && m["option_groups"] == nil {
			c.fail(at, "missing required field: options")
		}
		if m["options"] != nil && m["option_groups"] != nil {
			c.fail(at, "cannot provide both options and option_groups")
		}
		initialIsOption(c, at, m)
	})
}

func initialIsOption(c *checker, at string, m map[string]any) {
	all := options(m["options"], "")
	for _, g := range list(m["option_groups"]) {
		if g, ok := g.(map[string]any); ok {
			all = append(all, options(g["options"], "")...)
		}
	}
	chosen := list(m["initial_options"])
	if m["initial_option"] != nil {
		chosen = append(chosen, m["initial_option"])
	}
	for _, x := range chosen {
		o, _ := x.(map[string]any)
		same := func(other Option) bool { return other.Value == str(o["value"]) && other.Text == text(o["text"]) }
		if !slices.ContainsFunc(all, same) {
			name := "initial_option"
			if m["initial_options"] != nil {
				name = "initial_options"
			}
			c.fail(at+"/"+name, "initial option must exactly match one of the options")
		}
	}
}

var elementRules = map[string]check{
	"image": allOf(object(imageFields(fields{})), imageSource),
	"button": el(fields{
		"text": need(plain(75)), "url": may(allOf(isURL, chars(0, 3000))), "value": may(chars(0, 2000)),
		"style": may(oneOf("primary", "danger")), "confirm": may(confirm), "accessibility_label": may(chars(0, 75)),
	}),
	"workflow_button": el(fields{
		"text": need(plain(75)), "workflow": need(anything), "style": may(oneOf("primary", "danger")),
		"accessibility_label": may(chars(0, 75)),
	}),
	"overflow": el(fields{"options": need(items(1, 5, overflowOption)), "confirm": may(confirm)}),
	"static_select": choices(menu(fields{
		"options": may(items(1, 100, menuOption)), "option_groups": may(items(1, 100, optionGroup)),
		"initial_option": may(menuOption),
	})),
	"multi_static_select": choices(multi(fields{
		"options": may(items(1, 100, menuOption)), "option_groups": may(items(1, 100, optionGroup)),
		"initial_options": may(items(1, 100, menuOption)),
	})),
	"external_select": menu(fields{"initial_option": may(menuOption), "min_query_length": may(integer(0, 1000))}),
	"multi_external_select": multi(fields{
		"initial_options": may(items(1, 100, menuOption)), "min_query_length": may(integer(0, 1000)),
	}),
	"users_select":       menu(fields{"initial_user": may(chars(1, 255))}),
	"multi_users_select": multi(fields{"initial_users": may(items(1, 1000, chars(1, 255)))}),
	"conversations_select": menu(fields{
		"initial_conversation": may(chars(1, 255)), "default_to_current_conversation": may(boolean),
		"response_url_enabled": may(boolean), "filter": may(userFilter),
	}),
	"multi_conversations_select": multi(fields{
		"initial_conversations": may(items(1, 1000, chars(1, 255))), "default_to_current_conversation": may(boolean),
		"filter": may(userFilter),
	}),
	"channels_select":       menu(fields{"initial_channel": may(chars(1, 255)), "response_url_enabled": may(boolean)}),
	"multi_channels_select": multi(fields{"initial_channels": may(items(1, 1000, chars(1, 255)))}),
	"checkboxes": choices(el(fields{
		"options": need(items(1, 10, option)), "initial_options": may(items(1, 10, option)), "confirm": may(confirm),
		"focus_on_load": may(boolean),
	})),
	"radio_buttons": choices(el(fields{
		"options": need(items(1, 10, option)), "initial_option": may(option), "confirm": may(confirm),
		"focus_on_load": may(boolean),
	})),
	"datepicker": menu(fields{"initial_date": may(isDate)}),
	"timepicker": menu(fields{"initial_time": may(isTime), "timezone": may(chars(1, 255))}),
	"datetimepicker": el(fields{
		"initial_date_time": may(integer(1_000_000_000, 9_999_999_999)), "confirm": may(confirm),
		"focus_on_load": may(boolean),
	}),
	"plain_text_input": allOf(input(fields{
		"initial_value": may(chars(0, 3000)), "multiline": may(boolean), "min_length": may(integer(0, 3000)),
		"max_length": may(integer(1, 3000)),
	}), lengthsFit),
	"number_input": allOf(input(fields{
		"is_decimal_allowed": need(boolean), "initial_value": may(isNumber), "min_value": may(isNumber),
		"max_value": may(isNumber),
	}), numbersFit),
	"email_text_input": input(fields{"initial_value": may(chars(0, 3000))}),
	"url_text_input":   input(fields{"initial_value": may(chars(0, 3000))}),
	"rich_text_input": input(
		fields{"initial_value": may(anything), "min_lines": may(integer(1, 100)), "max_lines": may(integer(1, 100))},
	),
	"file_input":       el(fields{"filetypes": may(items(1, 100, chars(1, 255))), "max_files": may(integer(1, 10))}),
	"feedback_buttons": el(fields{"positive_button": need(feedbackButton), "negative_button": need(feedbackButton)}),
	"icon_button": el(fields{
		"icon": need(chars(1, 255)), "text": need(plain(75)), "value": may(chars(0, 2000)), "confirm": may(confirm),
		"accessibility_label": may(chars(0, 75)), "visible_to_user_ids": may(items(1, 1000, chars(1, 255))),
	}),
}

func lengthsFit(c *checker, at string, v any) {
	m, _ := v.(map[string]any)
	if low, high := whole(m["min_length"]), whole(m["max_length"]); high > 0 && low > high {
		c.fail(at+"/min_length", "must be less than or equal to max_length")
	}
}

func numbersFit(c *checker, at string, v any) {
	m, _ := v.(map[string]any)
	low, err1 := strconv.ParseFloat(str(m["min_value"]), 64)
	high, err2 := strconv.ParseFloat(str(m["max_value"]), 64)
	if err1 == nil && err2 == nil && low > high {
		c.fail(at+"/min_value", "must be less than or equal to max_value")
	}
	value, err := strconv.ParseFloat(str(m["initial_value"]), 64)
	if err != nil {
		return
	}
	if err1 == nil && value < low || err2 == nil && value > high {
		c.fail(at+"/initial_value", "must be between min_value and max_value")
	}
}

// imageFields adds the fields of an image, which are the same for blocks and elements.
func imageFields(f fields) fields {
	f["image_url"] = may(isURL)
	f["slack_file"] = may(slackFile)
	f["alt_text"] = need(chars(1, 2000))
	return f
}

// slackFile requires a file's id or its URL, and not both.
var slackFile = allOf(object(
	fields{"id": may(chars(1, 255)), "url": may(chars(1, 3000))},
), func(c *checker, at string, v any) {
	if m, ok := v.(map[string]any); ok && (m["id"] == nil) == (m["url"] == nil) {
		c.fail(at, "must provide exactly one of id and url")
	}
})

var feedbackButton = object(
	fields{"text": need(plain(75)), "value": need(chars(1, 2000)), "accessibility_label": may(chars(0, 75))},
)

func imageSource(c *checker, at string, v any) {
	if m, ok := v.(map[string]any); ok && m["image_url"] == nil && m["slack_file"] == nil {
		c.fail(at, "missing required field: image_url")
	}
}

func contextElement(c *checker, at string, v any) {
	if m, ok := v.(map[string]any); ok && str(m["type"]) == "image" {
		elementRules["image"](c, at, v)
		return
	}
	anyText(3000)(c, at, v)
}
