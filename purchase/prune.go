package purchase

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
)

// Pruning removes old records that are about no money and no decision: refusals, and proposals that were neither
// confirmed nor approved, with their audit records. Consecutive audit records are replaced by one of KindPruned, so
// that the chain continues over them, and an audit record of KindPruning says what was removed.

// LeastPruneAge is the least age of what is pruned.
const LeastPruneAge = 400 * 24 * time.Hour

// KindPruned is the kind of a record that stands for consecutive audit records that were pruned: it has the number, the
// time and the hash of the last of them, the Prev of the first, and their Count.
const KindPruned = "pruned"

// KindPruning is the kind of an audit record about a pruning; its cause is Pruned.Cause.
const KindPruning = "pruning"

// HistoryPruned is the cause of an audit record (Event) about a pruning: through, records, orders, before, digest; see
// Pruned.
const HistoryPruned CauseCode = "history-pruned"

// Pruned describes all that was pruned from a ledger so far.
type Pruned struct {
	Through uint64 `json:"through"`           // the number of the last audit record that was considered
	Records uint64 `json:"records,omitempty"` // the number of audit records that were removed
	Orders  uint64 `json:"orders,omitempty"`  // the number of orders that were removed
	Before  string `json:"before,omitempty"`  // the day ("2026-11-23", UTC) before which all that was removed is
	Digest  string `json:"digest,omitempty"`  // hex SHA-256 over what stands for the records; see Add
	// Record is the number of the last audit record of KindPruning; 0 if nothing was removed.
	Record uint64 `json:"record,omitempty"`
}

// Cause returns what the audit record of the pruning says.
func (p Pruned) Cause() Cause {
	return NewCause(HistoryPruned, "through", strconv.FormatUint(p.Through, 10),
		"records", strconv.FormatUint(p.Records, 10), "orders", strconv.FormatUint(p.Orders, 10),
		"before", p.Before, "digest", p.Digest)
}

// Add counts a record of KindPruned, in the order of their numbers. The digest is the SHA-256 of the digest before, and
// of the record's number, count and hash.
func (p *Pruned) Add(e Event) {
	h := sha256.New()
	h.Write([]byte(p.Digest))
	h.Write(binary.BigEndian.AppendUint64(nil, e.Number))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(e.Count)))
	h.Write([]byte(e.Hash))
	p.Digest = hex.EncodeToString(h.Sum(nil))
	p.Records += uint64(e.Count)
}

// Covers reports whether orders of the id's time were pruned. An id shows when its order was proposed.
func (p *Pruned) Covers(id OrderID) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return err == nil && p.Orders > 0 && ulid.Time(parsed.Time()).UTC().Format(time.DateOnly) <= p.Before
}

// StandsFor reports whether the record is audit record n, or one that replaced it.
func (e Event) StandsFor(n uint64) bool {
	if e.Kind == KindPruned && e.Count > 1 {
		return n <= e.Number && n > e.Number-uint64(e.Count)
	}
	return n == e.Number
}

// MayBePruned reports whether the order is about no money and no decision but its requester's own: it ended as a
// proposal, was never confirmed, and nothing is left to do. Its audit records then are that it was proposed and how it
// ended.
func (o *Order) MayBePruned() bool {
	switch {
	case o.State != Cancelled && o.State != Expired:
	case o.Open() || o.Stale():
	case !o.Confirmed.IsZero() || o.Month != "" || len(o.Approvals) > 0:
	case !o.NeverAdded() || !o.CheckoutSent.IsZero() || o.Receipt != nil || o.Restored:
	default:
		return true
	}
	return false
}

// MayBePruned reports whether the audit record is of a kind that is pruned by itself.
func (e EventFacts) MayBePruned() bool { return e.Kind == "refused" }
