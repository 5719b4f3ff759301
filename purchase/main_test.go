package purchase_test

import (
	"os"
	"testing"
)

// TestMain keeps the ledgers of the tests in memory where the system has a folder for that: they are killed and
// restarted thousands of times, and waiting for a disk would be most of it.
func TestMain(m *testing.M) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}
