package main

import (
	"testing"

	"go.uber.org/goleak"

	"licensebot/internal/slacksim/page/pagetest"
)

func TestMain(m *testing.M) {
	pagetest.Main(m, func(code int) int {
		if err := goleak.Find(); err != nil && code == 0 {
			println(err.Error())
			return 1
		}
		return code
	})
}
