package reconcile

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"licensebot/purchase"
)

// screen reads a ledger once, and judges most orders as it comes by them. It follows three streams, each oldest first:
// orders, the purchase log and audit records. An order is live from the first record that names it, until it has ended
// and agrees with the records that were read; then it is dropped. Those that are live at the end are judged then.
//
// A record that names no live order, and no order that comes soon, makes that order a suspect: it was dropped, or it is
// missing, or out of place. A collection reads all about the suspects again.
type screen struct {
	limits limits
	found  *findings
	left   int // records that may still be read in this step
	orders stream[purchase.OrderFacts, purchase.OrderID]
	log    stream[purchase.EntryFacts, uint64]
	audit  stream[purchase.EventFacts, uint64]

	began      bool
	head       uint64           // the number of the last audit record when the check began
	taken      purchase.OrderID // the last order that was taken from its stream
	live       map[purchase.OrderID]*orderRecords
	suspects   map[purchase.OrderID]bool
	unfinished []purchase.OrderID // orders that had not ended when they were taken, so that money may be reserved for them
	totals     totals
	licenses   []uint64 // a hash of the license of each entry that corrects no other
	rows       []uint64 // CoCalc's purchase of each of them
	corrected  []uint64 // a hash of the license of each entry that corrects another
	upkeep     []upkeepEntry
	paused     bool // by the last audit record about a pause
}

func newScreen(l limits, f *findings) *screen {
	s := &screen{
		limits: l, found: f, live: map[purchase.OrderID]*orderRecords{}, suspects: map[purchase.OrderID]bool{},
		totals: totals{},
	}
	s.orders, s.log, s.audit = l.orders(&s.left), l.entries(&s.left), l.events(&s.left)
	return s
}

// step reads the next records in one state of the ledger. When it has read all, it judges what is left.
func (s *screen) step(r purchase.Reader) (done bool, err error) {
	if !s.began {
		s.began = true
		if err := s.begin(r); err != nil {
			return false, err
		}
	}
	s.left = s.limits.step
	if done, err = takeAll(r, &s.left, s.takeEvent, s.takeEntry, s.takeOrder); err != nil || !done {
		return false, err
	}
	return true, s.finish(r)
}

// begin notes where the audit records end, and makes room for the hashes of all entries, so that they aren't copied
// when they become more.
func (s *screen) begin(r purchase.Reader) error {
	head, err := r.Head()
	if err != nil {
		return fmt.Errorf("read the audit records: %w", err)
	}
	s.head = head.Number
	last, err := purchase.LastEntry(r)
	if err != nil {
		return fmt.Errorf("read the purchase log: %w", err)
	}
	n := min(last, 1<<24) + 1024
	s.licenses, s.rows = make([]uint64, 0, n), make([]uint64, 0, n)
	return nil
}

// takeEvent takes the next audit record; ok is false if there is none. A record that an order was bought is followed by
// the log entries up to the order's, so that the order needn't wait for them.
func (s *screen) takeEvent(r purchase.Reader) (ok bool, err error) {
	e, ok, err := s.audit.next(r)
	if err != nil || !ok {
		return false, err
	}
	switch {
	case states()[e.Kind]:
	case e.Kind == "paused", e.Kind == "resumed":
		s.paused = e.Kind == "paused"
		return true, nil
	case e.Number > s.head && e.Order != "" && e.Kind != "refused":
		// Something else happened to the order since the check began, such as a correction: it is read again.
		_, err := s.find(r, e.Order)
		return true, err
	default:
		return true, nil
	}
	o, err := s.find(r, e.Order)
	if err != nil || o == nil {
		return true, err
	}
	to := purchase.State(e.Kind)
	o.events = append(o.events, stateRecord{e.Number, to, e.Amount})
	for n := 0; to == purchase.Purchased && len(o.entries) == 0 && n < s.limits.log; n++ {
		if ok, err := s.takeEntry(r); err != nil {
			return true, err
		} else if !ok {
			break
		}
	}
	if s.live[o.id] != nil {
		s.dropComplete(o)
	}
	return true, nil
}

// takeEntry takes the next log entry; ok is false if there is none.
func (s *screen) takeEntry(r purchase.Reader) (ok bool, err error) {
	p, ok, err := s.log.next(r)
	if err != nil || !ok {
		return false, err
	}
	s.totals.add(p)
	if !p.Correction && p.PurchaseID != 0 {
		s.rows = append(s.rows, uint64(p.PurchaseID))
	}
	if p.Kind.IsUpkeep() { // it may come years after its order
		s.upkeep = append(s.upkeep, upkeepEntry{p.Number, licenseHash(p.LicenseID)})
		return true, nil
	}
	switch {
	case p.LicenseID == "":
	case p.Correction:
		s.corrected = append(s.corrected, licenseHash(p.LicenseID))
	default:
		s.licenses = append(s.licenses, licenseHash(p.LicenseID))
	}
	o, err := s.find(r, p.Order)
	if err != nil || o == nil {
		return true, err
	}
	o.entries = append(o.entries, p)
	s.dropComplete(o)
	return true, nil
}

