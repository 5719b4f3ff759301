package storage

import (
	"bytes"
	"strconv"
)

// members iterates over the members of a JSON object that was written by encoding/json from a struct. It finds where
// each value ends without decoding it, several times faster than a decoder: a check of the whole ledger needs a few
// short members of every record. Anything that could mean something else to encoding/json than to this scanner sets
// isOdd, and the caller decodes the record with encoding/json: spaces, names with capital letters (which encoding/json
// matches without their case), escapes in a value that is read, numbers that are no plain integers. Values that are not
// read are not checked.
type members struct {
	rest    []byte // begins with the first member, or with the comma or brace after the last that was returned
	isWhole bool   // the object ends with a brace
	began   bool
	isOdd   bool
}

// membersOf returns the members of a JSON object; or of a part of one that begins with its first member and ends after
// a whole one.
func membersOf(data []byte) members {
	rest, isWhole := bytes.CutPrefix(data, []byte{'{'})
	return members{rest: rest, isWhole: isWhole}
}

// next returns the next member; name is empty at the end, and if the object is odd.
func (m *members) next() (name, value []byte) {
	switch {
	case m.isOdd:
		return nil, nil
	case m.isWhole && len(m.rest) == 1 && m.rest[0] == '}' || !m.isWhole && len(m.rest) == 0:
		return nil, nil
	case m.began && len(m.rest) > 0 && m.rest[0] == ',':
		m.rest = m.rest[1:]
	case m.began:
		return m.odd()
	}
	m.began = true
	n := nameSize(m.rest)
	if n == 0 || n+1 >= len(m.rest) || m.rest[n] != ':' {
		return m.odd()
	}
	name, m.rest = m.rest[1:n-1], m.rest[n+1:]
	if n = valueSize(m.rest); n == 0 {
		return m.odd()
	}
	value, m.rest = m.rest[:n], m.rest[n:]
	return name, value
}

func (m *members) odd() (name, value []byte) {
	m.isOdd = true
	return nil, nil
}

// text returns the content of a string value.
func (m *members) text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		m.isOdd = true
		return nil
	}
	value = value[1 : len(value)-1]
	for _, c := range value {
		if c < ' ' || c == '\\' || c > '~' {
			m.isOdd = true
		}
	}
	return value
}

// integer returns an integer value.
func (m *members) integer(value []byte) int64 {
	digits := bytes.TrimPrefix(value, []byte{'-'})
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(value) > 1 {
		m.isOdd = true
	}
	return n
}

// count returns an integer value that is not negative.
func (m *members) count(value []byte) uint64 {
	n := m.integer(value)
	if n < 0 {
		m.isOdd = true
	}
	return uint64(n)
}

// truth returns a boolean value.
func (m *members) truth(value []byte) bool {
	is := string(value) == "true"
	if !is && string(value) != "false" {
		m.isOdd = true
	}
	return is
}

// object returns the members of a value that is an object.
func (m *members) object(value []byte) members {
	if len(value) < 2 || value[0] != '{' {
		m.isOdd = true
	}
	return membersOf(value)
}

// isTime reports whether a value is a time after the year 1, so not the zero time.
func (m *members) isTime(value []byte) bool {
	text := m.text(value)
	if len(text) < len("2006-01-02T15:04:05Z") || string(text[:4]) <= "0001" || text[4] != '-' {
		m.isOdd = true
	}
	return true
}

// nameSize returns the size of the usual name with which data begins, with its quotes; 0 if it begins with none.
func nameSize(data []byte) int {
	if len(data) < 3 || data[0] != '"' || data[1] == '"' {
		return 0
	}
	for i, c := range data[1:] {
		switch {
		case c == '"':
			return i + 2
		case (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_':
			return 0
		}
	}
	return 0
}

// textSize returns the size of the string with which data begins, with its quotes; 0 if it begins with none.
func textSize(data []byte) int {
	if len(data) == 0 || data[0] != '"' {
		return 0
	}
	for i := 1; ; {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return 0
		}
		i += n
		escapes := 0
		for data[i-1-escapes] == '\\' {
			escapes++
		}
		if i++; escapes%2 == 0 {
			return i
		}
	}
}

// valueSize returns the size of the value with which data begins; 0 if it begins with none.
func valueSize(data []byte) int {
	if len(data) == 0 {
		return 0
	}
	switch data[0] {
	case '"':
		return textSize(data)
	case '{', '[':
		return nestedSize(data)
	}
	for i, c := range data {
		if c == ',' || c == '}' || c == ']' {
			return i
		}
	}
	return len(data)
}

// nestedSize returns the size of the object or array with which data begins; 0 if it does not end.
func nestedSize(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			n := textSize(data[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
