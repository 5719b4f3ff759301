package cocalctest

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// decimalPrecision is the number of significant digits that decimal.js-light keeps of a product, at its default
// settings.
const decimalPrecision = 20

// decimalSyntax matches the texts that decimal.js-light accepts after an optional minus sign.
var decimalSyntax = regexp.MustCompile(`^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$`)

// decimal is digits × 10^exponent.
type decimal struct {
	digits   *big.Int
	exponent int
}

// newDecimal converts a value like decimal.js-light's constructor. It accepts finite numbers and strings of digits; its
// errors have that library's text.
func newDecimal(v any) (decimal, error) {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return decimal{}, notDecimal(numberText(v))
		}
		text = strconv.FormatFloat(v, 'e', -1, 64)
	default:
		return decimal{}, notDecimal(toText(v))
	}
	unsigned, negative := strings.CutPrefix(text, "-")
	if !decimalSyntax.MatchString(unsigned) {
		return decimal{}, notDecimal(unsigned)
	}
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(unsigned), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent := 0
	if exponentText != "" {
		// The library's limit is above 10^15, far beyond any amount of money.
		n, err := strconv.Atoi(exponentText)
		if err != nil || n > 1_000_000 || n < -1_000_000 {
			return decimal{}, refusal("[DecimalError] Exponent out of range: " + exponentText)
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

func notDecimal(text string) error { return refusal("[DecimalError] Invalid argument: " + text) }

// mul returns the product truncated to its first 20 significant digits: the library does not apply its rounding mode to
// products.
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

// float returns the nearest double.
func (d decimal) float() float64 {
	if d.digits.Sign() == 0 {
		return 0
	}
	f, _ := strconv.ParseFloat(d.digits.String()+"e"+strconv.Itoa(d.exponent), 64)
	return f
}

// decimalMultiply multiplies like the server multiplies money that was rounded to cents: in decimals, so that 8.38 ×
// 100 is exactly 838. b may be any value of a description.
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
