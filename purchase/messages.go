package purchase

import "slices"

// Drop forgets a message that cannot be reached any more.
func (o *Order) Drop(kind MessageKind) {
	o.Messages = slices.DeleteFunc(o.Messages, func(m Message) bool { return m.Kind == kind })
}

// Put keeps a message, in place of an earlier one of its kind.
func (o *Order) Put(m Message) {
	o.Drop(m.Kind)
	o.Messages = append(o.Messages, m)
}
