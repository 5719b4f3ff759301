package storage

import (
	"encoding/binary"
	"fmt"
)

// RecordError is the error of a damaged record. It wraps [ErrDamaged].
type RecordError struct {
	Bucket string // "orders", "purchases", "events", …
	Key    string // an order's ID, a month, a license, or the number of a purchase or an audit record: "17"
	What   string // the fault, as the end of a sentence that begins with the record: "does not fit its checksum"
}

func (f *RecordError) Error() string {
	return fmt.Sprintf("%v: %s %s", ErrDamaged, f.Record(), f.What)
}

func (f *RecordError) Unwrap() error { return ErrDamaged }

// Record returns the name of the record for people: "audit record 17".
func (f *RecordError) Record() string {
	switch f.Bucket {
	case string(bucketOrders):
		return "order " + f.Key
	case string(bucketPurchases):
		return "entry " + f.Key + " of the purchase log"
	case string(bucketBudgets):
		return "the budget of " + f.Key
	case string(bucketEvents):
		return "audit record " + f.Key
	case string(bucketLicenses):
		return "license " + f.Key
	case string(bucketAccount):
		return "the state of the account"
	}
	return fmt.Sprintf("%q in the list of %s orders", f.Key, f.Bucket)
}

// OfChain reports whether the fault is in the audit chain. The bot can work with such a file, but the file no longer
// proves what happened.
func (f *RecordError) OfChain() bool { return f.Bucket == string(bucketEvents) }

// recordError returns a *RecordError about the record of a key.
func recordError(bucket, key []byte, what string, args ...any) error {
	f := &RecordError{Bucket: string(bucket), Key: string(key), What: fmt.Sprintf(what, args...)}
	switch {
	case f.Bucket != string(bucketPurchases) && f.Bucket != string(bucketEvents):
		if !isPrintable(f.Key) {
			f.Key = fmt.Sprintf("%q", f.Key)
		}
	case len(key) == 8:
		f.Key = fmt.Sprint(binary.BigEndian.Uint64(key))
	default:
		f.Key = fmt.Sprintf("%x", key)
	}
	return f
}

// isPrintable reports whether a key consists of visible ASCII characters.
func isPrintable(key string) bool {
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return key != ""
}
