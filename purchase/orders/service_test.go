package orders_test

import (
	"reflect"
	"testing"

	"licensebot/purchase/orders"
)

// Service stays small: a new action on orders is one more DecisionKind, not one more method.
func TestService_Methods_Few(t *testing.T) {
	const most = 11
	if n := reflect.TypeFor[*orders.Service]().NumMethod(); n > most {
		t.Errorf("got %d exported methods, want at most %d", n, most)
	}
}
