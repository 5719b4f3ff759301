package storage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unprivileged is set in the process of its own that may not write everywhere, as root may.
const unprivileged = "LICENSEBOT_TEST_UNPRIVILEGED"

// The error about a folder or ledger that the bot may not write names the owner, the bot's user, and what to do.
func TestOpen_Unwritable(t *testing.T) {
	if path := os.Getenv(unprivileged); path != "" {
		_, err := Open(path)
		fmt.Printf("says %v\n", err)
		return
	}
	user := os.Geteuid()
	if user == 0 {
		user = 65532
	}
	foreign := t.TempDir()
	whole := filepath.Join(t.TempDir(), "whole.db")
	if err := openTest(t, whole).Close(); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, want string
		prepare    func() (path string, err error)
		own        bool // the folder is the bot's own
	}{
		{
			"a folder of another user", fmt.Sprintf("the folder %s belongs to user 0, but the bot runs as user %d. Run: chown "+
				"-R %d %s, or set DATABASE to another path", foreign, user, user, foreign),
			func() (string, error) { return filepath.Join(foreign, "ledger.db"), os.Chmod(foreign, 0o755) }, false,
		},
		{"a folder that its owner may not write", "can't write there. Run: chmod u+rwX", func() (string, error) {
			dir := filepath.Join(t.TempDir(), "data")
			return filepath.Join(dir, "ledger.db"), errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, user, -1),
				os.Chmod(dir, 0o555))
		}, true},
		{"a ledger that its owner may not write", "can't write there. Run: chmod u+rwX", func() (string, error) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			data, err := os.ReadFile(whole)
			return path, errors.Join(err, os.WriteFile(path, data, 0o400), os.Chown(path, user, -1),
				os.Chown(filepath.Dir(path), user, -1))
		}, true},
	}
	for _, c := range cases {
		if !c.own && os.Geteuid() != 0 {
			continue // only root can give a folder to another user
		}
		path, err := c.prepare()
		if err != nil {
			t.Fatal(err)
		}
		for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err == nil && strings.HasPrefix(dir, os.TempDir()) &&
				info.Mode().Perm()&0o111 == 0o100 {
				_ = os.Chmod(dir, info.Mode().Perm()|0o055) // the other user has to come there
			}
		}
		program := filepath.Join(os.TempDir(), "storage-test-"+fmt.Sprint(os.Getpid()))
		binary, err := os.ReadFile(os.Args[0])
		if err := errors.Join(err, os.WriteFile(program, binary, 0o755)); err != nil {
			t.Fatal(err)
		}
		child := exec.Command(program, "-test.run=^TestOpen_Unwritable$", "-test.v")
		child.Dir = "/"
		child.Env = append(os.Environ(), unprivileged+"="+path)
		if os.Geteuid() == 0 {
			child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
		}
		out, err := child.CombinedOutput()
		os.Remove(program)
		if err != nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "damaged") {
			t.Errorf("%s: want %q (%v), got\n%s", c.name, c.want, err, out)
		}
	}
}
