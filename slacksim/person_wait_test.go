package slacksim_test

import (
	"context"
	"strings"
	"testing"

	"licensebot/slacksim"
)

func TestPerson_WaitForText_Error(t *testing.T) {
	ws, _ := start(t, slacksim.Options{})
	alice := ws.Person(slacksim.Alice)
	if _, err := alice.Say(slacksim.General, "something else"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := alice.WaitForText(ctx, slacksim.General, "this")
	if err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("got %v, want an error with what Alice sees", err)
	}
}
