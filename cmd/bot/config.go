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
	SlackBotToken     string `envconfig:"SLACK_BOT_TOKEN" desc:"bot token, xoxb-…; needed"`
	SlackBotTokenFile string `envconfig:"SLACK_BOT_TOKEN_FILE" desc:"file that holds the bot token, in the place of SLACK_BOT_TOKEN"`
	SlackAppToken     string `envconfig:"SLACK_APP_TOKEN" desc:"app-level token with connections:write, xapp-…; needed"`
	SlackAppTokenFile string `envconfig:"SLACK_APP_TOKEN_FILE" desc:"file that holds the app-level token, in the place of SLACK_APP_TOKEN"`
	SlackAPIURL       string `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"Slack's Web API"`
	CoCalcAPIKey      string `envconfig:"COCALC_API_KEY" desc:"API key of the CoCalc account that pays, sk-…; needed"`
	CoCalcAPIKeyFile  string `envconfig:"COCALC_API_KEY_FILE" desc:"file that holds the API key, in the place of COCALC_API_KEY"`
	CoCalcURL         string `envconfig:"COCALC_URL" default:"https://cocalc.com" desc:"the CoCalc server"`
	Database          string `envconfig:"DATABASE" default:"licensebot.db" desc:"file of the ledger"`

	policySettings

	LicenseDefaults string `envconfig:"LICENSE_DEFAULTS" desc:"fields for what people leave out, such as user=academic uptime=short"`

	CheckoutTimeout time.Duration `envconfig:"CHECKOUT_TIMEOUT" default:"2m" desc:"how long a checkout may take before its outcome counts as unknown"`
	SettleAfter     time.Duration `envconfig:"SETTLE_AFTER" default:"10m" desc:"how long an unknown checkout is watched before it counts as not bought, twice"`

	LogLevel  logLevel  `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat logFormat `envconfig:"LOG_FORMAT" default:"json" desc:"json or console"`

	files secretFiles
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

// errSettings wraps what is wrong with the settings, a line each.
var errSettings = errors.New("the settings need mending")

// readConfig reads the environment. Its error names every setting that is wrong, all at once, without the secrets.
func readConfig() (config, error) {
	var c config
	var faults []error
	// envconfig stops at the first value it cannot read, so it is given one setting after the other.
	v := reflect.ValueOf(&c).Elem()
	for _, field := range settingFields() {
		at := field.Index
		field.Index = nil
		one := reflect.New(reflect.StructOf([]reflect.StructField{field}))
		if err := errors.Join(envconfig.Process("", one.Interface()), blank(field)); err != nil {
			faults = append(faults, plainly(err))
			continue
		}
		value := one.Elem().Field(0)
		if value.Type() == reflect.TypeFor[string]() {
			value.SetString(strings.TrimSpace(value.String())) // files of secrets end with a line break
		}
		v.FieldByIndex(at).Set(value)
	}
	c.readSecretFiles()
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

// blank refuses a number that has a default and is set to nothing: that would be no limit, and nobody said so.
func blank(field reflect.StructField) error {
	name := field.Tag.Get("envconfig")
	value, set := os.LookupEnv(name)
	if !set || strings.TrimSpace(value) != "" || field.Tag.Get("default") == "" || field.Type != reflect.TypeFor[most]() {
		return nil
	}
	return fmt.Errorf("%s: %q: a whole number above 0 is needed; leave it out for %s", name, value, field.Tag.Get("default"))
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
	switch wrong.TypeName {
	case "time.Duration":
		return fmt.Errorf("%s: %s is no duration such as 90s or 10m", wrong.KeyName, shown(wrong.Value))
	case "bool":
		return fmt.Errorf("%s: %s is neither true nor false", wrong.KeyName, shown(wrong.Value))
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
	faults = append(faults, c.policyFaults()...)
	faults = append(faults, c.files.doubled...)
	if _, err := c.defaults(); err != nil {
		faults = append(faults, err)
	} else {
		faults = append(faults, c.unbuyableDefaults()...)
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
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
