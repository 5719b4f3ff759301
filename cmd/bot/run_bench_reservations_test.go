package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/storage"
)

// BenchmarkDesk_Reservations lets 500 people confirm four orders each, one after the other, against one month's budget
// and a ledger on the disk, without Slack. It reports the median number of durable reservations a second.
func BenchmarkDesk_Reservations(b *testing.B) {
	const each = 4
	server := cocalctest.New(cocalctest.Config{Seed: 7})
	shop := newClient(b, server, server.Start(b))
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	var rates, commits []float64
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		ledger, err := storage.Open(b.TempDir() + "/ledger.db")
		if err != nil {
			b.Fatal(err)
		}
		d := desk.New(desk.Options{Ledger: ledger, Shop: shop, Log: zerolog.Nop(), Policy: purchase.Policy{
			Everyone: true, OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: 6375 * burst * each},
		}})
		actors, ids := make([]purchase.Actor, burst), make([][each]purchase.OrderID, burst)
		concurrently(b, burst, func(n int) error {
			actors[n] = purchase.Actor{ID: fmt.Sprintf("U0P%03d", n), Membership: purchase.Member}
			for i := range each {
				p, err := d.Propose(b.Context(), purchase.Request{Requester: actors[n], Spec: spec})
				if err != nil {
					return err
				}
				ids[n][i] = p.Order.ID
			}
			return nil
		})
		before := ledger.Commits()
		began := time.Now()
		b.StartTimer()
		concurrently(b, burst, func(n int) error {
			for _, id := range ids[n] {
				action := purchase.Action{Actor: actors[n]}
				if _, err := d.Decide(b.Context(), action, id, orders.Decision{Kind: orders.Confirm}); err != nil {
					return err
				}
			}
			return nil
		})
		b.StopTimer()
		rates = append(rates, burst*each/time.Since(began).Seconds())
		commits = append(commits, float64(ledger.Commits()-before))
		if got := currentBudget(b, ledger).Reserved; got != 6375*burst*each {
			b.Errorf("reserved: got %s, want %s", got, purchase.Cents(6375*burst*each))
		}
		if err := ledger.Close(); err != nil {
			b.Error(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(median(rates), "reservations/s")
	b.ReportMetric(median(commits), "commits")
	b.ReportMetric(0, "ns/op")
}
