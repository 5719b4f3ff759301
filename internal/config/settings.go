// Package config reads the bot's settings from environment variables and from files of secrets, and finds all their
// faults at once.
//
// Start with [Load], which returns [Settings] with the [Faults] of their values, or [Read], which returns the faults as
// an error, and then [Settings.AppConfig], which makes the configuration of a bot. [Fields] lists the settings, and
// [Description] describes each.
package config

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

// Settings are all settings, from the environment. `bot -h` prints them with their descriptions.
type Settings struct {
	SlackBotToken     string `envconfig:"SLACK_BOT_TOKEN"`
	SlackBotTokenFile string `envconfig:"SLACK_BOT_TOKEN_FILE"`
	SlackAppToken     string `envconfig:"SLACK_APP_TOKEN"`
	SlackAppTokenFile string `envconfig:"SLACK_APP_TOKEN_FILE"`
	SlackAPIURL       string `envconfig:"SLACK_API_URL" default:"https://slack.com/api/"`
	CoCalcAPIKey      string `envconfig:"COCALC_API_KEY"`
	CoCalcAPIKeyFile  string `envconfig:"COCALC_API_KEY_FILE"`
	CoCalcURL         string `envconfig:"COCALC_URL"`
	Database          string `envconfig:"DATABASE" default:"licensebot.db"`

	PolicySettings

	LicenseDefaults string `envconfig:"LICENSE_DEFAULTS"`

	CheckoutTimeout time.Duration `envconfig:"CHECKOUT_TIMEOUT" default:"2m"`
	SettleAfter     time.Duration `envconfig:"SETTLE_AFTER" default:"10m"`

	PruneAfter Age `envconfig:"PRUNE_AFTER" default:"none"`

	LogLevel  LogLevel  `envconfig:"LOG_LEVEL" default:"info"`
	LogFormat LogFormat `envconfig:"LOG_FORMAT" default:"json"`

	// Faults are what is wrong with values that could not be read, or contradict each other. Missing secrets are not
	// among them: commands that only read the ledger need none.
	Faults Faults

	files secretFiles
}

