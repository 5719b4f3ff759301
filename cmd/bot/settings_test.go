package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/purchase"
)

// needed are the required settings.
var needed = map[string]string{
	"SLACK_BOT_TOKEN": "xoxb-1-secretBotToken", "SLACK_APP_TOKEN": "xapp-1-secretAppToken",
	"COCALC_API_KEY": "sk-secretCoCalcKey",
	"COCALC_URL":     "https://cocalc.example",
}

func withSettings(more map[string]string) map[string]string {
	all := maps.Clone(needed)
	maps.Copy(all, more)
	return all
}

func TestSettings_Defaults(t *testing.T) {
	processtest.Environment(t, nil)
	c, err := config.Read()
	if err != nil {
		t.Fatal(err)
	}
	if c.SlackAPIURL != "https://slack.com/api/" || c.CoCalcURL != "" || c.Database != "licensebot.db" ||
		c.CheckoutTimeout != 2*time.Minute || c.SettleAfter != 10*time.Minute || c.LogLevel.String() != "info" ||
		c.LogFormat != "json" || c.PurchasesChannel != "" || c.Timezone.String() != "UTC" {
		t.Errorf("got %+v, want the defaults", c)
	}
	nobody := map[string]bool{}
	want := purchase.Policy{
		Buyers: nobody, Approvers: nobody, Admins: nobody, Viewers: nobody, Channels: nobody, Approvals: 1,
		OrderLimit:    purchase.Limit{Max: 200_00},
		MonthlyBudget: purchase.Limit{Max: 1000_00}, PersonOrders: 10, Largest: purchase.Sizes{Days: 366},
		Periods: map[cocalc.Period]bool{}, Location: time.UTC,
	}
	if diff := cmp.Diff(want, c.Policy(), cmp.Comparer(func(a, b *time.Location) bool {
		return a.String() == b.String()
	})); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	if spec, wrong := c.LicenseSpec(); len(wrong) > 0 || spec != cocalc.DefaultSpec() {
		t.Errorf("got the defaults %+v and the faults %v, want those of CoCalc and none", spec, wrong)
	}
	for _, name := range []string{"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "COCALC_API_KEY"} {
		if missing := c.CheckSecrets().Of(name); len(missing) != 1 || !strings.HasPrefix(missing[0].Text, "not set; ") {
			t.Errorf("want the fault that %s is missing, got %v", name, missing)
		}
	}
}

