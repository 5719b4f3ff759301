package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/internal/config"
	"licensebot/internal/diagnosis"
	"licensebot/internal/escape"
	"licensebot/purchase"
)

// newPricesCommand prints the price list of a CoCalc server that sells memberships, as the server has it.
func newPricesCommand(c stdio) *cobra.Command {
	var form listing
	cmd := &cobra.Command{
		Use: "prices [--json|--csv [--bom]]", Short: "print the list prices of memberships on CoCalc's successor",
		Long: "The prices are read from the server. They are list prices and not an offer: what a person pays can " +
			"differ, and the\n" +
			"bot buys no memberships. For licenses, use bot quote.",
	}
	form.options(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runPrices(cmd.Context(), form, time.Now, c) }
	return cmd
}

func runPrices(ctx context.Context, form listing, now func() time.Time, c stdio) error {
	settings, err := config.ReadFor("COCALC_URL", "COCALC_API_KEY", "COCALC_API_KEY_FILE", "TIMEZONE")
	if err != nil {
		return err
	}
	findServer(ctx, &settings, settings.Database)
	if err := append(settings.Faults.Of("COCALC_URL"),
		settings.CheckSecrets().Of("COCALC_API_KEY", "COCALC_API_KEY_FILE")...).Err(); err != nil {
		return err
	}
	client, err := cocalc.New(cocalc.Options{BaseURL: settings.CoCalcURL, Key: settings.CoCalcAPIKey})
	if err != nil {
		return app.ConfigError(fmt.Errorf("COCALC_URL: %w", err))
	}
	defer client.Close()
	ask, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	switch d := client.Diagnose(ask); d.Condition {
	case cocalc.SellsMemberships:
	case cocalc.SellsLicenses:
		return fmt.Errorf("%s sells licenses and has no price list. Use bot quote 'ram=16 cpu=2' for a license's price",
			settings.CoCalcURL)
	default:
		return &diagnosis.ServerError{Address: settings.CoCalcURL, Diagnosis: d}
	}
	tiers, err := client.MembershipTiers(ask)
	if err != nil {
		text, _, _ := diagnosis.OfAnswer(settings.CoCalcURL, err)
		return fmt.Errorf("%s has no price list that can be read: %s", settings.CoCalcURL, text)
	}
	switch {
	case form.json:
		return writeTiersJSON(c.out, tiers)
	case form.csv:
		return writeTiersCSV(c.out, form, tiers)
	}
	return writeTiers(c.out, settings.CoCalcURL, tiers, now().In(settings.Timezone.Location))
}

func writeTiers(out io.Writer, address string, tiers []cocalc.MembershipTier, at time.Time) error {
	fmt.Fprintf(out, "List prices of memberships at %s, read %s. Not an offer: what a person pays can differ.\n", address,
		at.Format(purchase.MomentStyle))
	if len(tiers) == 0 {
		_, err := fmt.Fprintln(out, "\nThe list is empty.")
		return err
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIER\tLABEL\tMONTHLY\tYEARLY\tIN THE STORE")
	amount := func(d cocalc.Dollars) string {
		if d == "" {
			return "-"
		}
		return d.String()
	}
	for _, t := range tiers {
		store := "no"
		if t.InStore {
			store = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", escape.Quote(t.ID), escape.Quote(t.Label), amount(t.Monthly), amount(t.Yearly),
			store)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out,
		"\nA membership is for one person, not for projects, so no tier equals a license. The bot buys none.")
	return err
}

func writeTiersCSV(out io.Writer, form listing, tiers []cocalc.MembershipTier) error {
	w, err := form.newCSV(out, "tier", "label", "list_price_monthly_usd", "list_price_yearly_usd", "in_store")
	if err != nil {
		return err
	}
	for _, t := range tiers {
		record := []string{
			escape.Cell(t.ID), escape.Cell(t.Label), string(t.Monthly), string(t.Yearly),
			strconv.FormatBool(t.InStore),
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// tierLine is a tier in the JSON form. Amounts have all decimals of the server.
type tierLine struct {
	Tier    string `json:"tier"`
	Label   string `json:"label,omitempty"`
	Monthly string `json:"list_price_monthly_usd,omitempty"`
	Yearly  string `json:"list_price_yearly_usd,omitempty"`
	InStore bool   `json:"in_store"`
}

func writeTiersJSON(out io.Writer, tiers []cocalc.MembershipTier) error {
	var lines []tierLine
	for _, t := range tiers {
		lines = append(lines, tierLine{t.ID, t.Label, string(t.Monthly), string(t.Yearly), t.InStore})
	}
	return writeJSON(out, lines)
}
