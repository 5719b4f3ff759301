package layout

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// testCode lists packages that the bot must not link, with all packages in their folders: simulators, and packages for
// tests only.
var testCode = []string{
	"testing", "net/http/httptest",
	module + "/cocalc/cocalctest", module + "/slacksim", module + "/storage/storagetest", module + "/internal/processtest",
	module + "/internal/goldenfile",
}

func TestBot_LinksNoTestCode(t *testing.T) {
	linked := linkedBy(t, module+"/cmd/bot")
	for _, name := range linked {
		if isTestCode(name) {
			t.Errorf("cmd/bot: got a link to %s, want no simulator and nothing of tests; see: go list -deps ./cmd/bot", name)
		}
	}
	// The list is that of a whole program, and the names are those of real packages.
	for _, want := range []string{"net/http", module + "/internal/app", module + "/purchase"} {
		if !slices.Contains(linked, want) {
			t.Errorf("cmd/bot: got no link to %s, want one", want)
		}
	}
	demo := linkedBy(t, module+"/cmd/demo")
	for _, want := range []string{module + "/cocalc/cocalctest", module + "/slacksim"} {
		if !slices.Contains(demo, want) {
			t.Errorf("cmd/demo: got no link to %s, want one", want)
		}
	}
}

// linkedBy lists the packages that a program links, itself included.
func linkedBy(t *testing.T, program string) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", program)
	list.Dir = moduleRoot(t)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list what %s links: %v", program, err)
	}
	return strings.Fields(string(out))
}

func isTestCode(name string) bool {
	return slices.ContainsFunc(testCode, func(dir string) bool { return within(name, dir) })
}
