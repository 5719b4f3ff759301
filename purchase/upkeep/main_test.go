package upkeep_test

import (
	"testing"

	"licensebot/purchase/purchasetest"
)

func TestMain(m *testing.M) { purchasetest.Main(m) }
