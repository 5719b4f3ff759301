package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// pruneBundles is how many bundles of audit records one transaction of a pruning reads. An order is pruned if all of
// its audit records are in them.
const pruneBundles = 4

// Prune removes what purchase.Order.MayBePruned and purchase.EventFacts.MayBePruned allow, of the audit records that
// are older than before and bundled, up to the last checkpoint, and of the orders that only these are about. It
// considers each record once. Each transaction rewrites a few bundles, and appends an audit record with the time now if
// it removed something; pace is called after each. Prune waits for a verification that is running. Its errors are those
// of [Ledger.Update].
func (l *Ledger) Prune(ctx context.Context, before, now time.Time, pace Pace) (orders, records int, err error) {
	l.bundling.Lock()
	defer l.bundling.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return orders, records, err
		}
		p := pruning{least: l.sizes.prune, before: before, now: now}
		err := l.write(func(tx *bbolt.Tx) (err error) { // alone, as a compaction
			defer recoverDamage(&err)()
			return p.prune(&transaction{bundleReader: bundleReader{tx: tx}})
		})
		if errors.Is(err, errNothing) {
			return orders, records, nil
		}
		if err != nil {
			return orders, records, fmt.Errorf("prune the ledger: %w", err)
		}
		orders, records = orders+len(p.orders), records+p.records
		if pace != nil {
			if err := pace(ctx); err != nil {
				return orders, records, err
			}
		}
	}
}

// pruning is one transaction of a pruning.
type pruning struct {
	least       int // of audit records; fewer are not worth the record about them
	before, now time.Time

	bundles []prunedBundle // that are considered, oldest first
	orders  map[purchase.OrderID]bool
	records int // audit records that are removed
}

// prunedBundle is a bundle of audit records, and which of them are removed.
type prunedBundle struct {
	unpacked
	newest  int64
	removed map[int]bool // by their place in the bundle
}

// place is the place of an audit record.
type place struct{ bundle, record int }

// prune prunes the next bundles. It returns errNothing if none can be pruned yet.
func (p *pruning) prune(t *transaction) error {
	account, err := t.Account()
	if err != nil {
		return err
	}
	total, err := readPruned(t.tx)
	if err != nil {
		return err
	}
	if err := p.readBundles(t, account.Checkpoint, total.Through); err != nil {
		return err
	}
	if len(p.bundles) == 0 {
		return errNothing
	}
	if err := p.choose(t); err != nil {
		return err
	}
	last := p.bundles[len(p.bundles)-1].key
	total.Through = binary.BigEndian.Uint64(last)
	if p.records < p.least {
		p.orders, p.records = nil, 0
		return putJSON(t.tx, bucketMeta, keyPruned, total)
	}
	for i := range p.bundles {
		if err := p.bundles[i].write(t.tx, &total); err != nil {
			return err
		}
	}
	if err := removeOrders(t.tx, slices.Sorted(maps.Keys(p.orders))); err != nil {
		return err
	}
	t.last = nil // what was unpacked is not there any more
	head, err := t.Head()
	if err != nil {
		return err
	}
	total.Orders += uint64(len(p.orders))
	total.Before, total.Record = p.before.UTC().Format(time.DateOnly), head.Number+1
	if err := putJSON(t.tx, bucketMeta, keyPruned, total); err != nil {
		return err
	}
	return t.AppendEvent(purchase.Event{
		Time: p.now, Kind: purchase.KindPruning, By: purchase.BotName, Cause: total.Cause(),
	})
}

// readPruned returns what was pruned from the ledger so far.
func readPruned(tx *bbolt.Tx) (total purchase.Pruned, err error) {
	total, _, err = getJSON[purchase.Pruned](tx, bucketMeta, keyPruned)
	return total, err
}

// readBundles reads the next bundles of audit records after number through that are old enough, and that end before the
// checkpoint: what the next start verifies is left as it is.
func (p *pruning) readBundles(t *transaction, checkpoint *purchase.Checkpoint, through uint64) error {
	bundles := t.tx.Bucket(collectionEvents.bundles)
	if bundles == nil || checkpoint == nil {
		return nil
	}
	cursor := bundles.Cursor()
	for key, value := cursor.Seek(number(through + 1)); key != nil && len(p.bundles) < pruneBundles; key,
		value = cursor.Next() {
		head, err := bundleHead(collectionEvents, key, value)
		if err != nil {
			return err
		}
		if head.newest >= nanoseconds(p.before) || bytes.Compare(key, number(checkpoint.Number)) >= 0 {
			return nil
		}
		u, err := unpackBundle(collectionEvents, key, value)
		if err != nil {
			return err
		}
		u.key, u.hashes = bytes.Clone(key), bytes.Clone(u.hashes) // bbolt's memory changes with the bundles
		p.bundles = append(p.bundles, prunedBundle{u, head.newest, map[int]bool{}})
	}
	return nil
}

