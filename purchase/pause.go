package purchase

import "cmp"

// AnnouncedPrice is what the order costs: as the server said at the last look before paying, or else as shown.
func (o *Order) AnnouncedPrice() Cents { return cmp.Or(o.Amount, o.Price) }
