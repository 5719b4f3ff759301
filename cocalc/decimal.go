package cocalc

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// decimalPrecision is how many significant digits decimal.js-light keeps of a product, at its default settings.
const decimalPrecision = 20

// decimalSyntax is what decimal.js-light reads, after an optional minus sign.
var decimalSyntax = regexp.MustCompile(`^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$`)

// decimal is digits × 10^exponent.
type decimal struct {
	digits   *big.Int
	exponent int
}

// newDecimal reads a value as decimal.js-light's constructor does. It takes finite numbers and strings of digits; its errors
// have that library's words.
func newDecimal(v any) (decimal, error) {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		return newDecimal(jsParseNumber(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return decimal{}, notDecimal(jsNumberString(v))
		}
		text = strconv.FormatFloat(v, 'e', -1, 64)
	default:
		return decimal{}, notDecimal(jsString(v))
	}
	unsigned, negative := strings.CutPrefix(text, "-")
	if !decimalSyntax.MatchString(unsigned) {
		return decimal{}, notDecimal(unsigned)
	}
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(unsigned), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent := 0
	if exponentText != "" {
		// The library's own bound lies beyond 10^15; long before, a price is no amount of money any more.
		n, err := strconv.Atoi(exponentText)
		if err != nil || n > 1_000_000 || n < -1_000_000 {
			return decimal{}, serverWords("[DecimalError] Exponent out of range: " + exponentText)
		}
		exponent = n
	}
	digits, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return decimal{}, notDecimal(unsigned)
	}
	if negative {
		digits.Neg(digits)
	}
	return decimal{digits: digits, exponent: exponent - len(fraction)}, nil
}

func notDecimal(text string) error { return serverWords("[DecimalError] Invalid argument: " + text) }

// mul multiplies and keeps the first 20 significant digits. It cuts the others off, whatever they are: the library has a
// rounding mode (half up by default) and does not use it for products.
func (d decimal) mul(other decimal) decimal {
	product := decimal{digits: new(big.Int).Mul(d.digits, other.digits), exponent: d.exponent + other.exponent}
	text := new(big.Int).Abs(product.digits).String()
	if excess := len(text) - decimalPrecision; excess > 0 {
		kept, _ := new(big.Int).SetString(text[:decimalPrecision], 10)
		if product.digits.Sign() < 0 {
			kept.Neg(kept)
		}
		product.digits, product.exponent = kept, product.exponent+excess
	}
	return product
}

// float is the nearest double.
func (d decimal) float() float64 {
	if d.digits.Sign() == 0 {
		return 0
	}
	f, _ := strconv.ParseFloat(d.digits.String()+"e"+strconv.Itoa(d.exponent), 64)
	return f
}

// decimalMultiply is how the server multiplies money once a price was rounded to cents: in decimals, so that
// 8.38 × 100 is 838 and not a little more. The right factor may be anything that a description holds.
func decimalMultiply(a float64, b any) (float64, error) {
	x, err := newDecimal(a)
	if err != nil {
		return 0, err
	}
	y, err := newDecimal(b)
	if err != nil {
		return 0, err
	}
	return x.mul(y).float(), nil
}
