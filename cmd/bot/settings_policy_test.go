package main

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/storage"
)

// strict are the settings of a team that limits everything.
var strict = map[string]string{
	"BUYERS": "U1, S1", "APPROVERS": "U2,W3,S2", "ADMINS": "U2,S3", "VIEWERS": "U4,S4", "CHANNELS": "C1,G2",
	"APPROVALS_CHANNEL": "C3", "AUTO_APPROVE_LIMIT": "$50",
	"APPROVE_RENEWING": "true", "APPROVALS_REQUIRED": "2", "APPROVAL_TTL": "24h", "ORDER_LIMIT": "100",
	"MONTHLY_BUDGET": "1,000", "RENEWALS_LIMIT": "500", "PERSON_BUDGET": "2000",
	"PERSON_ORDERS": "3", "MAX_RAM": "8", "MAX_CPU": "2", "MAX_DISK": "10", "MAX_RUN_LIMIT": "30", "MAX_DAYS": "100",
	"PERIODS":      "monthly, range",
	"LEAST_CREDIT": "25.50", "TIMEZONE": "Europe/Vienna",
}

func TestSettings_Policy_HasEveryLimit(t *testing.T) {
	processtest.Environment(t, strict)
	c, err := config.Read()
	if err != nil {
		t.Fatal(err)
	}
	set := func(ids ...string) map[string]bool {
		all := map[string]bool{}
		for _, id := range ids {
			all[id] = true
		}
		return all
	}
	want := purchase.Policy{
		Buyers: set("U1", "S1"), Approvers: set("U2", "W3", "S2"), Admins: set("U2", "S3"), Viewers: set("U4", "S4"),
		Channels:    set("C1", "G2"),
		AutoApprove: 50_00, AskRenewing: true, Approvals: 2, OrderLimit: purchase.Limit{Max: 100_00},
		MonthlyBudget: purchase.Limit{Max: 1000_00}, RenewalsLimit: 500_00,
		PersonBudget: 2000_00, PersonOrders: 3, Largest: purchase.Sizes{RAM: 8, CPU: 2, Disk: 10, RunLimit: 30, Days: 100},
		Periods: map[cocalc.Period]bool{cocalc.PeriodMonthly: true, cocalc.PeriodRange: true}, LeastCredit: 25_50,
	}
	got := c.Policy()
	if got.Location.String() != "Europe/Vienna" || c.ApprovalTTL != 24*time.Hour || c.ApprovalsChannel != "C3" {
		t.Errorf("got %+v, want Europe/Vienna, 24 hours to approve, and the channel C3", c)
	}
	got.Location = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
}

func TestSettings_Policy_Contradictions(t *testing.T) {
	cases := []struct {
		name     string
		settings string
		says     []string
	}{
		{
			"approvers, and nowhere to ask them", "APPROVERS=U1,U2",
			[]string{"APPROVALS_CHANNEL: APPROVERS is set, but there is no channel to ask them in"},
		},
		{
			"more approvals than approvers", "APPROVERS=U1,U1,U2 APPROVALS_CHANNEL=C1 APPROVALS_REQUIRED=3",
			[]string{"APPROVALS_REQUIRED: 3, but APPROVERS lists only 2"},
		},
		{"both", "APPROVERS=U1 APPROVALS_REQUIRED=2", []string{"APPROVALS_CHANNEL: ", "APPROVALS_REQUIRED: "}},
		{"as many as there are", "APPROVERS=U1,U2 APPROVALS_CHANNEL=C1 APPROVALS_REQUIRED=2", nil},
		{"a group has more members", "APPROVERS=S1 APPROVALS_CHANNEL=C1 APPROVALS_REQUIRED=5", nil},
		{"a person may have more than the team", "MONTHLY_BUDGET=100 PERSON_BUDGET=500", nil},
		{"sizes that fit what people get", "MAX_DISK=5 LICENSE_DEFAULTS=disk=5", nil},
		{"fixed terms alone: everybody says how long", "PERIODS=range", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			settings := map[string]string{}
			for _, s := range strings.Fields(c.settings) {
				name, value, _ := strings.Cut(s, "=")
				settings[name] = value
			}
			processtest.Environment(t, settings)
			_, err := config.Read()
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")[1:]
			}
			if !slices.EqualFunc(lines, c.says, strings.HasPrefix) {
				t.Errorf("got %q, want %q", lines, c.says)
			}
		})
	}
}

// settingRecords returns the audit's records of settings.
func settingRecords(t *testing.T, ledger purchase.Ledger) (notes []string) {
	t.Helper()
	err := ledger.View(context.Background(), func(r purchase.Reader) error {
		events, err := r.Events(1, math.MaxInt)
		for _, e := range events {
			if e.Kind == "setting" {
				notes = append(notes, e.Note)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return notes
}

// People who may change the environment may raise a limit; the audit has the time, and the values before and after.
func TestSettings_Policy_ChangesAreAudited(t *testing.T) {
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	start := func(settings map[string]string) []string {
		t.Helper()
		processtest.Environment(t, withSettings(settings))
		c, err := config.Read()
		if err != nil {
			t.Fatal(err)
		}
		wiring, err := c.AppConfig(zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		wiring.Ledger, wiring.Database = ledger, ""
		s, err := app.New(wiring)
		if err != nil {
			t.Fatal(err)
		}
		before := len(settingRecords(t, ledger))
		if err := errors.Join(s.Prepare(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
		return settingRecords(t, ledger)[before:]
	}
	first := start(strict)
	for _, want := range []string{
		"BUYERS=S1,U1", "ORDER_LIMIT=100", "PERSON_ORDERS=3", "LEAST_CREDIT=25.50",
		"APPROVAL_TTL=24h0m0s", "TIMEZONE=Europe/Vienna", "PURCHASES_CHANNEL=",
	} {
		if !slices.Contains(first, want) {
			t.Errorf("audit records: got %q, want %q among them", first, want)
		}
	}
	for _, note := range first {
		for name, secret := range needed {
			if strings.Contains(note, secret) || strings.Contains(note, name) {
				t.Errorf("got a secret in the audit, want none: %q", note)
			}
		}
	}
	if again := start(strict); len(again) > 0 {
		t.Errorf("got the audit records %q, want none: no setting was changed", again)
	}
	changed := map[string]string{}
	for name, value := range strict {
		changed[name] = value
	}
	changed["ORDER_LIMIT"], changed["MAX_RAM"], changed["BUYERS"] = "5000", "none", "*"
	want := []string{
		"BUYERS changed from S1,U1 to *", "MAX_RAM changed from 8 to none",
		"ORDER_LIMIT changed from 100 to 5000",
	}
	if diff := cmp.Diff(want, start(changed)); diff != "" {
		t.Errorf("the audit (-want +got):\n%s", diff)
	}
}