// upkeepEntry is an entry about a license that was bought before.
type upkeepEntry struct {
	number  uint64
	license uint64 // a hash of its license
}

// judgeUpkeep finds entries about licenses that no entry bought. The hashes of the licenses are sorted.
func (s *screen) judgeUpkeep(r purchase.Reader) error {
	slices.Sort(s.corrected)
	for _, u := range s.upkeep {
		_, bought := slices.BinarySearch(s.licenses, u.license)
		if _, corrected := slices.BinarySearch(s.corrected, u.license); bought || corrected {
			continue
		}
		p, err := r.EntryFacts(u.number, 1)
		if err != nil {
			return fmt.Errorf("read the purchase log: %w", err)
		}
		for _, p := range p {
			s.found.inEntry(&p, purchase.FoundUpkeepWithoutPurchase, p.Number, p.LicenseID)
		}
	}
	return nil
}

func licenseHash(license string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(license))
	return h.Sum64()
}

// takeOrder takes the next order; ok is false if there is none.
func (s *screen) takeOrder(r purchase.Reader) (ok bool, err error) {
	o, ok, err := s.orders.next(r)
	if err != nil || !ok {
		return false, err
	}
	s.enter(o)
	return true, nil
}

// enter makes an order live. It was read from its stream, maybe before it changed to what the records say.
func (s *screen) enter(o purchase.OrderFacts) {
	s.taken = o.ID
	if !o.State.Final() {
		s.unfinished = append(s.unfinished, o.ID)
	}
	if s.suspects[o.ID] {
		return
	}
	s.live[o.ID] = &orderRecords{id: o.ID, order: &o}
	if len(s.live) <= s.limits.live {
		return
	}
	ids := slices.Sorted(maps.Keys(s.live))
	for _, id := range ids[:(len(ids)+1)/2] { // the oldest, whose records are overdue
		s.suspect(id)
	}
}

func (s *screen) suspect(id purchase.OrderID) {
	delete(s.live, id)
	s.suspects[id] = true
}

// find returns the live order that a record names; nil if that order is a suspect now.
func (s *screen) find(r purchase.Reader, id purchase.OrderID) (*orderRecords, error) {
	if o := s.live[id]; o != nil {
		return o, nil
	}
	if s.suspects[id] {
		return nil, nil
	}
	if id > s.taken {
		if err := s.enterUpTo(r, id); err != nil {
			return nil, err
		}
	}
	o := s.live[id]
	if o == nil {
		s.suspect(id)
	}
	return o, nil
}

// enterUpTo makes live the orders up to the one with this id, if it comes soon.
func (s *screen) enterUpTo(r purchase.Reader, id purchase.OrderID) error {
	for s.orders.last < id && len(s.orders.page) < s.limits.ahead {
		if more, err := s.orders.more(r); err != nil || !more {
			if err != nil {
				return err
			}
			break
		}
	}
	at, found := slices.BinarySearchFunc(s.orders.page, id, func(o purchase.OrderFacts, id purchase.OrderID) int {
		return cmp.Compare(o.ID, id)
	})
	if !found {
		return nil
	}
	soon := s.orders.page[:at+1]
	s.orders.page = s.orders.page[at+1:]
	for _, o := range soon {
		s.enter(o)
	}
	return nil
}

// dropComplete drops an order that has ended and agrees with its records so far. If a later record names it, it becomes
// a suspect.
func (s *screen) dropComplete(o *orderRecords) {
	if n := len(o.events); n == 0 || !o.order.State.Final() || o.events[n-1].to != o.order.State {
		return
	}
	var wrong findings
	if wrong.judge(o); wrong.isEmpty() {
		delete(s.live, o.id)
	}
}

// finish judges what is left, in one state of the ledger of which every record was read. An order may have changed
// since it was read from its stream.
func (s *screen) finish(r purchase.Reader) error {
	account, err := r.Account()
	if err != nil {
		return fmt.Errorf("read the account: %w", err)
	}
	if isPaused := account.Pause != nil; isPaused && !s.paused {
		s.found.account = append(s.found.account, purchase.NewFinding("account", purchase.FoundPauseUnrecorded))
	} else if !isPaused && s.paused {
		s.found.account = append(s.found.account, purchase.NewFinding("account", purchase.FoundResumeUnrecorded))
	}
	for _, id := range slices.Sorted(maps.Keys(s.live)) {
		o := s.live[id]
		if err := o.reload(r); err != nil {
			return err
		}
		s.found.judge(o)
	}
	var reserved []purchase.OrderFacts
	slices.Sort(s.unfinished)
	for _, id := range slices.Compact(s.unfinished) {
		o := s.live[id]
		if o == nil {
			o = &orderRecords{id: id}
			if err := o.reload(r); err != nil {
				return err
			}
		}
		if o.order != nil && o.order.IsReserved() {
			reserved = append(reserved, *o.order)
		}
	}
	s.found.budgets, err = s.totals.compare(r, account, reserved)
	return err
}

// suspectOrders returns the suspects, oldest first.
func (s *screen) suspectOrders() []purchase.OrderID { return slices.Sorted(maps.Keys(s.suspects)) }
