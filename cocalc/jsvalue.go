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

// The server's price code is JavaScript without checks of types, and the cart accepts any JSON. What an odd item costs
// therefore depends on JavaScript's conversions: "4" is priced as 4, null as 0, "lots" as NaN. This file ports the few
// conversions that the formula meets.

// undefined is the value of a field that a description does not have. It is no JSON value, so it needs one of its own.
type undefined struct{}

// decodeJS reads one JSON value the way JSON.parse does: the last of several equal keys wins, numbers too large for a
// double become infinite. The result is built of nil, bool, json.Number, string, []any and map[string]any.
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

// jsField reads property name of v, like v[name] does: undefined for what is not there.
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

// jsNullish says whether v is null or undefined.
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

// jsNumber is JavaScript's ToNumber. It never fails: what is no number is NaN.
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
	// ParseFloat answers an overflow with an infinity and an error; the infinity is what JavaScript has.
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// jsSpace holds what JavaScript trims from a string before it reads it as a number.
const jsSpace = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

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
	// Go's ParseFloat also takes "inf", "nan", hexadecimal floats and digit separators, JavaScript does not.
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

// jsDigits reads an integer without a sign, as JavaScript's 0x, 0o and 0b literals have it.
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

// jsString is JavaScript's ToString, which shows in the server's error texts ("unknown user undefined").
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

// jsNumberString prints a double as JavaScript does: the shortest digits that read back as the same double, with an
// exponent from 1e21 on and below 1e-6.
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
// value of the double and takes ties away from zero; strconv rounds the exact value too, but takes ties to even, so
// the ties need a way of their own. A double is exactly halfway between two cents only when it is an odd number of
// eighths.
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

// round2up is the server's own rounding up to whole cents, quirks included: it rounds to the nearest cent, and where
// that is less than x it adds a cent to x and rounds again.
func round2up(x float64) float64 {
	if near := toFixed2(x); near >= x {
		return near
	}
	return toFixed2(x + 0.01)
}
