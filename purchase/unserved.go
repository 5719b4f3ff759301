package purchase

// Untold reports whether the outcome of the order is unknown and CoCalc can't tell it any more.
func (o *Order) Untold() bool { return o.State == Unknown && o.Wait.Why().Code == WaitsForServer }

// Failure returns why an order ends that waited for the server.
func (s Server) Failure() *Failure {
	switch s.Condition {
	case IsDown:
		return NewFailure(FailUnreachable, "why", "down")
	case Misaddressed:
		return NewFailure(FailUnreachable, "why", "address")
	default:
		return NewFailure(FailNotSold, "why", "server", "condition", string(s.Condition))
	}
}
