package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/internal/cli"
	"licensebot/internal/config"
	"licensebot/internal/diagnosis"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// verifyOptions are the options of bot verify.
type verifyOptions struct {
	online bool
	file   string
	noted  head
}

// newVerifyCommand checks a ledger, also while a bot runs, and changes nothing. It prints each fault on a line.
func newVerifyCommand(c stdio) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use: "verify [--online] [--head NUMBER:HASH] [--database FILE]", Args: cli.NoArguments,
		Short: "check the ledger or a copy of it; with --online, also compare it with CoCalc",
	}
	cmd.Flags().BoolVar(&o.online, "online", false, "also compare the purchase log with CoCalc's purchases")
	cmd.Flags().StringVar(&o.file, "database", "", "the `FILE` to check, such as a backup; default: the ledger")
	cmd.Flags().Var(&o.noted, "head", "check that a record you noted earlier as `NUMBER:HASH` is still in the chain")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runVerify(cmd.Context(), o, c) }
	return cmd
}

func runVerify(ctx context.Context, o verifyOptions, c stdio) error {
	needed := []string{}
	if o.file == "" {
		needed = append(needed, "DATABASE")
	}
	if o.online {
		needed = append(needed, "COCALC_URL", "COCALC_API_KEY", "COCALC_API_KEY_FILE")
	}
	settings, err := config.ReadFor(needed...)
	if err != nil {
		return err
	}
	missing := fmt.Errorf("there is no file %s", o.file)
	if o.file == "" {
		o.file, missing = settings.Database, noLedger(settings.Database)
	}
	if _, err := os.Stat(o.file); isMissing(err) {
		return missing
	}
	if o.online {
		if err := settings.CheckKey(); err != nil {
			return err
		}
	}
	v := verification{file: o.file, noted: o.noted, online: o.online, loc: settings.Timezone.Location, out: c.out}
	if err := v.read(ctx); err != nil {
		return err
	}
	if o.online {
		if findServer(ctx, &settings, o.file) {
			v.note("COCALC_URL is not set, so CoCalc is asked at %s, which the ledger notes.", settings.CoCalcURL)
		}
		if err := settings.Faults.Of("COCALC_URL").Err(); err != nil {
			return err
		}
		if err := v.askCoCalc(ctx, settings); err != nil {
			text, remedy, _ := diagnosis.OfAnswer(settings.CoCalcURL, err)
			if fault, ok := errors.AsType[*diagnosis.ServerError](err); ok {
				text, remedy, _ = diagnosis.OfServer(fault.Address, fault.Diagnosis)
			}
			return errors.New(strings.TrimSuffix("the ledger was checked, but not compared with CoCalc: "+text+". "+remedy,
				". "))
		}
	}
	v.printHead()
	if v.wrong > 0 {
		return fmt.Errorf("found %s in the ledger %s; nothing was changed", plural(v.wrong, "problem"), o.file)
	}
	return nil
}

// verification is one run of bot verify.
type verification struct {
	file   string
	noted  head
	online bool // the ledger will be compared with CoCalc
	loc    *time.Location
	out    io.Writer

	report storage.Report
	ledger *reconcile.LedgerView
	wrong  int
}

// read checks the file's records. It returns an error if they can't be read any further.
func (v *verification) read(ctx context.Context) error {
	var findings []purchase.Finding
	var account purchase.AccountState
	var then purchase.Event
	at := time.Now()
	report, err := storage.Verify(ctx, v.file, func(r purchase.Reader) (err error) {
		if findings, err = reconcile.CheckConsistency(ctx, reconcile.Snapshot{Reader: r}, nil); err != nil {
			return err
		}
		if account, err = r.Account(); err != nil {
			return err
		}
		if then, err = v.noted.record(r); err != nil || !v.online {
			return err
		}
		v.ledger, err = reconcile.ReadLedgerView(r, at)
		return err
	})
	if err != nil {
		return app.AdviseDamaged(err)
	}
	v.report = report
	v.good("%s holds %s. Every record is unchanged, and the chain has no gap.", v.file, contents(report))
	for _, f := range findings {
		v.bad("%s", bot.FindingWords(f, bot.Reader{}))
	}
	if len(findings) == 0 {
		v.good("The budgets, orders, purchase log and audit records agree.")
	}
	if v.noted.number > 0 {
		v.compareNoted(then)
	}
	if p := account.Pause; p != nil {
		v.note("Buying has been paused since %s: %s", v.day(p.Since),
			bot.ReasonsWords(p, bot.Reader{Admin: true, Zone: v.loc}))
	}
	if r := account.Restored; r != nil {
		v.note("It was restored on %s from a backup that ends with record %d; the bot hasn't compared it with CoCalc yet.",
			v.day(r.At), r.Head)
	}
	return nil
}

func (v *verification) compareNoted(then purchase.Event) {
	switch {
	case then.Kind == purchase.KindPruned && then.Number > v.noted.number:
		v.note("Record %d was pruned, with those from %d to %d: refusals and proposals that were never confirmed are "+
			"removed after PRUNE_AFTER. The chain continues over them, so this hash can't be compared any more; a later one "+
			"can.",
			v.noted.number, then.Number+1-uint64(then.Count), then.Number)
	case then.Hash == v.noted.hash:
		v.good("Record %d is in the chain as you noted it: nothing up to it was changed.", v.noted.number)
	case then.Number == 0:
		v.bad("Record %d, which you noted, is missing: the chain ends with record %d. This is an older copy, or its end "+
			"was cut off.", v.noted.number, v.report.Head.Number)
	default:
		v.bad("Record %d has a different hash than you noted: the chain was rewritten, or this is another ledger.",
			v.noted.number)
	}
}