// Every fault of one setting, with its line of output.
func TestSettings_Read_Faults(t *testing.T) {
	cases := []struct {
		name, setting, value, says string
	}{
		{
			"no bot token", "SLACK_BOT_TOKEN", "",
			"SLACK_BOT_TOKEN: not set; find it in the Slack app under OAuth & Permissions, once the app is installed",
		},
		{"tokens mixed up", "SLACK_BOT_TOKEN", "xapp-1-secretAppToken", "SLACK_BOT_TOKEN: doesn't begin with xoxb-; "},
		{
			"a token of two lines", "SLACK_BOT_TOKEN", "xoxb-1-secret\nBotToken",
			"SLACK_BOT_TOKEN: has characters that no token has. Copy it again",
		},
		{"no app token", "SLACK_APP_TOKEN", "", "SLACK_APP_TOKEN: not set; create one with connections:write"},
		{"no key", "COCALC_API_KEY", " ", "COCALC_API_KEY: not set; create one in CoCalc's account settings, under API Keys"},
		{
			"an address without a scheme", "SLACK_API_URL", "slack.com/api/",
			"SLACK_API_URL: must be a URL that begins with https://",
		},
		{"no address", "SLACK_API_URL", "", "SLACK_API_URL: must be a URL that begins with https://"},
		{
			"an address of another kind", "COCALC_URL", "ftp://cocalc.example",
			"COCALC_URL: must be a URL that begins with https://",
		},
		{
			"no CoCalc server", "COCALC_URL", " ",
			"COCALC_URL: not set; use the address of the CoCalc server that sells you licenses, such as https://cocalc.example",
		},
		{"no name of a file", "DATABASE", "", "DATABASE: a file name is required"},
		{"a name instead of an id", "BUYERS", "U1,@alice", `BUYERS: "@alice" is not the id of a Slack user or group. `},
		{
			"an admin by name", "ADMINS", "U1, bob",
			`ADMINS: "bob" is not the id of a Slack user or group. Copy a user's (U…) from their profile, under Copy member ID`,
		},
		{"everybody an admin", "ADMINS", "*", `ADMINS: "*" is not the id of a Slack user or group. `},
		{"everybody an approver", "APPROVERS", "*", `APPROVERS: "*" is not the id of a Slack user or group. `},
		{"a viewer by name", "VIEWERS", "finance", `VIEWERS: "finance" is not the id of a Slack user or group. `},
		{"a channel by name", "CHANNELS", "C1,#general", `CHANNELS: "#general" is not a channel id. `},
		{
			"approvers asked by name", "APPROVALS_CHANNEL", "#approvals",
			`APPROVALS_CHANNEL: "#approvals" is not a channel id. `,
		},
		{
			"a channel to ask in, and nobody to ask", "APPROVALS_CHANNEL", "C1",
			"APPROVALS_CHANNEL: set, but APPROVERS is empty, so no one would be asked",
		},
		{
			"a price to ask from, and nobody to ask", "AUTO_APPROVE_LIMIT", "50",
			"AUTO_APPROVE_LIMIT: set, but APPROVERS is empty, so no one would be asked",
		},
		{
			"a price to ask from that says nothing", "AUTO_APPROVE_LIMIT", "none",
			`AUTO_APPROVE_LIMIT: "none": use an amount in dollars, such as 250 or 99.50`,
		},
		{
			"renewals to ask about, and nobody to ask", "APPROVE_RENEWING", "true",
			"APPROVE_RENEWING: set, but APPROVERS is empty, so no one would be asked",
		},
		{"renewals perhaps", "APPROVE_RENEWING", "perhaps", `APPROVE_RENEWING: "perhaps" must be true or false`},
		{
			"two people to ask, and nobody", "APPROVALS_REQUIRED", "2",
			"APPROVALS_REQUIRED: set, but APPROVERS is empty, so no one would be asked",
		},
		{"no approval needed", "APPROVALS_REQUIRED", "none", "APPROVALS_REQUIRED: use a whole number above 0"},
		{"half an approval", "APPROVALS_REQUIRED", "0.5", `APPROVALS_REQUIRED: "0.5": use a whole number above 0`},
		{"no time to agree", "APPROVAL_TTL", "0s", "APPROVAL_TTL: must be above 0"},
		{
			"nothing for one person", "PERSON_BUDGET", "0",
			"PERSON_BUDGET: 0 would let no one buy. For that, leave BUYERS empty; for no limit, use none",
		},
		{
			"nothing that renews", "RENEWALS_LIMIT", "0", "RENEWALS_LIMIT: 0 would let no one buy a license that renews. For " +
				"that, use PERIODS=range; for no limit, use none",
		},
		{"nothing in a day", "PERSON_ORDERS", "0", `PERSON_ORDERS: "0": use a whole number above 0, or none for no limit`},
		{"no RAM", "MAX_RAM", "-1", `MAX_RAM: "-1": use a whole number above 0, or none for no limit`},
		{
			"less disk than everybody gets", "MAX_DISK", "5",
			"MAX_DISK: 5, but people who leave out `disk` get 10: set a smaller one in LICENSE_DEFAULTS",
		},
		{"a period that is not there", "PERIODS", "monthly,weekly", `PERIODS: "weekly" is not monthly, yearly or range`},
		{
			"not the period that everybody gets", "PERIODS", "yearly,range",
			"PERIODS: lacks monthly, which people get when they leave out `period`: set another one in LICENSE_DEFAULTS",
		},
		{"a credit in words", "LEAST_CREDIT", "some", `LEAST_CREDIT: "some": use an amount in dollars, such as 250 or 99.50`},
		{
			"a limit in words", "ORDER_LIMIT", "much",
			`ORDER_LIMIT: "much": use an amount in dollars, such as 250 or 99.50, or none for no limit`,
		},
		{"a negative budget", "MONTHLY_BUDGET", "-1", `MONTHLY_BUDGET: "-1": use an amount in dollars`},
		{"an empty budget", "MONTHLY_BUDGET", "", `MONTHLY_BUDGET: "": use an amount in dollars`},
		{"a comma before the cents", "MONTHLY_BUDGET", "99,50", `MONTHLY_BUDGET: "99,50": use an amount in dollars`},
		{
			"as many orders as nothing", "PERSON_ORDERS", "",
			`PERSON_ORDERS: empty: use a whole number above 0, or remove the setting to use 10`,
		},
		{
			"as many days as nothing", "MAX_DAYS", " ",
			`MAX_DAYS: empty: use a whole number above 0, or remove the setting to use 366`,
		},
		{
			"no number of approvals", "APPROVALS_REQUIRED", "",
			`APPROVALS_REQUIRED: empty: use a whole number above 0, or remove the setting to use 1`,
		},
		{"two ids in one", "BUYERS", "U1;U2", `BUYERS: "U1;U2" is not the id of a Slack user or group. `},
		{"two channels in one", "CHANNELS", "C1 C2", `CHANNELS: "C1 C2" is not a channel id. `},
		{"a channel's name", "PURCHASES_CHANNEL", "#general", `PURCHASES_CHANNEL: "#general" is not a channel id. `},
		{"no such time zone", "TIMEZONE", "Vienna", `TIMEZONE: "Vienna": use a time zone such as Europe/Vienna or UTC`},
		{"a time without a unit", "CHECKOUT_TIMEOUT", "90", `CHECKOUT_TIMEOUT: "90" is not a duration. Use e.g. 90s or 10m`},
		{"no time at all", "CHECKOUT_TIMEOUT", "0s", "CHECKOUT_TIMEOUT: must be above 0"},
		{"watched for no time", "SETTLE_AFTER", "-1m", "SETTLE_AFTER: must be above 0"},
		{
			"watched for less than a checkout takes", "SETTLE_AFTER", "1m",
			"SETTLE_AFTER: must be longer than CHECKOUT_TIMEOUT",
		},
		{
			"an age that is too small", "PRUNE_AFTER", "399d",
			"PRUNE_AFTER: \"399d\": use an age of at least 400 days, such as 400d, or none",
		},
		{"an age without a unit", "PRUNE_AFTER", "500", "PRUNE_AFTER: \"500\": use an age of at least 400 days"},
		{"a level that is not there", "LOG_LEVEL", "verbose", `LOG_LEVEL: "verbose": use debug, info, warn or error`},
		{"a format that is not there", "LOG_FORMAT", "xml", `LOG_FORMAT: "xml": use json or console`},
		{"an unknown field", "LICENSE_DEFAULTS", "usr=academic", "LICENSE_DEFAULTS: `usr`"},
		{"a default out of bounds", "LICENSE_DEFAULTS", "ram=64", "LICENSE_DEFAULTS: `ram` must be between 1 and 16 GB."},
		{
			"a default for one license only", "LICENSE_DEFAULTS", "title=Statistics",
			"LICENSE_DEFAULTS: `title` can't have a default",
		},
		{
			"a token in the wrong place", "BUYERS", "xoxb-1-secretBotToken",
			"BUYERS: [a secret] is not the id of a Slack user or group. ",
		},
		{
			"a key in the wrong place", "ORDER_LIMIT", "sk-secretCoCalcKey",
			"ORDER_LIMIT: [a secret]: use an amount in dollars",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			processtest.Environment(t, withSettings(map[string]string{c.setting: c.value}))
			got := does(t, "", "run")
			lines := strings.Split(strings.TrimSpace(got.err), "\n")
			if got.code != 2 || got.out != "" || len(lines) != 2 || lines[0] != "bot: invalid configuration:" ||
				!strings.HasPrefix(lines[1], c.says) {
				t.Errorf("got exit code %d, output %q, error %q; want 2, nothing, %q alone", got.code, got.out, got.err, c.says)
			}
			if strings.Contains(got.err, "secret") && !strings.Contains(got.err, "[a secret]") {
				t.Errorf("got a secret in the error, want it hidden:\n%s", got.err)
			}
		})
	}
}

