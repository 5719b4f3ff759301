package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"licensebot/slacksim/page/pagetest"
)

// asProgram makes the test program behave as bot itself, for tests of whole processes.
const asProgram = "BOT_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
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
