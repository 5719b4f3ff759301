package main

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// outcome is the result of a command line.
type outcome struct {
	code     int
	out, err string
}

// does runs a command line as the program would.
func does(t testing.TB, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code := execute(ctx, args, stdio{&out, &errs})
	return outcome{code, out.String(), errs.String()}
}
