// Package commands is the grammar of the slash command /license. [Parse] turns text into a typed [Command], and into
// one [Mistake] with a plain sentence for each thing that it could not understand. [Format] prints a command again, and
// [HelpText] explains the grammar.
//
// The grammar is lenient about how things are typed (Slack's clients change quotes and dashes, escape characters, and
// wrap mentions and links; people write units, capitals, and spaces around "=") and strict about what is meant: it
// guesses nothing that could cost money. A command that comes with a mistake is there to be shown and corrected, never
// to be executed.
//
// One table, in field_table.go, has every field with its synonyms, units, choices and descriptions. The parser, the
// printer, the help and the bot's forms ([AllFields]) are made from it, so that they can't disagree. Whether a license
// of 400 GB can be bought is not a question of grammar: the help shows the bounds, and package cocalc checks them.
package commands
