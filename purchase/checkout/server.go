package checkout

import (
	"licensebot/cocalc"
	"licensebot/purchase"
)

// serverOf returns what a probe found, after what was known; was is nil if that is nothing.
func serverOf(found cocalc.Diagnosis, was *purchase.Server) purchase.Server {
	s := purchase.Server{
		Condition: found.Condition, Reason: found.Reason, Host: found.Redirect.Host, Address: found.Redirect.Address,
		Key: found.Key, Capability: found.Capability, OlderKey: found.OlderKey,
	}
	proven := was != nil && (was.Condition == s.Condition || was.Suspected == s.Condition)
	if !proven && (s.Condition == purchase.HasMoved || s.Condition == purchase.IsForeign) {
		s.Condition, s.Suspected = purchase.IsDown, s.Condition
	}
	return s
}
