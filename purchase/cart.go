package purchase

import (
	"errors"

	"licensebot/cocalc"
)

// NewFailure returns a failure with arguments, given as names and values. Empty values are left out.
func NewFailure(code FailureCode, pairs ...string) *Failure {
	return &Failure{Cause: NewCause(code, pairs...)}
}

// FailureOf returns a failure that rests on a refusal.
func FailureOf(code FailureCode, no *Refusal) *Failure {
	return &Failure{Cause: Cause{Code: code, Causes: []Cause{no.Cause}}}
}

// KindOf returns the kind of an error of CoCalc; cocalc.Other for other errors, and for nil.
func KindOf(err error) cocalc.Kind {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return cocalc.Other
}
