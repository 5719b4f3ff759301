package cocalctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"sort"
	"strconv"
	"time"
)

// JSON objects keep their order here, because the order of keys shows which values went through a jsonb column of the
// database. A value is nil, bool, float64, string, []any or object; answers may also hold the Go types that appendJSON
// names.

type member struct {
	name  string
	value any
}

// object is a JSON object whose members keep their order.
type object []member

// undefined is the value of a missing member; it is left out when an object is written.
type undefined struct{}

// get returns a member; undefined if it is missing.
func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return undefined{}
}

// with returns a copy of the object in which the member has the value, in its place or at the end.
func (o object) with(name string, value any) object {
	c := append(object(nil), o...)
	for i := range c {
		if c[i].name == name {
			c[i].value = value
			return c
		}
	}
	return append(c, member{name, value})
}

// nullish reports whether v is null or undefined.
func nullish(v any) bool {
	_, isUndefined := v.(undefined)
	return v == nil || isUndefined
}

// truthy is JavaScript's ToBoolean.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0 && v == v
	case string:
		return v != ""
	case []any, object:
		return true
	}
	return false
}

// parseJSON parses one JSON value as JavaScript does: the last of several equal keys wins, and numbers that are too
// large for a double are infinite.
func parseJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err == nil {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func parseValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		f, _ := strconv.ParseFloat(string(token), 64) // infinite if it is too large, as in JavaScript
		return f, nil
	case json.Delim:
		if token == '[' {
			list := []any{}
			for dec.More() {
				v, err := parseValue(dec)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := dec.Token()
			return list, err
		}
		o := object{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			o = o.with(name.(string), v)
		}
		_, err := dec.Token()
		return o, err
	}
	return token, nil
}

// toJSON writes a value as JSON.stringify does.
func toJSON(v any) []byte { return appendJSON(nil, v) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil, undefined:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(b, "null"...)
		}
		return append(b, numberText(v)...)
	case float32:
		return append(b, numberText(fromReal(v))...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return appendString(b, v)
	case time.Time:
		if v.IsZero() {
			return append(b, "null"...)
		}
		return appendString(b, isoText(v))
	case json.RawMessage:
		return append(b, v...)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case object:
		b = append(b, '{')
		first := true
		for _, m := range v {
			if _, gone := m.value.(undefined); gone {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendString(b, m.name), ':')
			b = appendJSON(b, m.value)
		}
		return append(b, '}')
	}
	panic("cocalctest: no JSON for this type")
}

// appendString quotes a string as JavaScript does: package encoding/json escapes more.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// jsonb returns a value as a jsonb column returns it: shorter keys first, then in byte order, and without members that
// are undefined.
func jsonb(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = jsonb(e)
		}
		return list
	case object:
		sorted := object{}
		for _, m := range v {
			if _, gone := m.value.(undefined); !gone {
				sorted = append(sorted, member{m.name, jsonb(m.value)})
			}
		}
		sort.SliceStable(sorted, func(i, j int) bool {
			a, b := sorted[i].name, sorted[j].name
			if len(a) != len(b) {
				return len(a) < len(b)
			}
			return a < b
		})
		return sorted
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return isoText(v)
	case float64:
		if math.IsInf(v, 0) || v != v {
			return nil
		}
	}
	return v
}

// isoText is Date.prototype.toISOString: UTC with milliseconds.
func isoText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
