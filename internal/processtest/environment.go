package processtest

import (
	"os"
	"testing"

	"licensebot/internal/config"
)

// Environment leaves exactly these settings of licensebot in the environment until the test ends. Tests that use it
// can't be parallel.
func Environment(t testing.TB, settings map[string]string) {
	t.Helper()
	for _, name := range config.Names() {
		t.Setenv(name, "") // restores it at the end of the test
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
}
