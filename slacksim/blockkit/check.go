package blockkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is an error in blocks, in Slack's words.
type Problem struct {
	Message string
	Pointer string // JSON pointer to the place, such as /blocks/0/text
}

// String returns the problem as Slack's answers have it: the message, and the pointer in brackets.
func (p Problem) String() string {
	if p.Pointer == "" {
		return p.Message
	}
	return p.Message + " [json-pointer:" + p.Pointer + "]"
}

// checker applies checks to decoded JSON, and collects the problems that they find.
type checker struct {
	rules    Rules
	surface  string // message, modal or home
	inner    check  // for a block inside of another one
	problems []Problem
}

// check is a rule for a value and its JSON pointer.
type check func(c *checker, at string, v any)

// field is the rule for a field of an object.
type field struct {
	check    check
	required bool
}

type fields map[string]field

func need(ch check) field { return field{ch, true} }
func may(ch check) field  { return field{ch, false} }

func (c *checker) fail(at, format string, args ...any) {
	c.problems = append(c.problems, Problem{Message: fmt.Sprintf(format, args...), Pointer: at})
}

// object requires an object with these fields and no others. "type" is always allowed, since it has chosen the rule.
func object(f fields) check {
	names := slices.Sorted(maps.Keys(f))
	return func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if _, known := f[name]; !known && name != "type" {
				c.fail(at, "invalid additional property: %s", name)
			}
		}
		for _, name := range names {
			value, given := m[name]
			switch {
			case given:
				f[name].check(c, at+"/"+name, value)
			case f[name].required:
				c.fail(at, "missing required field: %s", name)
			}
		}
	}
}

// union marks a place at which several kinds of object are possible. For these, Slack's first error is that none of
// them matches; the reason follows.
func union(inner check) check {
	return func(c *checker, at string, v any) {
		before := len(c.problems)
		inner(c, at, v)
		if len(c.problems) > before {
			c.problems = slices.Insert(c.problems, before, Problem{"failed to match all allowed schemas", at})
		}
	}
}

// allOf requires several rules of the same value.
func allOf(rules ...check) check {
	return func(c *checker, at string, v any) {
		for _, r := range rules {
			r(c, at, v)
		}
	}
}

// chars requires a string of low to high characters. Slack counts characters, not bytes.
func chars(low, high int) check {
	return func(c *checker, at string, v any) {
		s, ok := v.(string)
		n := utf8.RuneCountInString(s)
		switch {
		case !ok:
			c.fail(at, "must provide a string")
		case n < low:
			c.fail(at, "must be more than %d characters", low-1)
		case n > high:
			c.fail(at, "must be less than %d characters", high+1)
		}
	}
}

func boolean(c *checker, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.fail(at, "must provide a boolean")
	}
}

// integer requires a whole number from low to high.
func integer(low, high int64) check {
	return func(c *checker, at string, v any) {
		n, ok := v.(json.Number)
		i, err := n.Int64()
		switch {
		case !ok || err != nil:
			c.fail(at, "must provide an integer")
		case i < low:
			c.fail(at, "must be greater than or equal to %d", low)
		case i > high:
			c.fail(at, "must be less than or equal to %d", high)
		}
	}
}

func number(c *checker, at string, v any) {
	if _, ok := v.(json.Number); !ok {
		c.fail(at, "must provide a number")
	}
}

func oneOf(allowed ...string) check {
	return func(c *checker, at string, v any) {
		if s, ok := v.(string); !ok || !slices.Contains(allowed, s) {
			c.fail(at, "value must be one of the following: %s", strings.Join(allowed, ", "))
		}
	}
}

// items requires an array of low to high items, and the rule of each item.
func items(low, high int, each check) check {
	return func(c *checker, at string, v any) {
		l, ok := v.([]any)
		switch {
		case !ok:
			c.fail(at, "must provide an array")
			return
		case len(l) < low:
			c.fail(at, "no less than %d items required", low)
		case len(l) > high:
			c.fail(at, "no more than %d items allowed", high)
		}
		for i, x := range l {
			each(c, at+"/"+strconv.Itoa(i), x)
		}
	}
}

// matching requires a string for which parses returns true; what names it in the error.
func matching(what string, parses func(string) bool) check {
	return func(c *checker, at string, v any) {
		if s, ok := v.(string); !ok || !parses(s) {
			c.fail(at, "must provide %s", what)
		}
	}
}

// textObject requires a text object of one of these kinds with 1 to high characters.
func textObject(high int, kinds ...string) check {
	byKind := map[string]check{
		"plain_text": object(fields{"text": need(chars(1, high)), "emoji": may(boolean)}),
		// Only plain_text has the property emoji.
		"mrkdwn": object(fields{"text": need(chars(1, high)), "verbatim": may(boolean)}),
	}
	return union(func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		kind := str(m["type"])
		if !slices.Contains(kinds, kind) {
			c.fail(at+"/type", "value must be one of the following: %s", strings.Join(kinds, ", "))
			return
		}
		byKind[kind](c, at, v)
	})
}

func plain(high int) check   { return textObject(high, "plain_text") }
func anyText(high int) check { return textObject(high, "plain_text", "mrkdwn") }