// askCoCalc compares the purchase log with what CoCalc sold.
func (v *verification) askCoCalc(ctx context.Context, settings config.Settings) error {
	client, err := cocalc.New(cocalc.Options{BaseURL: settings.CoCalcURL, Key: settings.CoCalcAPIKey})
	if err != nil {
		return err
	}
	defer client.Close()
	if d := client.Diagnose(ctx); d.Condition != cocalc.SellsLicenses {
		return &diagnosis.ServerError{Address: settings.CoCalcURL, Diagnosis: d}
	}
	account, err := reconcile.ReadAccount(ctx, client)
	if err != nil {
		return err
	}
	said := v.ledger.Compare(account)
	for _, f := range said.Wrong {
		v.bad("%s", bot.FindingWords(f, bot.Reader{}))
	}
	for _, n := range said.Notes {
		v.note("%s", bot.Words(bot.Comparing, n, bot.Reader{}))
	}
	same := "id and amount"
	if !said.HasAmounts {
		same = "id (this older CoCalc doesn't report amounts)"
	}
	if len(said.Wrong) == 0 {
		v.good("CoCalc agrees: it sold %s in the log with the same %s, and nothing else through this bot.",
			plural(said.Agree, "license"), same)
	} else {
		v.note("CoCalc sold %s in the log with the same %s.", plural(said.Agree, "license"), same)
	}
	if said.Upkeep > 0 {
		v.good("CoCalc shows %s in the log with the same amount.",
			plural(said.Upkeep, "renewal, change or refund", "renewals, changes and refunds"))
	}
	if said.OtherUpkeep > 0 {
		v.note("%s of licenses that weren't bought through this bot.",
			plural(said.OtherUpkeep, "purchase on the account is a renewal or change",
				"purchases on the account are renewals or changes"))
	}
	if n := len(said.Unrecognized); n > 0 {
		v.note("%s made outside this bot since the ledger began:",
			plural(n, "purchase on the account was", "purchases on the account were"))
		for _, s := range said.Unrecognized {
			fmt.Fprintln(v.out, "    "+bot.Words(bot.Comparing, s, bot.Reader{}))
		}
	}
	if said.Earlier > 0 {
		v.note("%s from before the ledger began.",
			plural(said.Earlier, "purchase on the account is", "purchases on the account are"))
	}
	return nil
}

func (v *verification) good(text string, args ...any) { fmt.Fprintf(v.out, "✓ "+text+"\n", args...) }

func (v *verification) bad(text string, args ...any) {
	v.wrong++
	fmt.Fprintf(v.out, "✗ "+text+"\n", args...)
}

func (v *verification) note(text string, args ...any) { fmt.Fprintf(v.out, "- "+text+"\n", args...) }

func (v *verification) day(t time.Time) string { return t.In(v.loc).Format(purchase.MomentStyle) }

// printHead ends with what can be compared with the purchases channel.
func (v *verification) printHead() {
	if v.report.Head.Number == 0 {
		v.note("The chain is empty: nothing has happened yet.")
		return
	}
	fmt.Fprintf(v.out, "Head of the chain, from %s:\n%s\n", v.day(v.report.Head.Time), headOf(v.report.Head))
}

// contents describes the content of a ledger.
func contents(r storage.Report) string {
	pruned := ""
	if r.Pruned > 0 {
		pruned = fmt.Sprintf(" (%d of them pruned)", r.Pruned)
	}
	return fmt.Sprintf("%s, %s and %s%s in %d KB", plural(r.Orders, "order"), plural(r.Purchases, "purchase"),
		plural(int(r.Head.Number), "audit record"), pruned, (r.Size+1023)>>10)
}

// head is a record of the audit chain as people note it: "17:9f86d0…".
type head struct {
	number uint64
	hash   string
}

func headOf(e purchase.Event) head { return head{e.Number, e.Hash} }

// String implements pflag.Value.
func (h head) String() string {
	if h.number == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%s", h.number, h.hash)
}

// Type implements pflag.Value.
func (h head) Type() string { return "NUMBER:HASH" }

// Set implements pflag.Value.
func (h *head) Set(text string) error {
	number, hash, _ := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.ParseUint(number, 10, 63)
	raw, noHex := hex.DecodeString(hash)
	if err != nil || noHex != nil || n == 0 || len(raw) != 32 {
		return errors.New("use NUMBER:HASH, as you noted it")
	}
	h.number, h.hash = n, strings.ToLower(hash)
	return nil
}

// record returns the audit record with a number, or the one that stands for it since it was pruned; the zero Event if
// there is none.
func (h head) record(r purchase.Reader) (purchase.Event, error) {
	if h.number == 0 {
		return purchase.Event{}, nil
	}
	events, err := r.Events(h.number, 1)
	if err != nil || len(events) == 0 || !events[0].StandsFor(h.number) {
		return purchase.Event{}, err
	}
	return events[0], nil
}
