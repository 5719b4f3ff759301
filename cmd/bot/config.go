package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kelseyhightower/envconfig"
	"github.com/rs/zerolog"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/commands"
	"licensebot/purchase"
)

// config is every setting, from the environment. The tags are the table that `bot -h` prints.
type config struct {
	SlackBotToken string `envconfig:"SLACK_BOT_TOKEN" desc:"bot token, xoxb-…; needed"`
	SlackAppToken string `envconfig:"SLACK_APP_TOKEN" desc:"app-level token with connections:write, xapp-…; needed"`
	SlackAPIURL   string `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"Slack's Web API"`
	CoCalcAPIKey  string `envconfig:"COCALC_API_KEY" desc:"API key of the CoCalc account that pays, sk-…; needed"`
	CoCalcURL     string `envconfig:"COCALC_URL" default:"https://cocalc.com" desc:"the CoCalc server"`
	Database      string `envconfig:"DATABASE" default:"licensebot.db" desc:"file of the ledger"`

	Buyers           []string `envconfig:"BUYERS" desc:"Slack user ids of who may buy, with commas between; * is everybody; empty is nobody"`
	Admins           []string `envconfig:"ADMINS" desc:"Slack user ids of who may settle orders and pause or resume buying, with commas between"`
	OrderLimit       dollars  `envconfig:"ORDER_LIMIT" default:"200" desc:"the most that one order may cost, in dollars; none is no limit"`
	MonthlyBudget    dollars  `envconfig:"MONTHLY_BUDGET" default:"1000" desc:"the most that all orders of a month may cost, in dollars; none is no limit"`
	LicenseDefaults  string   `envconfig:"LICENSE_DEFAULTS" desc:"fields for what people leave out, such as user=academic uptime=short"`
	PurchasesChannel string   `envconfig:"PURCHASES_CHANNEL" desc:"channel id for the line about every purchase; empty is the channel of the command"`
	Timezone         location `envconfig:"TIMEZONE" default:"UTC" desc:"where months and days begin, such as Europe/Vienna"`

	CheckoutTimeout time.Duration `envconfig:"CHECKOUT_TIMEOUT" default:"2m" desc:"how long a checkout may take before its outcome counts as unknown"`
	SettleAfter     time.Duration `envconfig:"SETTLE_AFTER" default:"10m" desc:"how long an unknown checkout is watched before it counts as not bought, twice"`

	LogLevel  logLevel  `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat logFormat `envconfig:"LOG_FORMAT" default:"json" desc:"json or console"`
}

// errSettings wraps what is wrong with the settings, a line each.
var errSettings = errors.New("the settings need mending")

// readConfig reads the environment. Its error names every setting that is wrong, all at once, without the secrets.
func readConfig() (config, error) {
	var c config
	var faults []error
	// envconfig stops at the first value it cannot read, so it is given one setting after the other.
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		one := reflect.New(reflect.StructOf([]reflect.StructField{v.Type().Field(i)}))
		if err := envconfig.Process("", one.Interface()); err != nil {
			faults = append(faults, plainly(err))
			continue
		}
		value := one.Elem().Field(0)
		if value.Type() == reflect.TypeFor[string]() {
			value.SetString(strings.TrimSpace(value.String())) // files of secrets end with a line break
		}
		v.Field(i).Set(value)
	}
	// What could not be read is its zero value now; that is not told as a second fault.
	unread := settingsError(faults)
	for _, fault := range c.inconsistencies() {
		name, _, _ := strings.Cut(fault.Error(), ":")
		if unread == nil || !strings.Contains(unread.Error(), name+":") {
			faults = append(faults, fault)
		}
	}
	return c, settingsError(faults)
}

func settingsError(faults []error) error {
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%w", errSettings, errors.Join(faults...))
}

// plainly says which setting is wrong without envconfig's talk of Go types.
func plainly(err error) error {
	var wrong *envconfig.ParseError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.TypeName == "time.Duration" {
		return fmt.Errorf("%s: %s is no duration such as 90s or 10m", wrong.KeyName, shown(wrong.Value))
	}
	return fmt.Errorf("%s: %s: %w", wrong.KeyName, shown(wrong.Value), wrong.Err)
}

// shown is a wrong value as an error repeats it. Who mixed up two lines of a file may have put a token there.
func shown(value string) string {
	for _, prefix := range []string{"xox", "xapp-", "sk-"} {
		if strings.Contains(value, prefix) {
			return "[a secret]"
		}
	}
	return strconv.Quote(value)
}

// inconsistencies are faults of values that can be read.
func (c config) inconsistencies() []error {
	var faults []error
	for name, value := range map[string]string{"SLACK_API_URL": c.SlackAPIURL, "COCALC_URL": c.CoCalcURL} {
		if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			faults = append(faults, fmt.Errorf("%s: it must be an address that begins with https://", name))
		}
	}
	for name, value := range map[string]time.Duration{"CHECKOUT_TIMEOUT": c.CheckoutTimeout, "SETTLE_AFTER": c.SettleAfter} {
		if value <= 0 {
			faults = append(faults, fmt.Errorf("%s: it must be above 0", name))
		}
	}
	if c.SettleAfter > 0 && c.SettleAfter <= c.CheckoutTimeout {
		faults = append(faults, errors.New("SETTLE_AFTER: it must be longer than CHECKOUT_TIMEOUT, since a checkout that is still under way proves nothing"))
	}
	if c.Database == "" {
		faults = append(faults, errors.New("DATABASE: the name of a file is needed"))
	}
	if p := c.PurchasesChannel; p != "" && !strings.HasPrefix(p, "C") && !strings.HasPrefix(p, "G") {
		faults = append(faults, fmt.Errorf("PURCHASES_CHANNEL: %s is no channel id; Slack shows it at the end of the channel's details, C…", shown(p)))
	}
	for _, list := range []struct {
		name string
		ids  []string
		all  string // what may stand there besides
	}{{"BUYERS", c.Buyers, "*"}, {"ADMINS", c.Admins, ""}} {
		for _, id := range list.ids {
			if id = strings.TrimSpace(id); id != "" && id != list.all && !strings.HasPrefix(id, "U") && !strings.HasPrefix(id, "W") {
				faults = append(faults, fmt.Errorf("%s: %s is no Slack user id; Slack shows it in a person's profile under Copy member ID, U…", list.name, shown(id)))
			}
		}
	}
	if _, err := c.defaults(); err != nil {
		faults = append(faults, err)
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
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
		case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }):
			faults = append(faults, fmt.Errorf("%s has characters in it that belong to no token: copy it again", name))
		}
	}
	need("SLACK_BOT_TOKEN", c.SlackBotToken, "xoxb-", "Slack shows it under OAuth & Permissions, after the app was installed")
	need("SLACK_APP_TOKEN", c.SlackAppToken, "xapp-", "create one with connections:write under Basic Information, App-Level Tokens")
	need("COCALC_API_KEY", c.CoCalcAPIKey, "sk-", keyWhere)
	return settingsError(faults)
}

const keyWhere = "CoCalc makes one in the account's settings, under API Keys"

// needKey checks the one secret that is needed to ask CoCalc.
func (c config) needKey() error {
	if c.CoCalcAPIKey == "" {
		return settingsError([]error{errors.New("COCALC_API_KEY is not set: " + keyWhere)})
	}
	return nil
}

// printSettings prints the table of settings.
func printSettings(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	kind := reflect.TypeFor[config]()
	for i := range kind.NumField() {
		tag := kind.Field(i).Tag
		def := tag.Get("default")
		if def == "" {
			def = "-"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", tag.Get("envconfig"), def, tag.Get("desc"))
	}
	return t.Flush()
}

// defaults is what people get who leave a field out.
func (c config) defaults() (cocalc.LicenseSpec, error) {
	f, mistakes := commands.ParseFields(c.LicenseDefaults)
	var faults []error
	for _, m := range mistakes {
		faults = append(faults, errors.New("LICENSE_DEFAULTS: "+m.Sentence))
	}
	for _, name := range []string{"start", "end", "days", "title", "description", "reason", "project"} {
		if _, said := f.Get(name); said {
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
	p := purchase.Policy{Buyers: map[string]bool{}, Admins: map[string]bool{}, OrderLimit: c.OrderLimit.Limit, MonthlyBudget: c.MonthlyBudget.Limit, Location: c.Timezone.Location}
	for _, id := range c.Buyers {
		switch id = strings.TrimSpace(id); id {
		case "":
		case "*":
			p.Everyone = true
		default:
			p.Buyers[id] = true
		}
	}
	for _, id := range c.Admins {
		if id = strings.TrimSpace(id); id != "" {
			p.Admins[id] = true
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

// logLevel is how much is logged.
type logLevel struct{ zerolog.Level }

// Decode implements envconfig.Decoder.
func (l *logLevel) Decode(name string) (err error) {
	switch name {
	case "debug", "info", "warn", "error":
		l.Level, err = zerolog.ParseLevel(name)
		return err
	}
	return errors.New("debug, info, warn or error is needed")
}

// logFormat is how log lines look.
type logFormat string

// Decode implements envconfig.Decoder.
func (l *logFormat) Decode(name string) error {
	if name != "json" && name != "console" {
		return errors.New("json or console is needed")
	}
	*l = logFormat(name)
	return nil
}
