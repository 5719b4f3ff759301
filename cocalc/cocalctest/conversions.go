package cocalctest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The server's price code is JavaScript without type checks, and the cart accepts any JSON. The price of an odd item
// therefore depends on JavaScript's conversions: "4" counts as 4, null as 0, "lots" as NaN. This file implements the
// conversions that the server needs, for the values that parseJSON returns.

// property returns v[name]: undefined if v does not have it.
func property(v any, name string) any {
	switch v := v.(type) {
	case object:
		return v.get(name)
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

// index returns v[i].
func index(v any, i int) any { return property(v, strconv.Itoa(i)) }

// toNumber is JavaScript's ToNumber. It never fails: the result for a value that is not a number is NaN.
func toNumber(v any) float64 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return v
	case string:
		return textToNumber(v)
	case []any, object:
		return textToNumber(toText(v))
	}
	return math.NaN()
}

// whitespace is what JavaScript trims from a string before it converts the string to a number.
const whitespace = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
	"\u2028\u2029\u202f\u205f\u3000\ufeff"

func textToNumber(s string) float64 {
	s = strings.Trim(s, whitespace)
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		if base, ok := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]; ok {
			return parseDigits(s[2:], base)
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

// parseDigits converts the digits of JavaScript's 0x, 0o and 0b literals; NaN for other characters.
func parseDigits(s string, base int) float64 {
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

// toText is JavaScript's ToString, whose result occurs in the server's errors ("unknown user undefined").
func toText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case undefined:
		return "undefined"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return numberText(v)
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			if e != nil { // null is empty inside an array
				parts[i] = toText(e)
			}
		}
		return strings.Join(parts, ",")
	}
	return "[object Object]"
}

// numberText formats a double like JavaScript: the shortest digits that parse to the same double, with an exponent
// from 1e21 and below 1e-6.
func numberText(f float64) string {
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