// choose chooses the audit records and the orders to remove.
func (p *pruning) choose(t *transaction) error {
	type state struct {
		place
		to purchase.State
	}
	entered := map[purchase.OrderID][]state{} // the states that an order entered
	for i, b := range p.bundles {
		for j, r := range b.records {
			if r.data[0] != isShort { // of an unusual form, so that its bundle has no hash of it
				continue
			}
			e, err := factsOf(collectionEvents, r, &t.texts, (*factReader).eventFacts, eventFactsOf)
			if err != nil {
				return err
			}
			switch to := purchase.State(e.Kind); {
			case e.MayBePruned():
				p.remove(place{i, j})
			case to.Known():
				entered[e.Order] = append(entered[e.Order], state{place{i, j}, to})
			}
		}
	}
	p.orders = map[purchase.OrderID]bool{}
	for id, states := range entered {
		if len(states) != 2 || states[0].to != purchase.Proposed {
			continue
		}
		if t.tx.Bucket(bucketOrders).Get([]byte(id)) != nil {
			continue // it is not bundled, or has changed since
		}
		o, ok, err := find[purchase.Order](&t.bundleReader, collectionOrders, []byte(id))
		if err != nil {
			return err
		}
		if ok && o.MayBePruned() && states[1].to == o.State {
			p.orders[id] = true
			p.remove(states[0].place)
			p.remove(states[1].place)
		}
	}
	return nil
}

func (p *pruning) remove(at place) {
	p.bundles[at.bundle].removed[at.record] = true
	p.records++
}

// write replaces the bundle by one without the removed records. It counts what stands for them in total.
func (b *prunedBundle) write(tx *bbolt.Tx, total *purchase.Pruned) error {
	if len(b.removed) == 0 {
		return nil
	}
	var records []record
	for i := 0; i < len(b.records); i++ {
		if !b.removed[i] {
			records = append(records, record{b.records[i].key, b.json(i)})
			continue
		}
		first := i
		for b.removed[i+1] {
			i++
		}
		e, err := b.standIn(first, i)
		if err != nil {
			return err
		}
		total.Add(e)
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		records = append(records, record{b.records[i].key, data})
	}
	key, value := encodeBundle(collectionEvents, records, b.newest, b.hashes[:hashSize])
	return putBundle(tx, collectionEvents, key, value)
}

// standIn returns the record that stands for those from first to last, by their places in the bundle.
func (b *prunedBundle) standIn(first, last int) (e purchase.Event, err error) {
	begin, err := unmarshal[purchase.Event](bucketEvents, b.records[first].key, b.json(first))
	if err != nil {
		return e, err
	}
	end, err := unmarshal[purchase.Event](bucketEvents, b.records[last].key, b.json(last))
	if err != nil {
		return e, err
	}
	hash := hex.EncodeToString(b.hashes[(last+1)*hashSize : (last+2)*hashSize])
	if end.Hash != hash || end.Number-begin.Number != uint64(last-first) {
		return e, recordError(bucketEvents, b.records[last].key, "has another number or hash than its bundle says")
	}
	return purchase.Event{
		Number: end.Number, Time: end.Time, Kind: purchase.KindPruned, By: purchase.BotName,
		Count: last - first + 1, Prev: begin.Prev, Hash: hash,
	}, nil
}

// removeOrders removes bundled orders, which have no cart items, and their entries in the index of ids. ids are sorted.
func removeOrders(tx *bbolt.Tx, ids []purchase.OrderID) error {
	bundles := tx.Bucket(bucketOrderBundles)
	for len(ids) > 0 {
		key, value := bundles.Cursor().Seek([]byte(ids[0]))
		if key == nil {
			return recordError(bucketOrders, []byte(ids[0]), "is missing")
		}
		u, err := unpackBundle(collectionOrders, key, value)
		if err != nil {
			return err
		}
		n := 0 // of the ids in this bundle
		for n < len(ids) && bytes.Compare([]byte(ids[n]), key) <= 0 {
			id, err := ulid.ParseStrict(string(ids[n]))
			if err == nil {
				err = removeFromGroup(tx, bucketIDIndex, idGroup(id), id[:], id)
			}
			if err != nil {
				return err
			}
			n++
		}
		left := slices.DeleteFunc(u.records, func(r record) bool {
			_, isRemoved := slices.BinarySearch(ids[:n], purchase.OrderID(r.key))
			return isRemoved
		})
		if err := bundles.Delete(bytes.Clone(key)); err != nil {
			return err
		}
		if len(left) > 0 {
			key, value := encodeBundle(collectionOrders, left, 0, nil)
			if err := putBundle(tx, collectionOrders, key, value); err != nil {
				return err
			}
		}
		ids = ids[n:]
	}
	return nil
}
