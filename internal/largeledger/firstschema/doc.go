// Package firstschema writes ledgers of the first schema, as commit 0e4a2cf wrote them: with sentences where later
// ledgers have causes (codes with arguments), and without the fields that came later. They are for measurements of
// older programs, and of the upgrade. [Create] makes one with a history.
package firstschema
