package cocalc

import (
	"fmt"
	"strconv"
)

// Cents is an amount of US dollars in whole cents; it may be negative. Money is a float only inside the price formula.
type Cents int64

// String formats the amount for people: "$63.75", "-$5.60", "$1,234.50".
func (c Cents) String() string {
	sign := ""
	n := int64(c)
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s$%s.%02d", sign, thousands(n/100), n%100)
}

// thousands formats a number with commas between its thousands: "10,000".
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(digits) - 3; i > first; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
