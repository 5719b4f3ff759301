package commands_test

import (
	"fmt"

	"licensebot/commands"
)

// Parse returns a typed command. With a mistake, the command is what was understood, and the mistake says what to
// write.
func ExampleParse() {
	command, mistakes := commands.Parse(`buy ram=16 GB cpu=2 days=90 title="Statistics 101"`)
	if buy, ok := command.(commands.Buy); ok && len(mistakes) == 0 {
		fmt.Println(*buy.Fields.RAM, *buy.Fields.CPU, *buy.Fields.Days, *buy.Fields.Title)
	}

	command, mistakes = commands.Parse("buy rma=16 cpu=2")
	fmt.Println(commands.Format(command))
	for _, m := range mistakes {
		fmt.Println(m.Sentence)
	}
	// Output:
	// 16 2 90 Statistics 101
	// buy cpu=2
	// `rma` isn't a field. Did you mean `ram`?
}
