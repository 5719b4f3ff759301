package cocalc

import "fmt"

// Cents is an amount of US dollars in whole cents. Money is never a float outside the port of the price formula.
type Cents int64

// String prints the amount as people read it: "$63.75", "-$5.60", "$1,234.50".
func (c Cents) String() string {
	sign := ""
	n := int64(c)
	if n < 0 {
		sign, n = "-", -n
	}
	dollars := fmt.Sprintf("%d", n/100)
	for i := len(dollars) - 3; i > 0; i -= 3 {
		dollars = dollars[:i] + "," + dollars[i:]
	}
	return fmt.Sprintf("%s$%s.%02d", sign, dollars, n%100)
}