// Fields are the fields of Settings that are settings, in the order of the table.
func Fields() (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if f.Tag.Get("envconfig") != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// Names are the names of all settings.
func Names() (names []string) {
	for _, f := range Fields() {
		names = append(names, f.Tag.Get("envconfig"))
	}
	return names
}

// Read reads the environment. Its error names all wrong settings at once, and contains no secret.
func Read() (Settings, error) {
	c := Load()
	return c, c.Faults.Err()
}

// ReadFor reads the environment for a command that needs only these settings. It returns no error for faults of other
// settings.
func ReadFor(settings ...string) (Settings, error) {
	c := Load()
	return c, c.Faults.Of(settings...).Err()
}

// Load reads the environment, with the faults in Settings.Faults. A setting that can't be read has its zero value, and
// TIMEZONE is then UTC.
func Load() (c Settings) {
	// envconfig stops at the first value it cannot read, so it is given one setting after the other.
	v := reflect.ValueOf(&c).Elem()
	for _, field := range Fields() {
		name, at := field.Tag.Get("envconfig"), field.Index
		if err := cleanVariable(name); err != nil {
			c.Faults.Add(name, "%v", err)
			continue
		}
		field.Index = nil
		one := reflect.New(reflect.StructOf([]reflect.StructField{field}))
		if err := errors.Join(checkEmpty(field), envconfig.Process("", one.Interface())); err != nil {
			c.Faults.Add(name, "%s", friendlyError(err))
			continue
		}
		v.FieldByIndex(at).Set(one.Elem().Field(0))
	}
	if c.Timezone.Location == nil {
		c.Timezone.Location = time.UTC
	}
	c.readSecretFiles()
	// A value that could not be read is zero now, which is not reported as a second fault.
	unread := c.Faults
	for _, fault := range c.inconsistencies() {
		if len(unread.Of(fault.Setting)) == 0 {
			c.Faults = append(c.Faults, fault)
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

// checkEmpty refuses an empty number that has a default: it would mean no limit, which must be set explicitly.
func checkEmpty(field reflect.StructField) error {
	value, set := os.LookupEnv(field.Tag.Get("envconfig"))
	if !set || value != "" || field.Tag.Get("default") == "" || field.Type != reflect.TypeFor[Maximum]() {
		return nil
	}
	return fmt.Errorf("empty: use a whole number above 0, or remove the setting to use %s", field.Tag.Get("default"))
}

// friendlyError describes the fault of a value, without envconfig's Go types.
func friendlyError(err error) string {
	wrong, ok := errors.AsType[*envconfig.ParseError](err)
	switch {
	case !ok:
		return err.Error()
	case wrong.TypeName == "time.Duration":
		return redactValue(wrong.Value) + " is not a duration. Use e.g. 90s or 10m"
	case wrong.TypeName == "bool":
		return redactValue(wrong.Value) + " must be true or false"
	}
	return fmt.Sprintf("%s: %v", redactValue(wrong.Value), wrong.Err)
}

// redactValue quotes a wrong value for an error, and hides what may be a token: people mix up lines of a file.
func redactValue(value string) string {
	for _, prefix := range []string{"xox", "xapp-", "sk-"} {
		if strings.Contains(value, prefix) {
			return "[a secret]"
		}
	}
	return strconv.Quote(value)
}

// inconsistencies returns faults of readable values, in the order of their settings' names.
func (c Settings) inconsistencies() (faults Faults) {
	for name, value := range map[string]string{"SLACK_API_URL": c.SlackAPIURL, "COCALC_URL": c.CoCalcURL} {
		if name == "COCALC_URL" && value == "" {
			continue // the ledger may note it: findServer
		}
		if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			faults.Add(name, "must be a URL that begins with https://")
		}
	}
	durations := map[string]time.Duration{"CHECKOUT_TIMEOUT": c.CheckoutTimeout, "SETTLE_AFTER": c.SettleAfter}
	for name, value := range durations {
		if value <= 0 {
			faults.Add(name, "must be above 0")
		}
	}
	if c.SettleAfter > 0 && c.SettleAfter <= c.CheckoutTimeout {
		faults.Add("SETTLE_AFTER", "must be longer than CHECKOUT_TIMEOUT: until then, a checkout may still be in progress")
	}
	if c.Database == "" {
		faults.Add("DATABASE", "a file name is required")
	}
	faults = append(faults, c.policyFaults()...)
	wrong := slices.Concat(c.Faults, faults)
	if len(wrong.Of("APPROVERS", "APPROVALS_CHANNEL", "APPROVALS_REQUIRED", "APPROVAL_TTL")) == 0 {
		faults = append(faults, c.approvalFaults()...) // otherwise they are reported once those can be read
	}
	faults = append(faults, c.files.doubled...)
	if _, wrong := c.LicenseSpec(); len(wrong) > 0 {
		faults = append(faults, wrong...)
	} else {
		faults = append(faults, c.unbuyableDefaults()...)
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
}

// WriteTable prints the table of settings.
func WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, field := range Fields() {
		tag := field.Tag
		def := tag.Get("default")
		if def == "" {
			def = "-"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", tag.Get("envconfig"), def, Description(field))
	}
	return t.Flush()
}

// LicenseSpec returns the defaults of LICENSE_DEFAULTS, and its faults.
func (c Settings) LicenseSpec() (spec cocalc.LicenseSpec, faults Faults) {
	const setting = "LICENSE_DEFAULTS"
	f, mistakes := commands.ParseFields(c.LicenseDefaults)
	for _, m := range mistakes {
		faults.Add(setting, "%s", m.Sentence)
	}
	for _, name := range []string{"start", "end", "days", "title", "description", "reason", "project"} {
		if _, said := f.Get(name); said {
			faults.Add(setting, "`%s` can't have a default", name)
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
		faults.Add(setting, "%s", m.Sentence)
	}
	return spec, faults
}