func TestSettings_Read_AllFaultsAtOnce(t *testing.T) {
	processtest.Environment(t, map[string]string{
		"SLACK_BOT_TOKEN": "xapp-swapped", "COCALC_URL": "cocalc", "BUYERS": "alice", "ORDER_LIMIT": "x", "TIMEZONE": "?",
		"CHECKOUT_TIMEOUT": "?", "SETTLE_AFTER": "?", "LICENSE_DEFAULTS": "ram=64 cpu=9 title=x reason=y", "LOG_LEVEL": "all",
	})
	got := does(t, "", "run")
	var names []string
	for _, line := range strings.Split(strings.TrimSpace(got.err), "\n")[1:] {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, strings.TrimSuffix(name, ":"))
	}
	want := []string{
		"ORDER_LIMIT", "TIMEZONE", "CHECKOUT_TIMEOUT", "SETTLE_AFTER", "LOG_LEVEL", "BUYERS", "COCALC_URL",
		"LICENSE_DEFAULTS", "LICENSE_DEFAULTS", "LICENSE_DEFAULTS", "LICENSE_DEFAULTS",
		"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "COCALC_API_KEY",
	}
	if diff := cmp.Diff(want, names); diff != "" || got.code != 2 {
		t.Errorf("got exit code %d (-want +got):\n%s\n%s", got.code, diff, got.err)
	}
	if again := does(t, "", "run"); again.err != got.err {
		t.Errorf("faults of a second run: got\n%s\nwant the same order\n%s", again.err, got.err)
	}
}

