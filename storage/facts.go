package storage

import (
	"bytes"
	"encoding/binary"
	"math"

	"licensebot/purchase"
)

// Facts are read from the few members that they need (see members), and from whole records where those are odd.

// OrderFacts implements purchase.Reader.
func (t *transaction) OrderFacts(after purchase.OrderID, limit int) ([]purchase.OrderFacts, error) {
	return readFacts(t, collectionOrders, append([]byte(after), 0), limit, (*factReader).orderFacts,
		func(_ []byte, o *purchase.Order) purchase.OrderFacts { return o.Facts() })
}

// EntryFacts implements purchase.Reader.
func (t *transaction) EntryFacts(first uint64, limit int) ([]purchase.EntryFacts, error) {
	return readFacts(t, collectionPurchases, number(first), limit, (*factReader).entryFacts, entryFactsOf)
}

func entryFactsOf(_ []byte, p *purchase.Purchase) purchase.EntryFacts { return p.Facts() }

// EventFacts implements purchase.Reader.
func (t *transaction) EventFacts(first uint64, limit int) ([]purchase.EventFacts, error) {
	return readFacts(t, collectionEvents, number(first), limit, (*factReader).eventFacts, eventFactsOf)
}

func eventFactsOf(key []byte, e *purchase.Event) purchase.EventFacts {
	e.Number = binary.BigEndian.Uint64(key) // see Events
	return e.Facts()
}

// readFacts returns the facts of at most limit records of a collection, from key from on. See factsOf for few and
// whole.
func readFacts[T, F any](t *transaction, c collection, from []byte, limit int, few func(*factReader) F,
	whole func(key []byte, value *T) F,
) (page []F, err error) {
	defer recoverDamage(&err)()
	if limit <= 0 {
		return nil, nil
	}
	page = make([]F, 0, min(limit, 1024))
	for r, err := range t.ascendStored(c, from) {
		if err != nil {
			return nil, err
		}
		if c.chained {
			if _, err := numberOf(c.recent, r.key); err != nil {
				return nil, err
			}
		}
		facts, err := factsOf(c, r, &t.texts, few, whole)
		if err != nil {
			return nil, err
		}
		if page = append(page, facts); len(page) == limit {
			break
		}
	}
	return page, nil
}

// factsOf returns the facts of a record, as its bundle stores it. few reads them from the few members that they need,
// and whole gets them from the whole record if it is odd.
func factsOf[T, F any](c collection, r record, texts *texts, few func(*factReader) F,
	whole func(key []byte, value *T) F,
) (facts F, err error) {
	f := factReader{members: membersOf(withoutMark(c, r.data)), key: r.key, texts: texts}
	if facts = few(&f); !f.isOdd {
		return facts, nil
	}
	value, err := unmarshal[T](c.recent, r.key, withoutHashes(c, r.data))
	return whole(r.key, &value), err
}

// factReader reads the facts of one record. If the record is odd, they are not to be used.
type factReader struct {
	members

	key   []byte
	seen  uint // a bit for each member that was read
	texts *texts
}

// once makes the object odd if the member with this bit was read before.
func (f *factReader) once(bit uint) {
	f.isOdd = f.isOdd || f.seen&bit != 0
	f.seen |= bit
}

// inner returns a reader of a value that is an object.
func (f *factReader) inner(value []byte) factReader {
	return factReader{members: f.object(value), texts: f.texts}
}

// common returns the content of a string value that many records have.
func (f *factReader) common(value []byte) string { return f.texts.get(f.text(value)) }

func (f *factReader) orderFacts() (o purchase.OrderFacts) {
	for name, value := f.next(); name != nil; name, value = f.next() {
		switch string(name) {
		case "id":
			f.once(1)
			o.ID = purchase.OrderID(f.text(value))
		case "state":
			f.once(1 << 1)
			o.State = purchase.State(f.common(value))
		case "requester":
			f.once(1 << 2)
			o.Requester = f.personID(value)
		case "month":
			f.once(1 << 3)
			o.Month = f.common(value)
		case "price_cents":
			f.once(1 << 4)
			o.Price = purchase.Cents(f.integer(value))
		case "checkout_sent":
			f.once(1 << 5)
			o.HasCheckout = f.isTime(value)
		case "released":
			f.once(1 << 6)
			o.IsReleased = f.isTime(value)
		case "receipt":
			f.once(1 << 7)
			o.Receipt = f.receiptFacts(value)
		case "again_cents":
			f.once(1 << 8)
			o.Again = purchase.Cents(f.integer(value))
		}
	}
	return o
}

// bundledOrder is what the verification of bundles needs of an order.
type bundledOrder struct {
	id     purchase.OrderID
	item   int64 // its cart item; 0: it never had one
	isLeft bool  // something is left to do, or a message is not up to date
}

// newBundledOrder returns it for an order.
func newBundledOrder(_ []byte, o *purchase.Order) bundledOrder {
	return bundledOrder{o.ID, o.ItemID, o.Open() || o.Stale()}
}

