package storage

import (
	"encoding/binary"
	"fmt"
)

// Fault names a record that is wrong. It wraps ErrDamaged.
type Fault struct {
	Bucket string // "orders", "purchases", "events", …
	Key    string // an order's id, a month, a license, or the number of a purchase or an audit record: "17"
	What   string // what is wrong, as the end of a sentence that begins with the record: "does not fit its checksum"
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%v: %s %s", ErrDamaged, f.Record(), f.What)
}

func (f *Fault) Unwrap() error { return ErrDamaged }

// Record is what people call the record: "audit record 17".
func (f *Fault) Record() string {
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

// OfChain reports whether the fault is one of the audit chain. The file can be worked with then, but it does not prove
// what happened any more.
func (f *Fault) OfChain() bool { return f.Bucket == string(bucketEvents) }

// bad says what is wrong with the record of a key.
func bad(bucket, key []byte, what string, args ...any) error {
	f := &Fault{Bucket: string(bucket), Key: string(key), What: fmt.Sprintf(what, args...)}
	switch {
	case f.Bucket != string(bucketPurchases) && f.Bucket != string(bucketEvents):
		if !plain(f.Key) {
			f.Key = fmt.Sprintf("%q", f.Key)
		}
	case len(key) == 8:
		f.Key = fmt.Sprint(binary.BigEndian.Uint64(key))
	default:
		f.Key = fmt.Sprintf("%x", key)
	}
	return f
}

// plain reports whether a key can stand in a sentence as it is.
func plain(key string) bool {
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return key != ""
}
