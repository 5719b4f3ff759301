#!/usr/bin/env bash
# An hledger file that writes 63.75 means 6375 when it is included by books whose commodity directive has a decimal
# comma: the directive decides how numbers of included files are read, and takes the point for a mark between digit
# groups, although only two digits follow. Nothing is reported, and every check passes, since both sides of an entry
# grow alike. A generated journal has to begin with "decimal-mark ." of its own. Seen with Debian's hledger 1.25
# (manual: "Directives", their scope).
set -euo pipefail
if ! command -v hledger >/dev/null; then
  sudo=(); if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
  "${sudo[@]}" apt-get update -q >/dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends hledger >/dev/null
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME=$dir LANG=C.UTF-8
hledger --version

entry=$'2026-12-01 license\n    Expenses:Software    63.75 USD\n    Assets:Prepaid      -63.75 USD\n'
printf '%s' "$entry" >generated.journal
printf 'decimal-mark .\n\n%s' "$entry" >guarded.journal
for file in generated guarded; do
  printf 'commodity 1.000,00 USD\naccount Expenses:Software\naccount Assets:Prepaid\n\ninclude %s.journal\n' $file \
    >books-$file.journal
done
spent() { hledger -f "$1.journal" balance Expenses:Software --no-total --format '%(total)'; }

for file in generated guarded books-generated books-guarded; do
  printf '%-16s %s\n' "$file" "$(spent $file)"
done
hledger -f books-generated.journal check --strict # finds nothing wrong
[ "$(spent generated)" = '63.75 USD' ] && [ "$(spent guarded)" = '63.75 USD' ]
[ "$(spent books-generated)" = '6.375,00 USD' ] && [ "$(spent books-guarded)" = '63,75 USD' ]