// bundledOrder reads it. An order with a member that only some orders with something left to do have is odd.
func (f *factReader) bundledOrder() (o bundledOrder) {
	var state purchase.State
	var rev, shown int64
	hasMessages := false
	for name, value := f.next(); name != nil; name, value = f.next() {
		switch string(name) {
		case "id":
			f.once(1)
			o.id = purchase.OrderID(f.text(value))
		case "state":
			f.once(1 << 1)
			state = purchase.State(f.text(value))
		case "rev":
			f.once(1 << 2)
			rev = f.integer(value)
		case "item_id":
			f.once(1 << 3)
			o.item = f.integer(value)
		case "receipt":
			f.once(1 << 4)
			receipt := f.inner(value)
			for name, _ := receipt.next(); name != nil; name, _ = receipt.next() {
				receipt.isOdd = receipt.isOdd || string(name) == "unchecked"
			}
			f.isOdd = f.isOdd || receipt.isOdd
		case "messages":
			f.once(1 << 5)
			shown, hasMessages = f.leastShown(value), true
		case "parked", "watch_until", "failure":
			f.isOdd = true
		}
	}
	o.isLeft = !state.Final() || hasMessages && shown < rev
	return o
}

// leastShown returns the least revision that the messages of an order show.
func (f *factReader) leastShown(messages []byte) (least int64) {
	rest, ok := bytes.CutPrefix(messages, []byte{'['})
	for least = math.MaxInt64; ok; rest, ok = bytes.CutPrefix(rest, []byte{','}) {
		n := nestedSize(rest)
		if n == 0 {
			break
		}
		message, shown := f.inner(rest[:n]), int64(0)
		for name, value := message.next(); name != nil; name, value = message.next() {
			if string(name) == "shown" {
				message.once(1)
				shown = message.integer(value)
			}
		}
		f.isOdd = f.isOdd || message.isOdd
		least = min(least, shown)
		if rest = rest[n:]; string(rest) == "]" {
			return least
		}
	}
	f.isOdd = true
	return least
}

// personID returns the id of a person.
func (f *factReader) personID(value []byte) (id string) {
	person := f.inner(value)
	for name, value := person.next(); name != nil; name, value = person.next() {
		if string(name) == "id" {
			person.once(1)
			id = person.common(value)
		}
	}
	f.isOdd = f.isOdd || person.isOdd
	return id
}

func (f *factReader) receiptFacts(value []byte) *purchase.ReceiptFacts {
	receipt, facts := f.inner(value), purchase.ReceiptFacts{}
	for name, value := receipt.next(); name != nil; name, value = receipt.next() {
		switch string(name) {
		case "license_id":
			receipt.once(1)
			facts.LicenseID = string(receipt.text(value))
		case "charged_cents":
			receipt.once(1 << 1)
			facts.Charged = purchase.Cents(receipt.integer(value))
		case "extra":
			receipt.isOdd = true // double purchases are rare
		}
	}
	f.isOdd = f.isOdd || receipt.isOdd
	return &facts
}

func (f *factReader) entryFacts() (p purchase.EntryFacts) {
	for name, value := f.next(); name != nil; name, value = f.next() {
		switch string(name) {
		case "number":
			f.once(1)
			p.Number = f.count(value)
		case "month":
			f.once(1 << 1)
			p.Month = f.common(value)
		case "order":
			f.once(1 << 2)
			p.Order = purchase.OrderID(f.text(value))
		case "requester":
			f.once(1 << 3)
			p.Requester = f.personID(value)
		case "charged_cents":
			f.once(1 << 4)
			p.Charged = purchase.Cents(f.integer(value))
		case "cocalc_purchase":
			f.once(1 << 5)
			p.PurchaseID = f.integer(value)
		case "license_id":
			f.once(1 << 6)
			p.LicenseID = string(f.text(value))
		case "duplicate":
			f.once(1 << 7)
			p.Duplicate = f.truth(value)
		case "correction":
			f.once(1 << 8)
			p.Correction = f.truth(value)
		case "kind":
			f.once(1 << 9)
			p.Kind = purchase.EntryKind(f.common(value))
		}
	}
	return p
}

func (f *factReader) eventFacts() (e purchase.EventFacts) {
	for name, value := f.next(); name != nil; name, value = f.next() {
		switch string(name) {
		case "kind":
			f.once(1)
			e.Kind = f.common(value)
		case "order":
			f.once(1 << 1)
			e.Order = purchase.OrderID(f.text(value))
		case "amount_cents":
			f.once(1 << 2)
			e.Amount = purchase.Cents(f.integer(value))
		}
	}
	e.Number = binary.BigEndian.Uint64(f.key) // see Events
	return e
}

// texts returns one string for the same bytes: the facts of many records have the same few states, months and people.
type texts map[string]string

// maxTexts limits the number of strings that are kept.
const maxTexts = 1 << 12

func (t *texts) get(text []byte) string {
	if known, ok := (*t)[string(text)]; ok {
		return known
	}
	if *t == nil || len(*t) >= maxTexts {
		*t = texts{}
	}
	s := string(text)
	(*t)[s] = s
	return s
}
