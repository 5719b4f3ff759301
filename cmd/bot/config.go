package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kelseyhightower/envconfig"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/commands"
)

// config is every setting, from the environment. The tags are the table that `bot -h` prints.
type config struct {
	SlackBotToken     string `envconfig:"SLACK_BOT_TOKEN" desc:"bot token, xoxb-…; required"`
	SlackBotTokenFile string `envconfig:"SLACK_BOT_TOKEN_FILE" desc:"file that holds the bot token, instead of SLACK_BOT_TOKEN"`
	SlackAppToken     string `envconfig:"SLACK_APP_TOKEN" desc:"app-level token with connections:write, xapp-…; required"`
	SlackAppTokenFile string `envconfig:"SLACK_APP_TOKEN_FILE" desc:"file that holds the app-level token, instead of SLACK_APP_TOKEN"`
	SlackAPIURL       string `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"Slack's Web API"`
	CoCalcAPIKey      string `envconfig:"COCALC_API_KEY" desc:"API key of the CoCalc account that pays, sk-…; required"`
	CoCalcAPIKeyFile  string `envconfig:"COCALC_API_KEY_FILE" desc:"file that holds the API key, instead of COCALC_API_KEY"`
	CoCalcURL         string `envconfig:"COCALC_URL" desc:"address of the CoCalc server where licenses are bought, https://…; required"`
	Database          string `envconfig:"DATABASE" default:"licensebot.db" desc:"file of the ledger"`

	policySettings

	LicenseDefaults string `envconfig:"LICENSE_DEFAULTS" desc:"defaults for fields that people leave out, e.g. user=academic uptime=short"`

	CheckoutTimeout time.Duration `envconfig:"CHECKOUT_TIMEOUT" default:"2m" desc:"how long a checkout may take before its outcome counts as unknown"`
	SettleAfter     time.Duration `envconfig:"SETTLE_AFTER" default:"10m" desc:"how long to wait before treating an unconfirmed checkout as failed (applied twice)"`

	LogLevel  logLevel  `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat logFormat `envconfig:"LOG_FORMAT" default:"json" desc:"json or console"`

	files  secretFiles
	faults settingFaults
}

// settingFields are the fields of config that are settings, in the order of the table.
func settingFields() (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config]()) {
		if f.Tag.Get("envconfig") != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// readConfig reads the environment. Its error names every setting that is wrong, all at once, without the secrets.
func readConfig() (config, error) {
	c := readSettings()
	return c, c.faults.err()
}

// readFor reads the environment for a command that needs only these settings. Faults of others don't keep it from
// reading the ledger.
func readFor(settings ...string) (config, error) {
	c := readSettings()
	return c, c.faults.of(settings...).err()
}

// readSettings reads the environment, with the faults in config.faults. A setting that can't be read has its zero
// value, and TIMEZONE is then UTC.
func readSettings() (c config) {
	// envconfig stops at the first value it cannot read, so it is given one setting after the other.
	v := reflect.ValueOf(&c).Elem()
	for _, field := range settingFields() {
		name, at := field.Tag.Get("envconfig"), field.Index
		if err := cleanVariable(name); err != nil {
			c.faults.add(name, "%v", err)
			continue
		}
		field.Index = nil
		one := reflect.New(reflect.StructOf([]reflect.StructField{field}))
		if err := errors.Join(blank(field), envconfig.Process("", one.Interface())); err != nil {
			c.faults.add(name, "%s", plainly(err))
			continue
		}
		v.FieldByIndex(at).Set(one.Elem().Field(0))
	}
	if c.Timezone.Location == nil {
		c.Timezone.Location = time.UTC
	}
	c.readSecretFiles()
	// What could not be read is its zero value now; that is not told as a second fault.
	unread := c.faults
	for _, fault := range c.inconsistencies() {
		if len(unread.of(fault.setting)) == 0 {
			c.faults = append(c.faults, fault)
		}
	}
	return c
}

// cleanVariable writes a variable back into the environment as [cleanValue] reads it, since envconfig reads it there.
func cleanVariable(name string) error {
	raw, set := os.LookupEnv(name)
	if !set {
		return nil
	}
	value, err := cleanValue(raw)
	if err != nil || value == raw {
		return err
	}
	return os.Setenv(name, value)
}

// blank refuses an empty number that has a default: it would mean no limit, which must be set explicitly.
func blank(field reflect.StructField) error {
	value, set := os.LookupEnv(field.Tag.Get("envconfig"))
	if !set || value != "" || field.Tag.Get("default") == "" || field.Type != reflect.TypeFor[most]() {
		return nil
	}
	return fmt.Errorf("empty: use a whole number above 0, or remove the setting to use %s", field.Tag.Get("default"))
}

// plainly describes what is wrong with a value, without envconfig's Go types.
func plainly(err error) string {
	wrong, ok := errors.AsType[*envconfig.ParseError](err)
	switch {
	case !ok:
		return err.Error()
	case wrong.TypeName == "time.Duration":
		return shown(wrong.Value) + " is not a duration. Use e.g. 90s or 10m"
	case wrong.TypeName == "bool":
		return shown(wrong.Value) + " must be true or false"
	}
	return fmt.Sprintf("%s: %v", shown(wrong.Value), wrong.Err)
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

// inconsistencies returns faults of readable values, in the order of their settings' names.
func (c config) inconsistencies() (faults settingFaults) {
	for name, value := range map[string]string{"SLACK_API_URL": c.SlackAPIURL, "COCALC_URL": c.CoCalcURL} {
		if name == "COCALC_URL" && value == "" {
			continue // the ledger may note it: findServer
		}
		if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			faults.add(name, "must be a URL that begins with https://")
		}
	}
	for name, value := range map[string]time.Duration{"CHECKOUT_TIMEOUT": c.CheckoutTimeout, "SETTLE_AFTER": c.SettleAfter} {
		if value <= 0 {
			faults.add(name, "must be above 0")
		}
	}
	if c.SettleAfter > 0 && c.SettleAfter <= c.CheckoutTimeout {
		faults.add("SETTLE_AFTER", "must be longer than CHECKOUT_TIMEOUT: until then, a checkout may still be in progress")
	}
	if c.Database == "" {
		faults.add("DATABASE", "a file name is required")
	}
	faults = append(faults, c.policyFaults()...)
	if wrong := slices.Concat(c.faults, faults); len(wrong.of("APPROVERS", "APPROVALS_CHANNEL", "APPROVALS_REQUIRED", "APPROVAL_TTL")) == 0 {
		faults = append(faults, c.approvalFaults()...) // otherwise they are reported once those can be read
	}
	faults = append(faults, c.files.doubled...)
	if _, wrong := c.defaults(); len(wrong) > 0 {
		faults = append(faults, wrong...)
	} else {
		faults = append(faults, c.unbuyableDefaults()...)
	}
	slices.SortFunc(faults, func(a, b settingFault) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
}

// printSettings prints the table of settings.
func printSettings(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, field := range settingFields() {
		tag := field.Tag
		def := tag.Get("default")
		if def == "" {
			def = "-"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", tag.Get("envconfig"), def, tag.Get("desc"))
	}
	return t.Flush()
}

// defaults returns the license's defaults, and what is wrong with LICENSE_DEFAULTS.
func (c config) defaults() (spec cocalc.LicenseSpec, faults settingFaults) {
	const setting = "LICENSE_DEFAULTS"
	f, mistakes := commands.ParseFields(c.LicenseDefaults)
	for _, m := range mistakes {
		faults.add(setting, "%s", m.Sentence)
	}
	for _, name := range []string{"start", "end", "days", "title", "description", "reason", "project"} {
		if _, said := f.Get(name); said {
			faults.add(setting, "`%s` can't have a default", name)
		}
	}
	spec = bot.Specify(cocalc.DefaultSpec(), f, time.Time{}, time.UTC)
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
		faults.add(setting, "%s", m.Sentence)
	}
	return spec, faults
}
