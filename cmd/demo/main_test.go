package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"licensebot/internal/processtest"
	"licensebot/slacksim/page/pagetest"
)

// In a process that [launch] starts, the test program is the demo itself.
func TestMain(m *testing.M) {
	if os.Getenv(processtest.AsProgram) != "" {
		main()
		return
	}
	pagetest.Main(m, func(code int) int {
		if err := goleak.Find(); err != nil && code == 0 {
			println(err.Error())
			return 1
		}
		return code
	})
}