// Files of secrets end with a line break, and lists contain spaces.
func TestSettings_Read_SpacesAroundValues(t *testing.T) {
	processtest.Environment(t, map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-1-secretBotToken\n", "SLACK_APP_TOKEN": " xapp-1-secretAppToken",
		"COCALC_API_KEY": "sk-secretCoCalcKey\r\n", "BUYERS": " U1 , W2,", "ADMINS": "W3, ",
	})
	c, err := config.Read()
	if err != nil || len(c.CheckSecrets()) > 0 {
		t.Fatalf("got %v, %v; want no fault", err, c.CheckSecrets())
	}
	if c.SlackBotToken != needed["SLACK_BOT_TOKEN"] || c.SlackAppToken != needed["SLACK_APP_TOKEN"] ||
		c.CoCalcAPIKey != needed["COCALC_API_KEY"] {
		t.Error("got values with spaces around them, want them trimmed")
	}
	if diff := cmp.Diff(map[string]bool{"U1": true, "W2": true}, c.Policy().Buyers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]bool{"W3": true}, c.Policy().Admins); diff != "" {
		t.Error(diff)
	}
}

func TestSettings_Policy_Buyers(t *testing.T) {
	cases := []struct {
		name, buyers string
		everyone     bool
		list         map[string]bool
	}{
		{"nobody", "", false, map[string]bool{}},
		{"everybody", "*", true, map[string]bool{}},
		{"two people", "U1,U2", false, map[string]bool{"U1": true, "U2": true}},
		{"everybody, and one by name", "U1,*", true, map[string]bool{"U1": true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			processtest.Environment(t, map[string]string{"BUYERS": c.buyers, "ORDER_LIMIT": "none", "MONTHLY_BUDGET": "$2,500"})
			config, err := config.Read()
			if err != nil {
				t.Fatal(err)
			}
			p := config.Policy()
			if p.Everyone != c.everyone || !maps.Equal(p.Buyers, c.list) || !p.OrderLimit.None ||
				p.MonthlyBudget != (purchase.Limit{Max: 2500_00}) {
				t.Errorf("got %+v, want everyone %t, buyers %v, no order limit, a monthly budget of $2,500.00", p, c.everyone,
					c.list)
			}
		})
	}
}

func TestSettings_LicenseSpec_Defaults(t *testing.T) {
	change := func(set func(*cocalc.LicenseSpec)) cocalc.LicenseSpec {
		s := cocalc.DefaultSpec()
		set(&s)
		return s
	}
	cases := []struct {
		text string
		want cocalc.LicenseSpec
	}{
		{"user=academic uptime=short", change(func(s *cocalc.LicenseSpec) {
			s.User, s.Uptime = cocalc.UserAcademic, cocalc.UptimeShort
		})},
		{"ram=4 cpu=1", change(func(s *cocalc.LicenseSpec) { s.RAM, s.CPU = 4, 1 })},
		{"period=yearly member=no", change(func(s *cocalc.LicenseSpec) { s.Period, s.Member = cocalc.PeriodYearly, false })},
		{"disk=20 boost=yes run_limit=30", change(func(s *cocalc.LicenseSpec) {
			s.Disk, s.Boost, s.RunLimit = 20, true, 30
		})},
	}
	for _, c := range cases {
		if got, err := (config.Settings{LicenseDefaults: c.text}).LicenseSpec(); len(err) > 0 || got != c.want {
			t.Errorf("%q: got %+v (faults %v), want %+v", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{
		"days=30", "end=2027-01-31", "start=2027-01-01", "period=range", "reason=because", "description=x",
		"project=2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e", "uptime=day member=no", "ram=4 ram=8", "disk=0", "nonsense",
	} {
		if got, err := (config.Settings{LicenseDefaults: text}).LicenseSpec(); len(err) == 0 {
			t.Errorf("%q: got %+v (faults %v), want a fault", text, got, err)
		}
	}
}
