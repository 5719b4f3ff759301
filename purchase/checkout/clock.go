package checkout

import (
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// watchSpan returns the span for which an ended order is watched.
func (wk *Worker) watchSpan(o purchase.Order) register.Span {
	return register.Span{What: "watch", Until: o.WatchUntil, Length: wk.timing.Settle + wk.reg.WatchStep(), Careful: true}
}

// patience returns the span for which a trouble that began at since is waited out.
func (wk *Worker) patience(what string, since time.Time) register.Span {
	return register.Span{What: what, Until: since.Add(wk.timing.Patience), Length: wk.timing.Patience}
}
