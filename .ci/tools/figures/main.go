// Command figures measures the shape of a checkout of this module: lines and exported names of each package, the
// longest and the most complex functions, what the buying program compiles, what one purchase runs, and what the style
// rules count. It prints JSON, or with -before a Markdown table that compares a checkout with an earlier measurement:
//
//	.ci/figures -json >.ci/tools/figures/before.json
//	.ci/figures -before .ci/tools/figures/before.json
//
// The counts leave out testdata, node_modules, and folders whose names begin with a dot.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "root of the checkout to measure")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	before := flag.String("before", "", "file with the JSON of an earlier measurement to compare with")
	saved := flag.String("saved", "", "file with the JSON of a measurement to print instead of measuring")
	test := flag.String("test", "^TestConversation_BuyAndList$", "test of package bot that makes one purchase")
	flag.Parse()
	if err := run(*root, *test, *before, *saved, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(root, test, before, saved string, asJSON bool) error {
	now, err := load(saved)
	if saved == "" {
		now, err = measure(root, test)
	}
	if err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "\t")
		return out.Encode(now)
	}
	then, err := load(before)
	if err != nil {
		return err
	}
	return writeTables(os.Stdout, then, now)
}

// load reads a measurement that was printed as JSON; nil if file is empty.
func load(file string) (*Figures, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := new(Figures)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return f, nil
}
