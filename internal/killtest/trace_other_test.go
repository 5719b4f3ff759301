//go:build !(linux && amd64)

package killtest

import (
	"errors"
	"os/exec"
)

var errNotTraceable = errors.New("system calls are made to fail on Linux and amd64 alone")

func traceable() error { return errNotTraceable }

func trace(*exec.Cmd, *badCall) (func() error, error) { return nil, errNotTraceable }
