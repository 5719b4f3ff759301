package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/commands"
	"licensebot/purchase"
)

// config is every setting, from the environment.
type config struct {
	SlackBotToken string `envconfig:"SLACK_BOT_TOKEN" desc:"bot token, xoxb-…"`
	SlackAppToken string `envconfig:"SLACK_APP_TOKEN" desc:"app-level token with connections:write, xapp-…"`
	SlackAPIURL   string `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"Slack's Web API"`
	CoCalcAPIKey  string `envconfig:"COCALC_API_KEY" desc:"API key of the CoCalc account that pays, sk-…"`
	CoCalcURL     string `envconfig:"COCALC_URL" default:"https://cocalc.com" desc:"the CoCalc server"`
	Ledger        string `envconfig:"LEDGER" default:"licensebot.db" desc:"file of the ledger"`

	Buyers        []string `envconfig:"BUYERS" desc:"Slack user ids of who may buy, with commas between; * is everybody; empty is nobody"`
	OrderLimit    dollars  `envconfig:"ORDER_LIMIT" default:"100" desc:"the most that one order may cost, in dollars; none for no limit"`
	MonthlyBudget dollars  `envconfig:"MONTHLY_BUDGET" default:"500" desc:"the most that all orders of a month may cost, in dollars; none for no limit"`

	LicenseDefaults string   `envconfig:"LICENSE_DEFAULTS" desc:"fields for what people leave out, such as user=academic uptime=short"`
	Timezone        location `envconfig:"TIMEZONE" default:"UTC" desc:"in which months and days begin, such as Europe/Vienna"`
	LogLevel        string   `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
}

// readConfig reads the environment. Its error names every setting that is wrong, without the secrets.
func readConfig() (config, error) {
	var c config
	if err := envconfig.Process("", &c); err != nil {
		return c, fmt.Errorf("read the settings: %w", plainly(err))
	}
	return c, nil
}

// plainly says which setting is wrong without envconfig's talk of Go types.
func plainly(err error) error {
	var wrong *envconfig.ParseError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s=%q: %w", wrong.KeyName, wrong.Value, wrong.Err)
	}
	return err
}

// secrets checks that what the bot cannot run without is there and looks right. All faults are told at once.
func (c config) secrets() error {
	var faults []error
	need := func(name, value, prefix, where string) {
		switch {
		case value == "":
			faults = append(faults, fmt.Errorf("%s is not set: %s", name, where))
		case !strings.HasPrefix(value, prefix):
			faults = append(faults, fmt.Errorf("%s does not begin with %s: %s", name, prefix, where))
		}
	}
	need("SLACK_BOT_TOKEN", c.SlackBotToken, "xoxb-", "Slack shows it under OAuth & Permissions, after the app was installed")
	need("SLACK_APP_TOKEN", c.SlackAppToken, "xapp-", "create one with connections:write under Basic Information, App-Level Tokens")
	need("COCALC_API_KEY", c.CoCalcAPIKey, "sk-", "CoCalc makes one in the account's settings, under API Keys")
	return errors.Join(faults...)
}

// defaults is what people get who leave a field out.
func (c config) defaults() (cocalc.LicenseSpec, error) {
	f, mistakes := commands.ParseFields(c.LicenseDefaults)
	var faults []error
	for _, m := range mistakes {
		faults = append(faults, errors.New("LICENSE_DEFAULTS: "+m.Sentence))
	}
	for name, said := range map[string]bool{
		"title": f.Title != nil, "description": f.Description != nil, "reason": f.Reason != nil, "project": f.Project != nil,
		"start": f.Start != nil, "end": f.End != nil, "days": f.Days != nil,
	} {
		if said {
			faults = append(faults, fmt.Errorf("LICENSE_DEFAULTS: `%s` belongs to one license and cannot be a default", name))
		}
	}
	spec := bot.Specify(cocalc.DefaultSpec(), f, time.Time{}, time.UTC)
	probe := spec // ram and cpu may be left to people, and so may the dates of a fixed term
	if probe.RAM == 0 {
		probe.RAM = cocalc.MinRAM
	}
	if probe.CPU == 0 {
		probe.CPU = cocalc.MinCPU
	}
	if probe.Period == cocalc.PeriodRange {
		probe.Period = cocalc.PeriodMonthly
	}
	for _, m := range probe.Validate(time.Time{}) {
		faults = append(faults, errors.New("LICENSE_DEFAULTS: "+m.Sentence))
	}
	return spec, errors.Join(faults...)
}

// policy is who may buy how much.
func (c config) policy() purchase.Policy {
	p := purchase.Policy{Buyers: map[string]bool{}, OrderLimit: c.OrderLimit.Limit, MonthlyBudget: c.MonthlyBudget.Limit, Location: c.Timezone.Location}
	for _, id := range c.Buyers {
		switch id = strings.TrimSpace(id); id {
		case "":
		case "*":
			p.Everyone = true
		default:
			p.Buyers[id] = true
		}
	}
	return p
}

// dollars is an amount as people write it: "250", "99.50", "$1,000", or "none" for no limit.
type dollars struct{ purchase.Limit }

// Decode implements envconfig.Decoder.
func (d *dollars) Decode(text string) error {
	clean := strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(text), "$"), ",", "")
	if clean == "none" {
		d.Limit = purchase.Limit{None: true}
		return nil
	}
	whole, fraction, point := strings.Cut(clean, ".")
	if whole == "" || len(whole) > 9 || (point && (fraction == "" || len(fraction) > 2)) {
		return errDollars
	}
	var cents int64
	for _, r := range whole + (fraction + "00")[:2] {
		if r < '0' || r > '9' {
			return errDollars
		}
		cents = cents*10 + int64(r-'0')
	}
	d.Limit = purchase.Limit{Max: cocalc.Cents(cents)}
	return nil
}

var errDollars = errors.New("an amount of dollars is needed, such as 250 or 99.50, or none for no limit")

// location is a time zone by its name.
type location struct{ *time.Location }

// Decode implements envconfig.Decoder.
func (l *location) Decode(name string) (err error) {
	if l.Location, err = time.LoadLocation(name); err != nil {
		return errors.New("a time zone such as Europe/Vienna or UTC is needed")
	}
	return nil
}
