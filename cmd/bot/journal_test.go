package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/storage"
)

// bookkeeper is a program that reads journals, as packaged by Debian.
type bookkeeper struct {
	format string
	// balance lets the program read a journal in its strictest mode, and returns the balance of an account in dollars.
	balance func(t *testing.T, path, account string) (balance string, err error)
}

var bookkeepers = []bookkeeper{
	{"hledger", func(t *testing.T, path, account string) (string, error) {
		if out, err := runProgram(t, "hledger", "-f", path, "check", "accounts", "ordereddates"); err != nil {
			return out, err
		}
		out, err := runProgram(t, "hledger", "-f", path, "balance", "--flat", "--no-total", "--format", "%(total)",
			"^"+account+"$")
		return strings.TrimSuffix(strings.TrimSpace(out), " USD"), err
	}},
	{"ledger", func(t *testing.T, path, account string) (string, error) {
		out, err := runProgram(t, "ledger", "--args-only", "-f", path, "--pedantic", "--no-pager", "balance", "--flat",
			"--no-total",
			"--balance-format", "%(scrub(display_total))", "^"+account+"$")
		return strings.TrimSuffix(strings.TrimSpace(out), " USD"), err
	}},
	{"beancount", func(t *testing.T, path, account string) (string, error) {
		if out, err := runProgram(t, "bean-check", path); err != nil {
			return out, err
		}
		out, err := runProgram(t, "bean-query", "-f", "csv", path,
			fmt.Sprintf("SELECT sum(number) AS total WHERE account = '%s'",
				account))
		_, total, _ := strings.Cut(strings.TrimSpace(out), "\n")
		return strings.TrimSpace(total), err
	}},
}

// runProgram runs a bookkeeping program without the settings of the person who runs the test.
func runProgram(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LEDGER_FILE=")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%v: got no such program, want hledger, ledger and beancount, as `make test` installs them on Debian", err)
	}
	return string(out), err
}

