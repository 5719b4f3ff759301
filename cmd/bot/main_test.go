package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"licensebot/internal/processtest"
)

// In a process that [launch] starts, the test program is bot itself.
func TestMain(m *testing.M) {
	if os.Getenv(processtest.AsProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}
