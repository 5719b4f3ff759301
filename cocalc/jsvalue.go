package cocalc

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The server's price code is JavaScript without type checks, and the cart accepts any JSON. The price of an odd item
// therefore depends on JavaScript's conversions: "4" counts as 4, null as 0, "lots" as NaN. This file implements the
// conversions that the formula needs.

// undefined is the value of a field that a description does not have. JSON has no such value.
type undefined struct{}

// decodeJS decodes one JSON value like JSON.parse: of equal keys the last counts, and numbers that are too large for a
// double become infinite. The result consists of nil, bool, json.Number, string, []any and map[string]any.
func decodeJS(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// jsField returns property name of v, as v[name] does: undefined if v does not have it.
func jsField(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		if f, ok := v[name]; ok {
			return f
		}
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	case string:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 {
			if units := utf16.Encode([]rune(v)); i < len(units) {
				return string(utf16.Decode(units[i : i+1]))
			}
		}
	}
	return undefined{}
}

// jsNullish reports whether v is null or undefined.
func jsNullish(v any) bool {
	_, isUndefined := v.(undefined)
	return v == nil || isUndefined
}

// jsTruthy is JavaScript's ToBoolean.
func jsTruthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case json.Number:
		f := jsParseNumber(v)
		return f != 0 && f == f
	case string:
		return v != ""
	case []any, map[string]any:
		return true
	}
	return false
}

// jsNumber is JavaScript's ToNumber. It never fails: the result for anything that is not a number is NaN.
func jsNumber(v any) float64 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 1
		}
		return 0
	case json.Number:
		return jsParseNumber(v)
	case string:
		return jsStringToNumber(v)
	case []any, map[string]any:
		return jsStringToNumber(jsString(v))
	}
	return math.NaN()
}

func jsParseNumber(n json.Number) float64 {
	// On overflow, ParseFloat returns an error and the infinity that JavaScript has, too.
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// jsSpace is the whitespace that JavaScript trims from a string before it converts the string to a number.
const jsSpace = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
	"\u2028\u2029\u202f\u205f\u3000\ufeff"

func jsStringToNumber(s string) float64 {
	s = strings.Trim(s, jsSpace)
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		if base, ok := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]; ok {
			return jsDigits(s[2:], base)
		}
	}
	switch strings.TrimLeft(s, "+-") {
	case "Infinity":
		switch s {
		case "Infinity", "+Infinity":
			return math.Inf(1)
		case "-Infinity":
			return math.Inf(-1)
		}
		return math.NaN()
	}
	// Unlike JavaScript, Go's ParseFloat also accepts "inf", "nan", hexadecimal floats and digit separators.
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && !strings.ContainsRune("+-.eE", rune(c)) {
			return math.NaN()
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return math.NaN()
	}
	return f
}

// jsDigits converts the digits of JavaScript's 0x, 0o and 0b literals; NaN for other characters.
func jsDigits(s string, base int) float64 {
	f := 0.0
	for i := range len(s) {
		d, err := strconv.ParseUint(s[i:i+1], base, 8)
		if err != nil {
			return math.NaN()
		}
		f = f*float64(base) + float64(d)
	}
	return f
}

// jsString is JavaScript's ToString, which occurs in the server's errors ("unknown user undefined").
func jsString(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case undefined:
		return "undefined"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return jsNumberString(jsParseNumber(v))
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			if e != nil { // null is empty inside an array
				parts[i] = jsString(e)
			}
		}
		return strings.Join(parts, ",")
	}
	return "[object Object]"
}

// jsNumberString formats a double like JavaScript: the shortest digits that parse to the same double, with an exponent
// from 1e21 and below 1e-6.
func jsNumberString(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0" // also for -0
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	sign, digits := exponent[:1], strings.TrimLeft(exponent[1:], "0")
	return mantissa + "e" + sign + digits
}

// toFixed2 is parseFloat(x.toFixed(2)): the double nearest to x rounded to two decimals. JavaScript rounds the exact
// value of the double, with ties away from zero. strconv also rounds the exact value, but ties to even, so ties are
// handled separately. A double is exactly halfway between two cents only if it is an odd number of eighths.
func toFixed2(x float64) float64 {
	const integersBelow = 1 << 50 // beyond, doubles have no eighths
	if math.IsNaN(x) || math.Abs(x) >= 1e21 {
		return x
	}
	if eighths := x * 8; math.Abs(x) < integersBelow && eighths == math.Trunc(eighths) && math.Mod(eighths, 2) != 0 {
		sign := math.Copysign(1, x)
		dollars, part := math.Modf(math.Abs(x))
		cents := math.Floor(part*100) + 1 // .125 → 13, .375 → 38, .625 → 63, .875 → 88
		f, _ := strconv.ParseFloat(strconv.FormatInt(int64(dollars), 10)+"."+strconv.FormatInt(int64(cents), 10), 64)
		return sign * f
	}
	f, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 2, 64), 64)
	return f
}

// round2up is the server's rounding up to whole cents, including its quirks: it rounds to the nearest cent, and if that
// is less than x, it adds a cent to x and rounds again.
func round2up(x float64) float64 {
	if near := toFixed2(x); near >= x {
		return near
	}
	return toFixed2(x + 0.01)
}
