// Package commands holds the grammar of the slash command /license: text in, a typed [Command] out, with one plain
// sentence for every mistake.
//
// The grammar is forgiving about how things are typed (Slack's clients change quotes and dashes, escape characters
// and wrap mentions and links; people write units, capitals and blanks around "=") and strict about what is meant:
// nothing is guessed where money follows. A command that comes with a [Mistake] is there to be shown and corrected,
// never to be acted on.
//
// One table, in table.go, names every field with its synonyms, units, choices and words for people. The parser, the
// printer ([Format]), the help ([HelpText]) and the forms of the bot ([AllFields]) are made from it, so that they
// cannot disagree. Whether a license of 400 GB can be bought is not a question of grammar: bounds are named in the
// help and checked where licenses are specified.
package commands
