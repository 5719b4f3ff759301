package storage

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// The index of cart items finds bundled orders by the item that they added to CoCalc's cart: a purchase without an
// order's tag may be of any order, however old. It has a group for each of the last twelve bits of an item's number. An
// entry is the next three bytes of the number, and the time in the order's id, 6 bytes. Both can be equal for several
// orders: the order decides.
const (
	itemGroupBits = 12
	itemMark      = 3
	itemEntry     = itemMark + idTime
	idTime        = 6 // bytes of an id's time
)

func itemTerm(item int64) (group, mark []byte) {
	group = binary.BigEndian.AppendUint16(nil, uint16(item&(1<<itemGroupBits-1)))
	return group, binary.BigEndian.AppendUint64(nil, uint64(item)>>itemGroupBits)[8-itemMark:]
}

// orderEntry returns the entry of an order for an item, and its group.
func orderEntry(item int64, id ulid.ULID) (group, entry []byte) {
	group, mark := itemTerm(item)
	return group, append(mark, id[:idTime]...)
}

// itemOf returns the cart item of an order's JSON; 0 if it has none, or can't be read, since a damaged record is moved
// as it is, and found by Verify.
func itemOf(order []byte) int64 {
	var o struct {
		Item int64 `json:"item_id"`
	}
	if err := json.Unmarshal(order, &o); err != nil {
		return 0
	}
	return o.Item
}

// indexItem changes the item under which a bundled order is found; 0 means none. It does nothing in a ledger that has
// no index yet.
func indexItem(tx *bbolt.Tx, id ulid.ULID, was, is int64) error {
	index := tx.Bucket(bucketItemIndex)
	if was == is || index == nil {
		return nil
	}
	if was != 0 {
		group, entry := orderEntry(was, id)
		if err := removeFromGroup(tx, bucketItemIndex, group, entry, id); err != nil {
			return err
		}
	}
	if is == 0 {
		return nil
	}
	group, entry := orderEntry(is, id)
	return addToGroup(tx, bucketItemIndex, group, entry)
}

// isItemIndexed reports whether a bundled order is in the index of items, or needs not be.
func isItemIndexed(tx *bbolt.Tx, order purchase.OrderID, item int64) (bool, error) {
	index := tx.Bucket(bucketItemIndex)
	id, err := ulid.ParseStrict(string(order))
	if index == nil || item == 0 || err != nil {
		return true, nil
	}
	group, entry := orderEntry(item, id)
	entries, err := readGroup(index, bucketItemIndex, group)
	return findEntry(entries, entry) >= 0, err
}

func (t *transaction) OrdersOfItem(item int64) (ids []purchase.OrderID, err error) {
	defer recoverDamage(&err)()
	if item == 0 {
		return nil, nil
	}
	add := func(key []byte) { ids = insertNewer(ids, purchase.OrderID(key)) }
	if t.tx.Bucket(bucketItemIndex) == nil { // an older ledger
		for r, err := range t.ascend(collectionOrders, nil) {
			if err != nil {
				return nil, err
			}
			if itemOf(r.data) == item {
				add(r.key)
			}
		}
		return ids, nil
	}
	err = t.tx.Bucket(bucketOrders).ForEach(func(key, value []byte) error {
		data, err := checked(bucketOrders, key, value)
		if err == nil && itemOf(data) == item {
			add(key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	group, mark := itemTerm(item)
	entries, err := readGroup(t.tx.Bucket(bucketItemIndex), bucketItemIndex, group)
	if err != nil || len(entries)%itemEntry != 0 {
		return nil, indexError(err, bucketItemIndex, group)
	}
	for e := range slices.Chunk(entries, itemEntry) {
		if !bytes.HasPrefix(e, mark) {
			continue
		}
		moment := idsFrom(e[itemMark:])
		for r, err := range t.ascend(collectionOrders, []byte(moment)) {
			if err != nil {
				return nil, err
			}
			if !strings.HasPrefix(string(r.key), moment) {
				break
			}
			if itemOf(r.data) == item { // as the order is now, also if that is not bundled yet
				add(r.key)
			}
		}
	}
	return ids, nil
}

// idsFrom returns how ids with this time begin.
func idsFrom(moment []byte) string {
	var id ulid.ULID
	copy(id[:], moment)
	return id.String()[:ulid.EncodedSize-16] // the rest is random
}

// indexItems makes the index of items for a ledger of the present schema from before there was one. It returns how many
// orders it has read.
func indexItems(tx *bbolt.Tx) (n int, err error) {
	if tx.Bucket(bucketItemIndex) != nil {
		return 0, nil
	}
	groups := map[string][]byte{} // the entries by the group
	err = tx.Bucket(bucketOrderBundles).ForEach(func(key, value []byte) error {
		content, err := unpackBundle(collectionOrders, key, value)
		if err != nil {
			return err
		}
		for _, r := range content.records {
			id, err := ulid.ParseStrict(string(r.key))
			if err != nil {
				return recordError(bucketOrders, r.key, "can't be indexed: %v", err)
			}
			if item := itemOf(r.data); item != 0 {
				group, mark := itemTerm(item)
				groups[string(group)] = append(append(groups[string(group)], mark...), id[:idTime]...)
			}
		}
		n += len(content.records)
		return nil
	})
	if err != nil {
		return 0, err
	}
	index, err := tx.CreateBucket(bucketItemIndex)
	if err != nil {
		return 0, err
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if err := index.Put([]byte(group), seal([]byte(group), groups[group])); err != nil {
			return 0, err
		}
	}
	return max(n, 1), nil
}
