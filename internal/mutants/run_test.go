package main

import "testing"

func TestFailing(t *testing.T) {
	for _, c := range []struct{ name, out, want string }{
		{"a test", "ok  \tx\n--- FAIL: TestA (0.1s)\n    x_test.go:1: no\nFAIL\n", "TestA"},
		{
			"a part of a test",
			"--- FAIL: TestA (0s)\n    --- FAIL: TestA/one (0s)\n        --- FAIL: TestA/one/two (0s)\n--- FAIL: TestB (0s)\n",
			"TestA/one/two",
		},
		{"a panic in a test", "--- FAIL: TestA (0s)\npanic: oh [recovered]\n", "TestA"},
		{
			"a deadlock", "fatal error: all goroutines are asleep - deadlock!\n",
			"fatal error: all goroutines are asleep - deadlock!",
		},
		{"a test that does not end", "panic: test timed out after 3m0s\n", "by not coming to its end"},
		{"something else", "exit status 3\nFAIL\tx\t0.1s\n", "exit status 3; FAIL\tx\t0.1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := failing(c.out); got != c.want {
				t.Errorf("failing(%q) = %q, want %q", c.out, got, c.want)
			}
		})
	}
}