// exportJournal exports the ledger to a file.
func exportJournal(t *testing.T, format string, more ...string) (path string) {
	t.Helper()
	got := does(t, "", append([]string{"purchases", "--format", format}, more...)...)
	if got.code != 0 || got.err != "" {
		t.Fatalf("got exit code %d, want 0: %s", got.code, got.err)
	}
	path = filepath.Join(t.TempDir(), "purchases."+format)
	if err := os.WriteFile(path, []byte(got.out), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkBalance checks that a program reads the journal of the ledger, and that both accounts have the ledger's sum.
func (b bookkeeper) checkBalance(t *testing.T, path, expense, payment string, sum cocalc.Cents) {
	t.Helper()
	for account, want := range map[string]cocalc.Cents{expense: sum, payment: -sum} {
		got, err := b.balance(t, path, account)
		if err != nil {
			text, _ := os.ReadFile(path)
			t.Fatalf("%s: got error %v, want none: %s\n%s", b.format, err, got, text)
		}
		if got == "" {
			got = "0.00"
		}
		if got != dollarsOf(want) {
			t.Errorf("%s: got %s in %s, want %s, as in the ledger", b.format, got, account, dollarsOf(want))
		}
	}
}

func sumOf(all []purchase.Purchase) (sum cocalc.Cents) {
	for _, p := range all {
		sum += p.Charged
	}
	return sum
}

// Titles and names that could have another meaning in a journal.
var journalTraps = []string{
	"(1) code", "* cleared", "! pending", "; comment", "a  ; comment", "a\t; comment", "x | y", `"quoted" \" \`,
	`back\slash\n`,
	"#tag ^link", "= 2026-01-01", "[2026-01-01]", "date: 2020-01-01", ":tag:", "~ monthly", "P 2026-01-01 USD $5",
	"{{x}} @ $5", "2020-01-01 * other",
	"Statistics\n2020-01-01 * injected\n    Expenses:Evil  $1\n    Assets:Evil", "a\r\nb", "می\u200cخواهم", "中文；标题",
	"👩\u200d🏫", "\u202e", "end comment", "% x", "'",
}

func TestJournal_Formats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path, "TIMEZONE": "Europe/Vienna"})
	for _, b := range bookkeepers {
		t.Run(b.format, func(t *testing.T) {
			file := exportJournal(t, b.format)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "purchases."+b.format, string(text))
			b.checkBalance(t, file, expenseAccount, paymentAccount, sumOf(examplePurchases()))
		})
	}
}

func TestJournal_Titles_StayText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	var all []purchase.Purchase
	for _, trap := range journalTraps {
		p := examplePurchases()[0]
		p.Spec.Title, p.Requester.Name, p.Reason, p.Place.Name = trap, trap, trap, trap
		p.Requester.ID, p.Place.ID, p.LicenseID, p.Order, p.Month = trap, trap, trap, purchase.OrderID(trap), trap
		all = append(all, p)
	}
	keepLedger(t, path, all...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, b := range bookkeepers {
		t.Run(b.format, func(t *testing.T) {
			file := exportJournal(t, b.format)
			b.checkBalance(t, file, expenseAccount, paymentAccount, sumOf(all))
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if strings.Contains(line, "Evil") && !strings.Contains(line, "injected") || strings.HasPrefix(line, "2020") {
					t.Errorf("got the line %q of a title, want it inside its entry", line)
				}
			}
		})
	}
	out, err := runProgram(t, "hledger", "-f", exportJournal(t, "hledger"), "tags")
	if want := strings.Join([]string{
		"bought", "channel", "entry", "item", "license", "month", "order", "purchase",
		"requester",
	}, "\n") + "\n"; err != nil || out != want {
		t.Errorf("got the tags %q, want the bot's alone; error %v", out, err)
	}
}

// The books agree with the ledger to the cent, whatever was charged and corrected, in whatever order CoCalc reported
// it.
func TestJournal_Sum_EqualsLedger(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []purchase.Purchase
	for n := range 300 {
		p := examplePurchases()[n%5]
		p.Time = p.Time.Add(time.Duration(rng.IntN(90*24)) * time.Hour)
		p.Charged = cocalc.Cents(rng.IntN(3_000_000))
		if p.Correction {
			p.Charged -= 1_500_000
		}
		all = append(all, p)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, all...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, b := range bookkeepers {
		b.checkBalance(t, exportJournal(t, b.format), expenseAccount, paymentAccount, sumOf(all))
	}
}

func TestJournal_EmptyLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, b := range bookkeepers {
		if out, err := b.balance(t, exportJournal(t, b.format), expenseAccount); err != nil {
			t.Errorf("%s: got error %v, want none: %s", b.format, err, out)
		}
	}
}

// Monthly imports get every purchase once, also a double buy that CoCalc reported after later purchases.
func TestJournal_Import_MissesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	at := func(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }
	plain := func(day int, p purchase.Purchase) purchase.Purchase {
		p.Time = at(day)
		return p
	}
	grows := [][]purchase.Purchase{
		{plain(3, examplePurchases()[0])},
		// bought twice on the 3rd; CoCalc reports it on the 20th
		{plain(20, examplePurchases()[1]), plain(3, examplePurchases()[3])},
		{plain(20, examplePurchases()[4]), plain(20, examplePurchases()[0])}, // corrected
		// all of them late
		{plain(21, examplePurchases()[2]), plain(3, examplePurchases()[4]), plain(20, examplePurchases()[3])},
		// without a newer one
		{plain(3, examplePurchases()[3]), plain(21, examplePurchases()[3]), plain(20, examplePurchases()[4])},
	}
	keepLedger(t, path)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	folder := t.TempDir()
	books, export := filepath.Join(folder, "books.journal"), filepath.Join(folder, "purchases.journal")
	if err := os.WriteFile(books, []byte("commodity USD\naccount "+expenseAccount+"\naccount "+paymentAccount+"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	var all []purchase.Purchase
	for _, more := range grows {
		appendPurchases(t, path, more...)
		all = append(all, more...)
		if err := os.Rename(exportJournal(t, "hledger"), export); err != nil {
			t.Fatal(err)
		}
		if out, err := runProgram(t, "hledger", "-f", books, "import", export); err != nil {
			t.Fatalf("hledger import: got error %v, want none: %s", err, out)
		}
		bookkeepers[0].checkBalance(t, books, expenseAccount, paymentAccount, sumOf(all))
	}
}

// appendPurchases appends to the log of a ledger that no process has open.
func appendPurchases(t *testing.T, path string, more ...purchase.Purchase) {
	t.Helper()
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error {
		for _, p := range more {
			if _, err := w.AddPurchase(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
}

// The journal's numbers have the same value in books that use a decimal comma.
func TestJournal_Import_DecimalComma(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	books := filepath.Join(t.TempDir(), "books.journal")
	text := fmt.Sprintf("commodity 1.000,00 USD\ninclude %s\n\n2026-12-31 * more\n    %s  1,50 USD\n    %s\n",
		exportJournal(t, "hledger"), expenseAccount, paymentAccount)
	if err := os.WriteFile(books, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := bookkeepers[0].balance(t, books, expenseAccount)
	if want := "1.065,30"; err != nil || got != want {
		t.Errorf("balance: got %s (error %v), want %s", got, err, want)
	}
}

// Books that open their accounts themselves include the journal without its open directives.
func TestJournal_Import_AccountsOpenedElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, c := range []struct {
		file string
		ok   bool
	}{{exportJournal(t, "beancount", "--no-open"), true}, {exportJournal(t, "beancount"), false}} {
		books := filepath.Join(t.TempDir(), "books.beancount")
		text := fmt.Sprintf("2020-01-01 open %s\n2020-01-01 open %s USD\ninclude %q\n", expenseAccount, paymentAccount,
			c.file)
		if err := os.WriteFile(books, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := bookkeepers[2].balance(t, books, expenseAccount); (err == nil) != c.ok {
			t.Errorf("got error %v, want the books accepted: %t: %s", err, c.ok, out)
		}
	}
}

// bot purchases accepts only account names that the bookkeeping program accepts with the same meaning.
func TestJournal_AccountNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for name, formats := range map[string]string{
		"Expenses:Software:CoCalc":  "hledger ledger beancount",
		"Expenses:2026:9-x":         "hledger ledger beancount",
		"Expenses:Büro:Ökonomie":    "hledger ledger beancount",
		"Assets:Prepaid-Credit":     "hledger ledger beancount",
		"expenses:software":         "hledger ledger",
		"Software":                  "hledger ledger",
		"Aufwand:R & D:Dr. O'Neill": "hledger ledger",
		"費用:ソフト":                    "hledger ledger",
		"Expenses":                  "hledger ledger",
		"4400 Software/Cloud_x":     "hledger ledger",
		"Expenses:Co  Calc":         "", "Expenses:Co\tCalc": "", " Expenses:X": "", "Expenses:X ": "", "(Expenses:X)": "",
		"[Expenses:X]": "",
		"; X":          "", "Expenses:X;y": "", "": "", "Expenses::X": "", ":X": "", "X:": "", "* X": "", "! X": "",
		"X\nY": "", "Expenses: X": "", "=X": "", "<X>": "", "X\xff": "",
	} {
		for _, b := range bookkeepers {
			args := []string{"--expense-account", name}
			got := does(t, "", append([]string{"purchases", "--format", b.format}, args...)...)
			if !slices.Contains(strings.Fields(formats), b.format) {
				if got.code != 2 || got.out != "" || !strings.Contains(got.err, "--expense-account") {
					t.Errorf("%s, account %q: got exit code %d, %q, error %q; want 2, nothing, --expense-account in the error",
						b.format, name, got.code, got.out, got.err)
				}
				continue
			}
			if got.code != 0 {
				t.Errorf("%s, account %q: got exit code %d, want 0: %s", b.format, name, got.code, got.err)
				continue
			}
			account := strings.ReplaceAll(name, "/", ".") // the programs expect a pattern
			if sum, err := b.balance(t, exportJournal(t, b.format, args...), account); err != nil ||
				sum != dollarsOf(sumOf(examplePurchases())) {
				t.Errorf("%s: got %s in %q, want the ledger's sum; error %v", b.format, sum, name, err)
			}
		}
	}
}

func TestJournal_Options(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, c := range []struct{ args, says string }{
		{"--format excel", "choose hledger, ledger or beancount"},
		{"--format hledger --csv", "choose one of --format, --json and --csv"},
		{"--format hledger --json", "choose one of"},
		{"--expense-account Expenses:X", "--expense-account needs --format"},
		{"--csv --payment-account Assets:X", "--payment-account needs --format"},
		{"--no-open", "--no-open needs --format"},
		{"--format=", "--format needs"},
		{"--format ledger --payment-account " + expenseAccount, "are both"},
	} {
		got := does(t, "", append([]string{"purchases"}, strings.Fields(c.args)...)...)
		if got.code != 2 || got.out != "" || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: got exit code %d, %q, error %q; want 2, nothing, %q in the error", c.args, got.code, got.out, got.err,
				c.says)
		}
	}
}
